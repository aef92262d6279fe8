"""What does a variant answer to some windows, and is that good at its operating point?

Good, and the outcome margin, are those of `analysis.outcomes`: by them it is said what fails, what restores, and what was lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from robustness.analysis.outcomes import GOOD, OUTCOMES
from robustness.errors import CannotJudgeError, UsageError
from robustness.models.classifier import Classifier
from robustness.sweep.engine import Engine
from robustness.sweep.trials import label_indices


class Given(NamedTuple):
    """What was answered.

    Attributes:
        margin: the outcome margin, in log-odds; NaN where it is undefined.
        predicted: the winning label.
        outcome: what the device does; empty where the truth is not known.
    """

    margin: float
    predicted: str
    outcome: str

    @property
    def good(self) -> bool:
        """Whether the device does the right thing."""
        return self.outcome in GOOD


class HeardWindow(NamedTuple):
    """What was heard at one lead.

    Attributes:
        lead_ms: where the recording lay.
        window: [time].
        logits: of each variant, [labels].
    """

    lead_ms: float
    window: Tensor
    logits: Mapping[str, Tensor]


def by_variant(classifiers: Sequence[Classifier]) -> dict[str, Classifier]:
    """The classifiers by the name that their trials carry: the variant, or `model · variant` where there are several models."""
    several = len({classifier.name for classifier in classifiers}) > 1
    return {f"{c.name} · {c.variant}" if several else c.variant: c for c in classifiers}


def given_by(classifier: Classifier, logits: Tensor, truths: Sequence[str | None]) -> list[Given]:
    """What logits are answers to, beside the truth.

    Args:
        classifier: whose logits they are.
        logits: [clips labels].
        truths: the label of each clip, as `Classifier.truth` gives it.
    """
    found = classifier.decide(logits, label_indices(classifier, truths))
    labels = [classifier.labels[place] for place in found.predicted]
    outcomes = ["" if place < 0 else OUTCOMES[place] for place in found.outcome]
    return [Given(*each) for each in zip(found.margin.tolist(), labels, outcomes, strict=True)]


def answers_of(engine: Engine, windows: Tensor, truths: Sequence[str | None]) -> dict[str, list[Given]]:
    """What each variant of an engine answers to windows, [clips time]."""
    variants = by_variant(engine.classifiers)
    found = zip(variants.items(), engine.answers(windows), strict=True)
    return {name: given_by(classifier, logits, truths) for (name, classifier), logits in found}


def hear(engine: Engine, windows: Mapping[str, tuple[float, Tensor]]) -> dict[str, HeardWindow]:
    """What each variant of an engine answers to some windows, by their names.

    Args:
        engine: what asks all variants at once.
        windows: a lead in ms and a window [time], by name.

    Raises:
        UsageError: where an output is not [clips labels].
        CannotJudgeError: where a logit is not a number.
    """
    variants, stacked = by_variant(engine.classifiers), torch.stack([window for _, window in windows.values()])
    logits = engine.answers(stacked)
    for (variant, classifier), each in zip(variants.items(), logits, strict=True):
        _check(variant, classifier, each, len(stacked))
    return {
        name: HeardWindow(lead_ms, window, {variant: each[row] for variant, each in zip(variants, logits, strict=True)})
        for row, (name, (lead_ms, window)) in enumerate(windows.items())
    }


def _check(variant: str, classifier: Classifier, logits: Tensor, clips: int) -> None:
    if logits.shape != (clips, len(classifier.labels)):
        raise UsageError(
            f"{variant} gives {list(logits.shape)} for {clips} clips; expected [clips labels], "
            f"[{clips}, {len(classifier.labels)}]; pool over time in the network, or correct its labels"
        )
    if not bool(logits.isfinite().all()):
        raise CannotJudgeError(f"{variant} answers with NaN or infinite logits; look for NaN in the weights and the recording")


def worst_of(given: Mapping[str, Given]) -> str:
    """The variant that is worst off: of those that are not good, the one with the least outcome margin."""
    return min(given, key=lambda variant: (given[variant].good, given[variant].margin, variant))
