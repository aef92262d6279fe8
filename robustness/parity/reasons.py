"""Why does a device compute other features or outputs than its model? What is tried, and how much of the gap it explains.

Tried are the conventions of front-ends one at a time (window, mel scale, floor, samples of 16 bit …), a hop that is one sample off with the
frames that follow from it, a state that was not reset between two clips, kernels that round otherwise, and answers that are those of
other clips.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from robustness.checks.alternatives import Alternative, alternatives_to
from robustness.errors import RobustnessError
from robustness.frontends.base import Frontend
from robustness.frontends.conventions import changed, steps
from robustness.frontends.fit import nearest_step
from robustness.frontends.matching import MatchTarget, tensor_of
from robustness.frontends.spectral import SpectralFrontend
from robustness.models.classifier import Classifier
from robustness.models.golden import in_our_order, settings_text
from robustness.parity.computed import Computed
from robustness.parity.dump import Dump

Array = NDArray[np.float64]
EXPLAINS: Final = 0.5  # an explanation leaves no more of the gap
CLIPS_TRIED: Final = 8
NEAR: Final = 0.3  # of a band's standard deviation: what remains of features of another size


def why_features(classifier: Classifier, given: Array, ours: Computed, clip: int) -> str:
    """What explains features of the same size, [clips bands frames], at the clip that is farthest off."""
    kept = _state_kept(classifier, given, ours)
    if kept:
        return kept
    samples, frontend = ours.samples[clip].astype(np.float32), classifier.frontend
    found = nearest_step(samples, frontend, given[clip])
    best = (settings_text(found[0]), found[1].largest, found[1].error) if found else None
    for setting in _hops(frontend):
        made = changed(frontend, setting)
        error, largest = _with_frames(made, samples, given[clip]) if made is not None else (np.inf, np.inf)
        if error < NEAR and (best is None or error < best[2]):
            best = (settings_text(setting), largest, error)
    return f"; with {best[0]} in [frontend] ours would agree to {best[1]:.3g}" if best else ""


def resized(classifier: Classifier, given: Array, samples: Array) -> tuple[str, float] | None:
    """The change of one setting that gives features of another size, and how far they are off then; None if none explains them.

    Args:
        classifier: the model.
        given: one clip's, in whichever order of axes.
        samples: of that clip, [time].
    """
    frontend, best = classifier.frontend, None
    clip = tensor_of(samples.astype(np.float32))
    for setting in (*_hops(frontend), *steps(frontend)):
        made = changed(frontend, setting)
        if made is None:
            continue
        try:
            bands, frames = made.features(clip).shape[2:]
        except (RuntimeError, ValueError, IndexError, RobustnessError):
            continue
        ordered = in_our_order(given, torch.Size((bands, frames)), bands, frames)
        if ordered is None:
            continue
        match = MatchTarget(clip, made.rate_hz, ordered).match(made, affine=False)
        if match.error < NEAR and (best is None or match.error < best[2]):
            best = (settings_text(setting), match.largest, match.error)
    return None if best is None else best[:2]


def _hops(frontend: Frontend) -> list[dict[str, Any]]:
    return [{"hop_samples": frontend.hop_samples + by} for by in (-1, 1)] if isinstance(frontend, SpectralFrontend) else []


def _with_frames(frontend: Frontend, samples: NDArray[np.float32], given: Array) -> tuple[float, float]:
    """How far a front-end's features are off, in the frames that both have: in standard deviations, and at most."""
    made = frontend.features(tensor_of(samples))[0, 0].double().numpy()
    frames = min(made.shape[1], given.shape[1] - 1)  # the last one may be there twice
    away = np.abs(made[:, :frames] - given[:, :frames])
    return float(np.sqrt(np.square(away).mean()) / max(float(given.std()), 1e-12)), float(away.max())


def _state_kept(classifier: Classifier, given: Array, ours: Computed) -> str:
    """Whether each clip's features are those after the clip before it: the front-end's state was not reset."""
    if len(given) < 2:
        return ""
    samples = torch.from_numpy(ours.samples[:CLIPS_TRIED]).float()
    both = torch.cat([samples[:-1], samples[1:]], dim=1)
    try:
        made = classifier.features(both)[:, 0, :, -given.shape[2] :].cpu().double().numpy()
    except (RuntimeError, ValueError, RobustnessError):
        return ""
    some = slice(1, len(made) + 1)
    before = float(np.square(given[some] - ours.features[some]).mean())
    rest = float(np.square(given[some] - made).mean()) if made.shape == given[some].shape else np.inf
    if rest > 0.01 * before:
        return ""
    return "; each clip is computed with the front-end's state after the clip before it: reset it between clips"


