"""What one condition gave, as rows: a row a recording and a variant."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from robustness.audio.placement import Frame, Windows
from robustness.conditions import Condition
from robustness.models.classifier import Classifier

WORDS = pa.dictionary(pa.int32(), pa.string())


class Answered(NamedTuple):
    """Windows under a condition, and the logits of each classifier for them."""

    condition: Condition
    windows: Windows
    logits: list[Tensor]


class Answer(NamedTuple):
    """What a classifier answers to a batch, beside the truth; [clips] each, None where there is no truth.

    `margin` is the logit of the label minus that of `rival`, the strongest other class; right where it is positive.
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
    margin = logits.gather(1, index).squeeze(1) - rivals.amax(1)
    return Answer(predicted, p_predicted, label, rivals.argmax(1), probabilities.gather(1, index).squeeze(1), margin, known)


def label_indices(classifier: Classifier, labels: Sequence[str | None]) -> Tensor:
    """The place of each label among the classifier's, −1 for None, [clips]."""
    place = {name: i for i, name in enumerate(classifier.labels)}
    return torch.tensor([-1 if label is None else place[label] for label in labels], dtype=torch.long)


def trial_columns(
    classifier: Classifier, condition: Condition, windows: Windows, logits: Tensor, label: Tensor, *, unit: str | None, frame: Frame
) -> dict[str, Any]:
    """The rows of one classifier under one condition, by column of the run's schema."""
    count = len(windows.ids)
    answer = answer_of(logits, label)
    unknown = (~answer.known).numpy()
    lost = frame.ms(windows.lost)
    measured = windows.measured
    return {
        "model": constant(classifier.name, count),
        "variant": constant(classifier.variant, count),
        "recording": _encoded(windows.ids),
        "label": coded(label, classifier.labels, unknown),
        "placement": constant(condition.placement, count),
        "fill": constant(condition.fill, count),
        "perturbation": constant(condition.perturbation, count),
        "level": pa.repeat(pa.scalar(condition.level, pa.float64()), count),
        "unit": constant(unit, count),
        "draw": pa.repeat(pa.scalar(condition.draw, pa.int32()), count),
        "offset_ms": pa.array(frame.ms(windows.lead).numpy()),
        "predicted": coded(answer.predicted, classifier.labels),
        "rival": coded(answer.rival, classifier.labels, unknown),
        "correct": pa.array((answer.predicted == label).numpy(), mask=unknown),
        "p_label": pa.array(answer.p_label.float().numpy(), mask=unknown),
        "p_predicted": pa.array(answer.p_predicted.float().numpy()),
        "margin": pa.array(answer.margin.float().numpy(), mask=unknown),
        "onset_ms": pa.array(frame.ms(windows.speech[:, 0]).numpy()),
        "lost_start_ms": pa.array(lost[:, 0].numpy()),
        "lost_end_ms": pa.array(lost[:, 1].numpy()),
        "measured": pa.nulls(count, pa.float64()) if measured is None else pa.array(measured.double().numpy()),
        "clipped": pa.array(np.zeros(count, bool) if windows.clipped is None else windows.clipped.numpy()),
    }


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
