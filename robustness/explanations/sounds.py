"""What a model heard, and what it answers to parts of it: only the strongest tenth of a map, and everything but that.

Masks act on the magnitude of the window's STFT and leave its phase; each sound is fed back to every variant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

from robustness.explanations.question import Question
from robustness.explanations.target_maps import TargetMap
from robustness.models.resynthesis import Resynthesis
from robustness.sweep.engine import answers
from robustness.sweep.trials import answer_of, label_indices

HEARD: Final = "heard"
COUNTERPART: Final = "counterpart"
ONLY: Final = "only"
WITHOUT: Final = "without"


@dataclass(frozen=True, eq=False)
class Sound:
    """A sound and what each variant answers to it.

    Attributes:
        key: `heard`, `counterpart`, `only/…` or `without/…` with the map's key.
        samples: [time].
        answers: by variant: predicted, p_predicted, margin (None where the word is not known), right (likewise).
    """

    key: str
    samples: Tensor
    answers: Mapping[str, Mapping[str, Any]]


def sounds_of(question: Question, maps: Sequence[TargetMap]) -> list[Sound]:
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
    return [Sound(key, samples, one) for (key, samples), one in zip(named.items(), told, strict=True)]


def answers_to(question: Question, windows: Tensor) -> list[dict[str, dict[str, Any]]]:
    """What each variant answers to each window, [clips time]."""
    told: list[dict[str, dict[str, Any]]] = [{} for _ in windows]
    truth = label_indices(question.first, [question.truth])
    for variant, logits in zip(question.classifiers, answers(list(question.classifiers.values()), windows), strict=True):
        answer = answer_of(logits, truth.expand(len(windows)))
        for i, row in enumerate(told):
            predicted = question.first.labels[int(answer.predicted[i])]
            row[variant] = {
                "predicted": predicted,
                "p_predicted": float(answer.p_predicted[i]),
                "margin": float(answer.margin[i]) if question.truth is not None else None,
                "right": predicted == question.truth if question.truth is not None else None,
            }
    return told
