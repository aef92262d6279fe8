"""Which words does one variant hit and the other not, if both give as many false alarms an hour? Loads no torch.

Each variant gets the threshold of the plain rule with the most hits within that rate, on its own operating curve; words are then paired at
the first phase. p is that of McNemar's exact test.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from robustness.analysis.intervals import Estimate, mcnemar, paired_difference
from robustness.streaming.matching import match
from robustness.streaming.rules.base import plain_rule
from robustness.streaming.streams import VariantStream

RATES: Final = (0.5, 1.0, 10.0, 100.0)  # false alarms an hour


class PairedHits(NamedTuple):
    """Two variants at equal false alarms an hour.

    Attributes:
        first: the variant's name.
        second: the other's.
        per_hour: false alarms, at most.
        thresholds: of both; infinite where none is within the rate.
        both: words that both hit.
        first_only: that the first alone hits.
        second_only: that the second alone hits.
        neither: that none does.
    """

    first: str
    second: str
    per_hour: float
    thresholds: tuple[float, float]
    both: int
    first_only: int
    second_only: int
    neither: int

    @property
    def words(self) -> int:
        """That can be hit."""
        return self.both + self.first_only + self.second_only + self.neither

    @property
    def difference(self) -> Estimate:
        """Of the hit rates, second − first, paired by word."""
        return paired_difference(self.second_only, self.first_only, self.words)

    @property
    def p_value(self) -> float:
        """That the two are alike."""
        return mcnemar(self.first_only, self.second_only)


def paired_hits(variants: Sequence[VariantStream], rates: Sequence[float] = RATES) -> list[PairedHits]:
    """Every other variant beside the first, at each rate; none without words, hours, or a second variant."""
    able = [one for one in variants if one.curve.words and one.curve.hours]
    return [_paired(able[0], other, rate) for other in able[1:] for rate in rates]


def hits_within(one: VariantStream, per_hour: float) -> tuple[float, set[tuple[int, int]]]:
    """The threshold within a rate of false alarms, and the words that are hit there, by take and place."""
    place = one.curve.within(per_hour)
    threshold = float(one.curve.thresholds[place]) if place >= 0 else math.inf
    rule, steps = plain_rule(threshold), len(one.phases.matchings)
    streams = [match(rule.decide(scores.every(steps)), words) for scores, words in zip(one.scores, one.timelines, strict=True)]
    return threshold, {(at, word) for at, matching in enumerate(streams) for word in matching.hits}


def _paired(first: VariantStream, second: VariantStream, per_hour: float) -> PairedHits:
    (low, mine), (high, other) = hits_within(first, per_hour), hits_within(second, per_hour)
    both, words = len(mine & other), first.curve.words
    alone = len(mine) - both, len(other) - both
    return PairedHits(first.name, second.name, per_hour, (low, high), both, *alone, words - both - sum(alone))