def why_outputs_alone(classifier: Classifier, dump: Dump, ours: Computed) -> str:
    """What explains outputs of features that agree: answers of other clips, other kernels, a network's state that was not reset."""
    before = float(np.square(dump.outputs - ours.outputs).mean())
    for by, words in ((1, "those of the clip before"), (-1, "those of the clip after")):
        if len(dump.outputs) > 2 and float(np.square(dump.outputs - np.roll(ours.outputs, by, axis=0))[1:-1].mean()) < 0.01 * before:
            return f"; the answers are {words}: the dump is one clip off"
    if (kept := _answers_kept(classifier, dump, ours)) or (kept := _other_kernels(classifier, dump, ours)):
        return kept
    return "; the features agree, so the network, its weights or its arithmetic differ"


def _answers_kept(classifier: Classifier, dump: Dump, ours: Computed) -> str:
    """Whether a network with a state went on from the clip before."""
    if getattr(classifier.network.can, "step_frames", None) is None or len(ours.outputs) < 2:
        return ""
    features = torch.from_numpy(ours.features[:CLIPS_TRIED, None]).float()
    joined = torch.cat([features[:-1], features[1:]], dim=3)
    with classifier.network.evaluating(), torch.inference_mode():
        made = classifier.outputs(joined).double().cpu().numpy()
    given, fresh = dump.outputs[1 : len(made) + 1], ours.outputs[1 : len(made) + 1]
    explained = np.square(given - made).mean() <= 0.05 * np.square(given - fresh).mean()
    return "; each clip is answered with the network's state after the clip before it: reset it between clips" if explained else ""


def _other_kernels(classifier: Classifier, dump: Dump, ours: Computed) -> str:
    """Whether the other kernels of the same file give these outputs."""
    from robustness.models.formats.tflite import Kernels, TfliteNetwork, network_of

    network = classifier.network
    if not isinstance(network, TfliteNetwork) or network.graph.is_hybrid:
        return ""
    features = torch.from_numpy(ours.features[:, None]).float()
    before = float(np.abs(dump.outputs - ours.outputs).max())
    rests = {}
    for other in (kind for kind in get_args(Kernels) if kind != network.kernels):
        made = replace(classifier, network=network_of(network.content, other, network.frontend, network.output))
        rests[other] = float(np.abs(dump.outputs - made.outputs(features).double().cpu().numpy()).max())
    best = min(rests, key=lambda kind: rests[kind])
    if rests[best] > EXPLAINS * before:
        return ""
    words = f"; with the {best} kernels of the same file they agree to {rests[best]:.3g}: the kernels round otherwise"
    return f'{words} (kernels = "{best}" in the card)'


def why_outputs(classifier: Classifier, dump: Dump, ours: Computed) -> str:
    """Which other front-end gives outputs nearer to the device's, where features were not dumped."""
    some = slice(0, CLIPS_TRIED)
    samples = torch.from_numpy(ours.samples[some]).float()
    before = float(np.square(dump.outputs[some] - ours.outputs[some]).mean())
    best, words = EXPLAINS**2 * before, ""
    for alternative in (*alternatives_to(classifier.frontend), *_framings(classifier)):
        features = alternative.tried(classifier, samples)
        if features is None:
            continue
        with classifier.network.evaluating(), torch.inference_mode():
            rest = float(np.square(classifier.outputs(features).double().cpu().numpy() - dump.outputs[some]).mean())
        if rest < best:
            best, words = rest, f"; {alternative.says} ours would be {np.sqrt(rest / before):.2g} of that away"
    return words


def _framings(classifier: Classifier) -> list[Alternative]:
    """The front-end with its hop off by one, or with another window."""
    frontend = classifier.frontend
    if not isinstance(frontend, SpectralFrontend):
        return []
    hops: list[dict[str, object]] = [{"hop_samples": frontend.hop_samples + by} for by in (-1, 1)]
    windows: list[dict[str, object]] = [{"window": kind} for kind in ("hann", "hamming", "rectangular")]
    windows.append({"window_periodic": not frontend.window_periodic})
    floors: list[dict[str, object]] = [{"floor": frontend.floor * by} for by in (0.01, 100.0)]
    found = ((setting, changed(frontend, setting)) for setting in (*hops, *windows, *floors))
    frames = frontend.features(torch.zeros(1, classifier.frame.samples)).shape[3]
    return [Alternative(f"with {settings_text(one)}", "", _cut(made, frames)) for one, made in found if made is not None]


def _cut(frontend: Frontend, frames: int) -> Callable[[Tensor], Tensor]:
    """Its features with so many frames, the last one once more where there are too few."""
    return lambda samples: functional.pad(frontend.features(samples), (0, 1, 0, 0), mode="replicate")[..., :frames]
