"""How many recordings does a model recognise, which labels does it never answer, and what does it confuse most?"""

from __future__ import annotations

from collections import Counter
from typing import Final, NamedTuple

from robustness.analysis.intervals import Estimate, wilson
from robustness.checks.model_under_test import ModelUnderTest

SHOWN: Final = 5
LEAST: Final = 2  # times that two labels are confused


class Confused(NamedTuple):
    """A label that is answered for another, and how often, of how many recordings."""

    said: str
    answered: str
    times: int
    of: int


class AnswerCounts(NamedTuple):
    """What a model answers at the reference placement.

    Attributes:
        recordings: how many were answered.
        right: how many are recognised correctly, the most probable label being the right one, of those with a label.
        carried_out: with how many the device does what it should at its threshold.
        never: labels that were never answered, though recordings of them were there.
        confused: the most confused pairs, the most frequent first.
    """

    recordings: int
    right: Estimate
    carried_out: Estimate
    never: tuple[str, ...]
    confused: tuple[Confused, ...]

    @classmethod
    def of(cls, model: ModelUnderTest) -> AnswerCounts:
        """The counts over all recordings of a model."""
        known, labels = model.known, model.classifier.labels
        pairs = [(labels[a], labels[b]) for a, b in zip(model.truth, model.answers, strict=True) if a >= 0]
        spoken, answered = Counter(said for said, _ in pairs), set(model.answers.tolist())
        wrong = Counter(pair for pair in pairs if pair[0] != pair[1]).most_common(SHOWN)
        return cls(
            len(model.facts),
            wilson(int(model.right[known].sum()), int(known.sum())),
            wilson(int(model.good[known].sum()), int(known.sum())),
            tuple(label for place, label in enumerate(labels) if place not in answered and label in spoken),
            tuple(Confused(said, heard, count, spoken[said]) for (said, heard), count in wrong if count >= LEAST),
        )
