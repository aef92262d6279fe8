"""What is a loaded model like: the shapes and ranges of its features, what each variant quantizes, and does a batch change its answers.

Windows are [clips time], logits [clips labels]. What is measured is measured on the recordings given, or on seeded noise where none are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from torch import Tensor

from robustness.analysis.outcomes import GOOD, NO_COMMAND, NO_LABEL, OUTCOMES
from robustness.audio.levels import from_decibels
from robustness.audio.recordings import Recording
from robustness.conditions import OTHER_WORD
from robustness.errors import RecordingError
from robustness.models.classifier import Classifier
from robustness.rendering import reference_windows
from robustness.seeds import generator_of

PROBE_DBFS: Final = (-50.0, -40.0, -30.0, -20.0)
NOTHING: Final = "nothing"  # what a device does whose command stays below its threshold
FLOAT_GAP: Final = 1e-4  # float sums in another order differ by less; int8 logits must not differ at all


class Features(NamedTuple):
    """What the front-end gives: bands and frames of one clip, and its values over the windows measured."""

    bands: int
    frames: int
    lowest: float
    highest: float
    silence: float  # what a window of zeros gives


class InspectedOutput(NamedTuple):
    """What the network gives over the windows measured: its range, and how far its probabilities are from summing to 1."""

    lowest: float
    highest: float
    sum_gap: float


class Independence(NamedTuple):
    """How far a loud batch-mate moves a clip's logits, and how far it may."""

    gap: float
    allowed: float

    @property
    def holds(self) -> bool:
        """Whether one clip's answer is its own."""
        return self.gap <= self.allowed


class InspectedAnswer(NamedTuple):
    """What a variant answers to one recording at the reference placement."""

    variant: str
    predicted: str  # the winning label; without a contest the command that is carried out, or "nothing"
    probability: float  # of that label, as the device compares it
    outcome: str | None  # what the device does; None where there is no word, or it is outside a vocabulary without `unknown`
    right: bool | None  # whether that is what it should do


class WordCount(NamedTuple):
    """One recording and the answers to it."""

    recording: str
    word: str | None
    answers: tuple[InspectedAnswer, ...]


class InspectedVariant(NamedTuple):
    """One variant: its own facts, as in `Classifier.about`, where it runs, and whether its answers are independent of the batch."""

    name: str
    about: dict[str, Any]
    device: str
    independence: Independence


@dataclass(frozen=True)
class Inspection:
    """What was found out about a model."""

    parameters: int | None
    features: Features
    output: InspectedOutput
    variants: tuple[InspectedVariant, ...]
    answered: tuple[WordCount, ...]
    measured_on: str


def inspect(classifiers: Sequence[Classifier], recordings: Sequence[Recording] = ()) -> Inspection:
    """Measures the variants of one model, the float one first.

    Args:
        classifiers: the variants.
        recordings: at the model's rate and no longer than its window; none measures on noise.
    """
    original = classifiers[0]
    windows = _windows(original, recordings)
    outputs = [classifier.logits(windows) for classifier in classifiers]
    return Inspection(
        parameters=original.network.parameters,
        features=_features(original, windows),
        output=_output(original, windows),
        variants=tuple(InspectedVariant(c.variant, c.about, str(c.device), independence(c, windows)) for c in classifiers),
        answered=tuple(_answered(classifiers, outputs, row, recording) for row, recording in enumerate(recordings)),
        measured_on=f"{len(recordings)} recordings" if recordings else f"{len(PROBE_DBFS)} windows of noise",
    )


def independence(classifier: Classifier, windows: Tensor) -> Independence:
    """The largest change of a logit between a clip alone and the same clip in one batch with the others and with noise at full scale.

    Args:
        classifier: a variant.
        windows: [clips time].
    """
    loud = torch.rand(1, windows.shape[1], generator=generator_of("loud batch-mate")) * 2 - 1
    alone = torch.cat([classifier.logits(window) for window in windows.split(1)])
    together = classifier.logits(torch.cat([windows, loud]))[: len(windows)]
    gap = float((alone - together).abs().nan_to_num(nan=torch.inf).max())
    return Independence(gap, 0.0 if classifier.about.get("quantized_layers") else FLOAT_GAP)


def logit_spread(recordings: Sequence[Recording], count: int) -> list[Recording]:
    """As many recordings, evenly from first to last."""
    if count >= len(recordings):
        return list(recordings)
    return [recordings[i * len(recordings) // count] for i in range(count)]


def _windows(classifier: Classifier, recordings: Sequence[Recording]) -> Tensor:
    frame = classifier.frame
    if not recordings:
        rng = generator_of("inspection")
        levels = torch.tensor([from_decibels(level) for level in PROBE_DBFS])[:, None]
        return torch.randn(len(PROBE_DBFS), frame.samples, generator=rng) * levels
    return reference_windows(recordings, frame).samples


def _features(classifier: Classifier, windows: Tensor) -> Features:
    features = classifier.features(windows)
    zeros = classifier.features(torch.zeros(1, classifier.frame.samples))
    return Features(features.shape[2], features.shape[3], float(features.min()), float(features.max()), float(zeros.mean()))


def _output(classifier: Classifier, windows: Tensor) -> InspectedOutput:
    features = classifier.features(windows)
    with classifier.network.evaluating(), torch.inference_mode():
        outputs = classifier.outputs(features).float().cpu()
    made = {"log-probabilities": outputs.exp(), "probabilities": outputs, "sigmoids": outputs}
    probabilities = made.get(classifier.output, outputs.softmax(1))
    return InspectedOutput(float(outputs.min()), float(outputs.max()), float((probabilities.double().sum(1) - 1).abs().max()))


def _answered(classifiers: Sequence[Classifier], logits: Sequence[Tensor], row: int, recording: Recording) -> WordCount:
    answers = tuple(_answer(c, scores[row], _truth(c, recording)) for c, scores in zip(classifiers, logits, strict=True))
    return WordCount(recording.id, recording.label, answers)


def _answer(classifier: Classifier, logits: Tensor, truth: str | None) -> InspectedAnswer:
    place = NO_LABEL if truth is None else NO_COMMAND if truth == OTHER_WORD else classifier.labels.index(truth)
    decisions = classifier.decide(logits[None], torch.tensor([place]))
    winner, code = int(decisions.predicted[0]), int(decisions.outcome[0])
    if not classifier.point.contest and decisions.command[0] >= 0:
        winner = int(decisions.command[0])
    predicted, p = classifier.labels[winner], float(classifier.probabilities(logits[None])[0, winner])
    bar = classifier.point.threshold_of(predicted)
    carried = classifier.point.contest or bar is None or np.float32(p) >= np.float32(bar)
    outcome = OUTCOMES[code] if code >= 0 else None
    return InspectedAnswer(classifier.variant, predicted if carried else NOTHING, p, outcome, None if outcome is None else outcome in GOOD)


def _truth(classifier: Classifier, recording: Recording) -> str | None:
    try:
        return classifier.truth(recording.label)
    except RecordingError:
        return None
