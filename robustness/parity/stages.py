"""Does a device compute what the model computes, and if not, at which stage does it depart first, and why?

Samples, features and outputs are compared in this order, as far as the dump has them. A departure is explained by what is tried: samples
scaled, with their bytes exchanged or late; another convention of the front-end; rounding. Samples are compared in steps of 16 bit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from robustness.audio.recordings import Recording
from robustness.errors import UsageError
from robustness.frontends.scaling import FULL_SCALE
from robustness.models.classifier import Classifier
from robustness.models.golden import in_our_order
from robustness.parity.computed import Computed, said_of
from robustness.parity.dump import Dump
from robustness.parity.quantized_inputs import agrees_cut, agrees_rounded, features_of_inputs, input_range
from robustness.parity.reasons import EXPLAINS, resized, why_features, why_outputs, why_outputs_alone

Array = NDArray[np.float64]
SAMPLE_STEPS: Final = 1.0  # of 16 bit: rounding
FEATURE_SHARE: Final = 2e-3  # of the features' range
OUTPUT_GAP: Final = 1e-3  # of the range of the outputs: a float network on two machines differs by less
ROUNDED: Final = 1.01  # steps of a quantized input: rounded the other way
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


def in_order(dump: Dump, recordings: Sequence[Recording]) -> list[Recording]:
    """The recordings of a dump, in its order.

    Raises:
        UsageError: the dump names one that is not given or names one twice, or has another number without names.
    """
    if dump.ids is None:
        if dump.conditions is not None:
            raise UsageError("the dump has `perturbation` and `level` and no `ids`; name the recordings, for each is there several times")
        if len(dump.outputs) != len(recordings):
            raise UsageError(f"the dump holds {len(dump.outputs)} clips without `ids`, and {len(recordings)} recordings are given")
        return list(recordings)
    known = {one.id: one for one in recordings}
    short = {one.id.rpartition("/")[2]: one for one in recordings}
    named = short if len(short) == len(known) else {}
    stems = {name.rpartition(".")[0] + ".bin": one for name, one in short.items()}  # a runner's files of features
    named |= stems if len(stems) == len(known) else {}
    missing = [name for name in dump.ids if name not in known and name not in named]
    keys = dump.ids if dump.conditions is None else tuple(name + said_of(one) for name, one in zip(dump.ids, dump.conditions, strict=True))
    twice = sorted({name for name, count in Counter(keys).items() if count > 1})
    if missing or twice:
        what = f"{missing[0]}, which is not among the {len(known)} recordings" if missing else f"{twice[0]} more than once"
        raise UsageError(f"the dump has {what}; its paths are relative to the folder given")
    return [known.get(name) or named[name] for name in dump.ids]


def stages_of(classifier: Classifier, dump: Dump, ours: Computed) -> list[StageParity]:
    """The stages that the dump has, in the order of computing; what departs because an earlier stage does is not explained again.

    Raises:
        UsageError: features or samples are of another shape.
    """
    stages: list[StageParity] = []
    if dump.samples is not None:
        stages.append(_of_samples(dump.samples, ours))
    features = dump.features if dump.inputs is None or dump.features is not None else features_of_inputs(classifier, dump.inputs)
    if features is not None:
        stages.append(_of_features(classifier, dump, features, ours, explain=all(one.agrees for one in stages)))
    stages.append(_of_outputs(classifier, dump, ours, explain=all(one.agrees for one in stages), features=features is not None))
    return stages


def _of_samples(given: Array, ours: Computed) -> StageParity:
    if given.shape[1] > ours.samples.shape[1]:
        raise UsageError(f"`samples` of the dump has {given.shape[1]} a clip; the window has {ours.samples.shape[1]}")
    scaled = given / FULL_SCALE if np.abs(given).max() > 2 else given
    expected = ours.samples[:, : given.shape[1]]
    gaps = np.abs(scaled - expected) * FULL_SCALE
    largest, where = float(gaps.max()), ours.names[int(gaps.max(1).argmax())]
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


def _of_features(classifier: Classifier, dump: Dump, given: Array, ours: Computed, *, explain: bool) -> StageParity:
    bands, frames = ours.features.shape[1:]
    ordered = [in_our_order(clip, torch.Size((bands, frames)), bands, frames) for clip in given]
    if any(clip is None for clip in ordered):
        return _of_another_size(classifier, given, ours)
    expected, found, step = np.asarray(ordered), ours.features, 0.0
    if dump.inputs is not None and dump.features is None:  # the network's own numbers, that is, steps of its input
        step, low, high = input_range(classifier)
        found = found.clip(low, high)
    gaps = np.abs(expected - found)
    allowed = 1.0 if classifier.frontend.quantized else max(step * ROUNDED, FEATURE_SHARE * max(float(np.ptp(found)), 1e-9))
    largest = float(gaps.max())
    clip, band, frame = (int(place) for place in np.unravel_index(int(gaps.argmax()), gaps.shape))
    says = f"by up to {largest:.3g} of {allowed:.3g} allowed, most in band {band}, frame {frame} of {ours.names[clip]}"
    agrees = largest <= allowed
    if not agrees and explain:
        says += why_features(classifier, expected, ours, clip)
    elif step and not agrees_rounded(classifier, expected, found):
        says += "; they are cut and not rounded" if agrees_cut(classifier, expected, found) else ""
    return StageParity("features", agrees, largest, allowed, says)


def _of_another_size(classifier: Classifier, given: Array, ours: Computed) -> StageParity:
    """Features of another number of frames or bands: which setting would give as many, if one explains them.

    Raises:
        UsageError: none does.
    """
    bands, frames = ours.features.shape[1:]
    shape = list(given.shape[1:])
    found = resized(classifier, given[0], ours.samples[0])
    if found is None:
        raise UsageError(f"`features` of the dump has the shape {shape} a clip; the front-end gives {bands} bands and {frames} frames")
    sizes = f"they have the shape {shape} a clip, and the model's {[bands, frames]}"
    says = f"{sizes}; with {found[0]} in [frontend] ours would agree to {found[1]:.3g}"
    return StageParity("features", agrees=False, largest=float("inf"), allowed=0.0, says=says)


def _of_outputs(classifier: Classifier, dump: Dump, ours: Computed, *, explain: bool, features: bool) -> StageParity:
    gaps = np.abs(dump.outputs - ours.outputs)
    step, allowed = classifier.probability_step, output_tolerance(classifier, ours) + dump.resolution
    largest = float(gaps.max())
    clip, label = (int(place) for place in np.unravel_index(int(gaps.argmax()), gaps.shape))
    steps = "" if step is None else f", {largest / step:.0f} of its steps"
    says = f"by up to {largest:.3g}{steps}, of {allowed:.3g} allowed, most at {classifier.labels[label]} of {ours.names[clip]}"
    agrees = largest <= allowed
    if not agrees and explain:
        says += why_outputs_alone(classifier, dump, ours) if features else why_outputs(classifier, dump, ours)
    return StageParity("outputs", agrees, largest, allowed, says)


def output_tolerance(classifier: Classifier, ours: Computed) -> float:
    """How far an output may be off: a step of quantized probabilities, or what two machines differ by."""
    return classifier.probability_step or OUTPUT_GAP * max(1.0, float(np.ptp(ours.outputs)))
