"""Does a device compute what the model computes, and if not, at which stage does it depart first, and why?

Samples, features and outputs are compared in this order, as far as the dump has them. A departure is explained by what is tried: samples
scaled, with their bytes exchanged or late; another convention of the front-end; rounding. Samples are compared in steps of 16 bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from robustness.audio.recordings import Recording
from robustness.checks.alternatives import Alternative, alternatives_to
from robustness.errors import UsageError
from robustness.frontends.base import Frontend
from robustness.frontends.conventions import changed
from robustness.frontends.fit import nearest_step
from robustness.frontends.scaling import FULL_SCALE
from robustness.frontends.spectral import SpectralFrontend
from robustness.models.classifier import Classifier
from robustness.models.golden import in_our_order, settings_text
from robustness.parity.dumps import Dump
from robustness.rendering import reference_windows

Array = NDArray[np.float64]
SAMPLE_STEPS: Final = 1.0  # of 16 bit: rounding
FEATURE_SHARE: Final = 2e-3  # of the features' range
OUTPUT_GAP: Final = 1e-3  # of the range of the outputs: a float network on two machines differs by less
EXPLAINS: Final = 0.5  # an explanation leaves no more of the gap
CLIPS_TRIED: Final = 8
LATE: Final = range(-32, 33)  # samples


class StageParity(NamedTuple):
    """One stage.

    Attributes:
        name: samples, features or outputs.
        agrees: whether the largest gap is no more than rounding.
        largest: in steps of 16 bit, in the unit of the features, in that of the outputs.
        allowed: in the same.
        says: by how much, where, and what explains it.
    """

    name: str
    agrees: bool
    largest: float
    allowed: float
    says: str


@dataclass(frozen=True, eq=False)
class Computed:
    """What the model gives for the recordings of a dump, in the dump's order.

    Attributes:
        ids: of the recordings.
        samples: windows, [clips time].
        features: [clips bands frames].
        outputs: of the network, [clips labels].
    """

    ids: tuple[str, ...]
    samples: Array
    features: Array
    outputs: Array


def in_order(dump: Dump, recordings: Sequence[Recording]) -> list[Recording]:
    """The recordings of a dump, in its order.

    Raises:
        UsageError: the dump names one that is not given or names one twice, or has another number without names.
    """
    if dump.ids is None:
        if len(dump.outputs) != len(recordings):
            raise UsageError(f"the dump holds {len(dump.outputs)} clips without `ids`, and {len(recordings)} recordings are given")
        return list(recordings)
    known = {one.id: one for one in recordings}
    short = {one.id.rpartition("/")[2]: one for one in recordings}
    named = short if len(short) == len(known) else {}
    missing = [name for name in dump.ids if name not in known and name not in named]
    twice = sorted({name for name in dump.ids if dump.ids.count(name) > 1})
    if missing or twice:
        what = f"{missing[0]}, which is not among the {len(known)} recordings" if missing else f"{twice[0]} more than once"
        raise UsageError(f"the dump has {what}; its paths are relative to the folder given")
    return [known.get(name) or named[name] for name in dump.ids]


def computed(classifier: Classifier, recordings: Sequence[Recording]) -> Computed:
    """What a model gives for recordings at the reference placement, a clip at a time as a device does."""
    samples = reference_windows(recordings, classifier.frame).samples
    features = torch.cat([classifier.features(clip) for clip in samples.split(1)])
    with classifier.network.evaluating(), torch.inference_mode():
        outputs = torch.cat([classifier.outputs(clip).float().cpu() for clip in features.split(1)])
    plain = (part.double().cpu().numpy() for part in (samples, features[:, 0], outputs))
    return Computed(tuple(one.id for one in recordings), *plain)


def stages_of(classifier: Classifier, dump: Dump, ours: Computed) -> list[StageParity]:
    """The stages that the dump has, in the order of computing; what departs because an earlier stage does is not explained again.

    Raises:
        UsageError: features or samples are of another shape.
    """
    stages: list[StageParity] = []
    if dump.samples is not None:
        stages.append(_of_samples(dump.samples, ours))
    if dump.features is not None:
        stages.append(_of_features(classifier, dump.features, ours, explain=all(one.agrees for one in stages)))
    stages.append(_of_outputs(classifier, dump, ours, explain=all(one.agrees for one in stages) and dump.features is None))
    return stages


def _of_samples(given: Array, ours: Computed) -> StageParity:
    if given.shape[1] > ours.samples.shape[1]:
        raise UsageError(f"`samples` of the dump has {given.shape[1]} a clip; the window has {ours.samples.shape[1]}")
    scaled = given / FULL_SCALE if np.abs(given).max() > 2 else given
    expected = ours.samples[:, : given.shape[1]]
    gaps = np.abs(scaled - expected) * FULL_SCALE
    largest, where = float(gaps.max()), ours.ids[int(gaps.max(1).argmax())]
    agrees = largest <= SAMPLE_STEPS
    says = f"by up to {largest:.3g} steps of 16 bit of {SAMPLE_STEPS:g} allowed, most in {where}"
    return StageParity("samples", agrees, largest, SAMPLE_STEPS, says if agrees else says + _why_samples(scaled, expected))


def _why_samples(given: Array, expected: Array) -> str:
    """What was done to samples, if it is one of a few things."""
    words = (given * FULL_SCALE).round().clip(-32768, 32767).astype("<i2")
    tried = {"with their bytes exchanged (byte order)": words.byteswap().astype(np.float64) / FULL_SCALE}
    tried |= {f"{abs(by)} samples {'later' if by > 0 else 'earlier'}": np.roll(given, -by, axis=1) for by in LATE if by}
    gain = float((given * expected).sum() / max(float(np.square(given).sum()), 1e-30))
    tried[f"multiplied by {gain:.4g}"] = given * gain
    rest = {words: float(np.square(made - expected).mean()) for words, made in tried.items()}
    best = min(rest, key=lambda name: rest[name])
    return f"; {best} they agree better" if rest[best] <= EXPLAINS**2 * float(np.square(given - expected).mean()) else ""


def _of_features(classifier: Classifier, given: Array, ours: Computed, *, explain: bool) -> StageParity:
    bands, frames = ours.features.shape[1:]
    taken = torch.Size(ours.features.shape[1:])
    ordered = [in_our_order(clip, taken, bands, frames) for clip in given]
    if any(clip is None for clip in ordered):
        shape = list(given.shape[1:])
        raise UsageError(f"`features` of the dump has the shape {shape} a clip; the front-end gives {bands} bands and {frames} frames")
    expected = np.asarray(ordered)
    gaps = np.abs(expected - ours.features)
    allowed = FEATURE_SHARE * max(float(np.ptp(ours.features)), 1e-9)
    if classifier.frontend.quantized:
        allowed = 1.0
    largest = float(gaps.max())
    clip, band, frame = (int(place) for place in np.unravel_index(int(gaps.argmax()), gaps.shape))
    says = f"by up to {largest:.3g} of {allowed:.3g} allowed, most in band {band}, frame {frame} of {ours.ids[clip]}"
    agrees = largest <= allowed
    if not agrees and explain:
        found = nearest_step(ours.samples[clip].astype(np.float32), classifier.frontend, expected[clip])
        says += f"; with {settings_text(found[0])} in [frontend] ours would agree to {found[1].largest:.3g}" if found else ""
    return StageParity("features", agrees, largest, allowed, says)


def _of_outputs(classifier: Classifier, dump: Dump, ours: Computed, *, explain: bool) -> StageParity:
    gaps = np.abs(dump.outputs - ours.outputs)
    step, allowed = classifier.probability_step, output_tolerance(classifier, ours)
    largest = float(gaps.max())
    clip, label = (int(place) for place in np.unravel_index(int(gaps.argmax()), gaps.shape))
    steps = "" if step is None else f", {largest / step:.0f} of its steps"
    says = f"by up to {largest:.3g}{steps}, of {allowed:.3g} allowed, most at {classifier.labels[label]} of {ours.ids[clip]}"
    agrees = largest <= allowed
    return StageParity("outputs", agrees, largest, allowed, says if agrees or not explain else says + _why_outputs(classifier, dump, ours))


def output_tolerance(classifier: Classifier, ours: Computed) -> float:
    """How far an output may be off: a step of quantized probabilities, or what two machines differ by."""
    return classifier.probability_step or OUTPUT_GAP * max(1.0, float(np.ptp(ours.outputs)))


def _why_outputs(classifier: Classifier, dump: Dump, ours: Computed) -> str:
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
