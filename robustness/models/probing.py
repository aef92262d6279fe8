"""Do a card's front-end, network and output kind go together, tried on a window of zeros and one of noise."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from robustness.errors import CardError, RobustnessError
from robustness.models.checkpoints import first_line
from robustness.models.classifier import Classifier, Output
from robustness.seeds import generator_of

SUM_TOLERANCE: Final = 1e-3  # float32 log_softmax over a few hundred labels sums to 1 within 1e-5
HALF: Final = "Half"  # as torch calls float16
PROBE_LEVEL: Final = 0.05
SETTINGS: Final = "the front-end's settings, window.duration_ms or network.arguments are not those that it was trained with"


def probe(classifier: Classifier, card: Path) -> Tensor:
    """Tries a classifier on two windows, and gives their features, [2 1 bands frames].

    Raises:
        CardError: the features cannot be computed or are not [clips 1 bands frames], the network does not take them, its outputs are
            not [clips labels], not finite, or not of the kind that the card says.
    """
    silence = torch.zeros(1, classifier.frame.samples)
    noise = torch.randn(1, classifier.frame.samples, generator=generator_of("probe")) * PROBE_LEVEL
    for windows in (silence, torch.cat([silence, noise])):
        features = _features(classifier, windows, card)
        outputs = _outputs(classifier, features, card)
        expected = (len(windows), len(classifier.labels))
        if outputs.shape != expected:
            raise CardError(
                f"{card}: the network gives {list(outputs.shape)} for {len(windows)} clips; expected [clips labels] = {list(expected)}, "
                f"for the card has {len(classifier.labels)} labels"
            )
        if not outputs.isfinite().all():
            what = "a window of zeros" if not outputs[0].isfinite().all() else "a window of noise"
            raise CardError(f"{card}: the network gives NaN or infinite outputs for {what}; {SETTINGS}, or the weights are damaged")
        contradiction = output_contradiction(outputs, classifier.output, classifier.probability_step)
        if contradiction:
            raise CardError(f'{card}: output = "{classifier.output}", and {contradiction}')
    return features.clone()


def _features(classifier: Classifier, windows: Tensor, card: Path) -> Tensor:
    try:
        features = classifier.features(windows)
    except RobustnessError as error:
        raise CardError(f"{card}: {error}") from error
    except Exception as error:  # the user's own front-end may raise anything
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CardError(f"{card}: the front-end cannot be computed with the settings in [frontend]: {reason}") from error
    if features.ndim != 4 or len(features) != len(windows):
        raise CardError(f"{card}: the front-end gives {list(features.shape)}; expected [clips 1 bands frames]")
    if not features.isfinite().all():
        raise CardError(f"{card}: the front-end gives NaN or infinite features; correct its settings in [frontend]")
    return features


def _outputs(classifier: Classifier, features: Tensor, card: Path) -> Tensor:
    """What the network itself gives, before any conversion."""
    try:
        with classifier.network.evaluating(), torch.inference_mode():
            outputs = classifier.outputs(features)
    except CardError as error:
        raise CardError(f"{card}: {error}") from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # what a user's own code may raise: everything but Ctrl-C
        reason = first_line(error)
        if HALF in reason:
            why = f"its weights are in half precision and the features are not: let network.factory give it with .float() ({reason})"
            raise CardError(f"{card}: the network does not take features: {why}") from error
        shape = " ".join(str(size) for size in features.shape)
        raise CardError(f"{card}: the network does not take features of the shape [{shape}]: {reason}; {SETTINGS}") from error
    if not isinstance(outputs, Tensor):
        raise CardError(f"{card}: the network gives a {type(outputs).__name__}; expected one tensor [clips labels]")
    return outputs.float().cpu()


def output_contradiction(outputs: Tensor, kind: Output, step: float | None = None) -> str | None:
    """Why outputs, [clips labels], cannot be of that kind; None where they can. Quantized ones sum to 1 within half a step a label."""
    allowed = SUM_TOLERANCE if step is None else max(SUM_TOLERANCE, step * outputs.shape[1] / 2)
    probabilities = _are_probabilities(outputs, allowed)
    inside = bool(((outputs >= -SUM_TOLERANCE) & (outputs <= 1 + SUM_TOLERANCE)).all())
    logs = bool((outputs <= SUM_TOLERANCE).all()) and _are_probabilities(outputs.exp())
    if kind == "sigmoids":
        low, high = float(outputs.min()), float(outputs.max())
        return None if inside else f"the network's outputs lie between {low:.3g} and {high:.3g}, not between 0 and 1"
    if kind == "probabilities" and not probabilities:
        found = "log-probabilities" if logs else "sigmoids" if inside else "logits"
        low, high, total = float(outputs.min()), float(outputs.max()), float(outputs[0].sum())
        return f"the network's outputs lie between {low:.3g} and {high:.3g} and sum to {total:.3g}, not to 1; they look like {found}"
    if kind == "log-probabilities" and not logs:
        found = "probabilities" if probabilities else "sigmoids" if inside else "logits"
        total = float(outputs[0].exp().sum())
        return f"the exponentials of the network's outputs sum to {total:.3g}, not to 1; they look like {found}"
    if kind == "logits" and probabilities:
        return "the network's outputs lie between 0 and 1 and sum to 1; they look like probabilities"
    return None


def _are_probabilities(values: Tensor, allowed: float = SUM_TOLERANCE) -> bool:
    inside = bool(((values >= -SUM_TOLERANCE) & (values <= 1 + SUM_TOLERANCE)).all())
    return inside and bool(((values.sum(1) - 1).abs() <= allowed).all())
