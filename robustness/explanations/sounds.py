"""What a model heard, and what it answers to parts of it: only the strongest tenth of a map, and everything but that.

Masks act on the magnitude of the window's STFT and leave its phase; each sound is fed back to every variant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from robustness.explanations.answering import given_by
from robustness.explanations.maps import RelevanceMap
from robustness.explanations.question import Question
from robustness.models.classifier import Classifier
from robustness.models.resynthesis import Resynthesis
from robustness.sweep.engine import answers
from robustness.sweep.trials import answer_of, label_indices

HEARD: Final = "heard"
COUNTERPART: Final = "counterpart"
ONLY: Final = "only"
WITHOUT: Final = "without"


@dataclass(frozen=True)
class SoundAnswer:
    """What one variant answers to a sound.

    Attributes:
        predicted: the winning label.
        p_predicted: its probability.
        margin: of the truth to its rival, in logits; None where the word is not known.
        right: whether the outcome is good; likewise.
        outcome: what the device does; likewise.
    """

    predicted: str
    p_predicted: float
    margin: float | None
    right: bool | None
    outcome: str | None


@dataclass(frozen=True, eq=False)
class Sound:
    """A sound and what each variant answers to it.

    Attributes:
        key: `heard`, `counterpart`, `only/…` or `without/…` with the map's key.
        samples: [time].
        answers: by variant.
    """

    key: str
    samples: Tensor
    answers: Mapping[str, SoundAnswer]


def sounds_of(question: Question, maps: Sequence[RelevanceMap]) -> list[Sound]:
    """What was heard, the counterpart where there is one, and for each map its strongest tenth and the rest."""
    named = {HEARD: question.here.window}
    if question.counterpart is not None:
        named[COUNTERPART] = question.counterpart.window
    resynthesis = Resynthesis(question.here.window, question.first.frontend.picture)
    for one in maps:
        keep = torch.from_numpy(one.top).double()
        with torch.inference_mode():
            named[f"{ONLY}/{one.key}"], named[f"{WITHOUT}/{one.key}"] = resynthesis(torch.stack([keep, 1 - keep])).float()
    told = answers_to(question, torch.stack(list(named.values())))
    if COUNTERPART in named and question.subject.before is not None:
        told[list(named).index(COUNTERPART)] = answers_to(question, named[COUNTERPART][None], question.cases.classifiers)[0]
    return [Sound(key, samples, one) for (key, samples), one in zip(named.items(), told, strict=True)]


def answers_to(question: Question, windows: Tensor, variants: Mapping[str, Classifier] | None = None) -> list[dict[str, SoundAnswer]]:
    """What each variant answers to each window, [clips time]; None is the variants after what sounded before the question's window."""
    told: list[dict[str, SoundAnswer]] = [{} for _ in windows]
    known = question.truth is not None
    truth = label_indices(question.first, [question.truth])
    variants = question.classifiers if variants is None else variants
    for variant, logits in zip(variants, answers(list(variants.values()), windows), strict=True):
        answer = answer_of(logits, truth.expand(len(windows)))
        probabilities = question.classifiers[variant].probabilities(logits)
        given = given_by(question.classifiers[variant], logits, [question.truth] * len(windows))
        for i, (row, one) in enumerate(zip(told, given, strict=True)):
            row[variant] = SoundAnswer(
                predicted=one.predicted,
                p_predicted=float(probabilities[i].max()),
                margin=float(answer.margin[i]) if bool(answer.known[i]) else None,
                right=one.good if known else None,
                outcome=one.outcome if known else None,
            )
    return told
