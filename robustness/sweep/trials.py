"""What one condition gave, as rows: a row a recording and a variant.

What the device does is decided here, once, from the logits; everything after it reads the column `outcome`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from robustness.analysis.outcomes import NO_COMMAND, NO_LABEL, OUTCOMES, Decisions
from robustness.audio.placement import Frame, Windows
from robustness.conditions import NO_WORD, OTHER_WORD, Condition
from robustness.models.classifier import Classifier

WORDS = pa.dictionary(pa.int32(), pa.string())


class Answered(NamedTuple):
    """Windows under a condition, and the logits of each classifier for them."""

    condition: Condition
    windows: Windows
    logits: list[Tensor]


class Answer(NamedTuple):
    """What a classifier answers to a batch, beside the truth; [clips] each, None where there is no truth.

    `margin` is the logit of the label minus that of `rival`, the strongest other class; right where it is positive. With one label there
    is no other class, and it is the label's log-odds.
    """

    predicted: Tensor
    p_predicted: Tensor
    label: Tensor
    rival: Tensor
    p_label: Tensor
    margin: Tensor
    known: Tensor


def answer_of(logits: Tensor, label: Tensor) -> Answer:
    """The answer in logits [clips labels] where the labels' indices are [clips], −1 for no label."""
    known = label >= 0
    index = label.clamp_min(0)[:, None]
    probabilities = logits.double().softmax(1)
    p_predicted, predicted = probabilities.max(1)
    rivals = logits.scatter(1, index, -torch.inf)
    own = logits.gather(1, index).squeeze(1)
    margin = own - rivals.amax(1) if logits.shape[1] > 1 else own
    return Answer(predicted, p_predicted, label, rivals.argmax(1), probabilities.gather(1, index).squeeze(1), margin, known)


def label_indices(classifier: Classifier, labels: Sequence[str | None]) -> Tensor:
    """The place of each label among the classifier's, [clips]; NO_LABEL for None, NO_COMMAND for a word that it has no label for."""
    place: dict[str | None, int] = {None: NO_LABEL, OTHER_WORD: NO_COMMAND, **{name: i for i, name in enumerate(classifier.labels)}}
    return torch.tensor([place[label] for label in labels], dtype=torch.long)


def trial_columns(
    classifier: Classifier, condition: Condition, windows: Windows, logits: Tensor, label: Tensor, *, unit: str | None, frame: Frame
) -> dict[str, pa.Array]:
    """The rows of one classifier under one condition, by column of the run's schema."""
    count = len(windows.ids)
    lost = frame.ms(windows.lost)
    measured = windows.measured
    return {
        **_answered(classifier, condition, logits, label),
        "model": constant(classifier.name, count),
        "variant": constant(classifier.variant, count),
        "recording": _encoded(windows.ids),
        "placement": constant(condition.placement, count),
        "fill": constant(condition.fill, count),
        "perturbation": constant(condition.perturbation, count),
        "level": pa.repeat(pa.scalar(condition.level, pa.float64()), count),
        "unit": constant(unit, count),
        "draw": pa.repeat(pa.scalar(condition.draw, pa.int32()), count),
        "offset_ms": pa.array(frame.ms(windows.lead).numpy()),
        "onset_ms": pa.array(frame.ms(windows.speech[:, 0]).numpy()),
        "lost_start_ms": pa.array(lost[:, 0].numpy()),
        "lost_end_ms": pa.array(lost[:, 1].numpy()),
        "measured": pa.nulls(count, pa.float64()) if measured is None else pa.array(measured.double().numpy()),
        "clipped": pa.array(np.zeros(count, bool) if windows.clipped is None else windows.clipped.numpy()),
        "kernels": constant(classifier.network.can.kernels, count),
    }


def _answered(classifier: Classifier, condition: Condition, logits: Tensor, label: Tensor) -> dict[str, pa.Array]:
    """The columns that say what was answered, and what the device does."""
    truth = torch.full_like(label, NO_COMMAND) if condition.perturbation == NO_WORD else label
    found, answer = classifier.decide(logits, truth), answer_of(logits, label)
    unlabelled = (label == NO_LABEL).numpy()
    outside = (~answer.known).numpy()  # without a label of the model's: there is no p and no margin of the right one
    probabilities, rows = classifier.probabilities(logits), np.arange(len(label))
    words = [*classifier.labels, OTHER_WORD]
    return {
        "label": coded(torch.where(label == NO_COMMAND, len(classifier.labels), label), words, unlabelled),
        "predicted": coded(torch.from_numpy(found.predicted), classifier.labels),
        "rival": coded(answer.rival, classifier.labels, outside | (len(classifier.labels) == 1)),
        "correct": pa.array(found.predicted == label.numpy(), mask=outside),
        "p_label": pa.array(probabilities[rows, label.clamp_min(0).numpy()].astype(np.float32), mask=outside),
        "p_predicted": pa.array(probabilities[rows, found.predicted].astype(np.float32)),
        "margin": _numbers(answer.margin.numpy(), outside),
        **_decided(found, classifier.labels),
    }


def _decided(found: Decisions, labels: Sequence[str]) -> dict[str, pa.Array]:
    """The columns of the outcome, and what those at other thresholds need."""
    command = torch.from_numpy(found.command)
    return {
        "outcome": coded(torch.from_numpy(found.outcome), OUTCOMES, found.outcome < 0),
        "outcome_margin": _numbers(found.margin),
        "command": coded(command, labels, found.command < 0),
        "p_command": _numbers(found.p_command),
        "command_margin": _numbers(found.command_margin),
    }


def _numbers(values: NDArray[Any], missing: Any = False) -> pa.Array:
    """A column of numbers, [clips]; missing where there is none."""
    return pa.array(values.astype(np.float32), mask=~np.isfinite(values) | missing)


@lru_cache(maxsize=2)
def _encoded(ids: tuple[str, ...]) -> pa.DictionaryArray:
    """The names of recordings, which are the same under every condition."""
    return pa.array(ids, pa.string()).dictionary_encode()


def constant(value: str | None, count: int) -> pa.DictionaryArray:
    """One word in every row; None is a missing one."""
    if value is None:
        return pa.nulls(count, WORDS)
    return pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), count), pa.array([value]))


def coded(indices: Tensor, words: Sequence[str], missing: Any = None) -> pa.DictionaryArray:
    """The words at these places, [clips]; missing where `missing` is true."""
    places = pa.array(indices.clamp_min(0).int().numpy(), mask=missing)
    return pa.DictionaryArray.from_arrays(places, pa.array(words))
