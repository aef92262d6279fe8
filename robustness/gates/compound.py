"""Values that are no plain share: an accuracy averaged over labels, how far a curve stays over a bar, a fact. Loads no torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from robustness.analysis.clusters import Sizes
from robustness.analysis.intervals import Speakers, design_effect, wilson
from robustness.analysis.power import Effort, assumed, for_a_share, in_speakers
from robustness.gates.samples import AT_THE_BAR, Floats, Interval, Sample, ScoreSample


@dataclass(frozen=True, eq=False)
class Balanced(Sample):
    """The mean over labels of each label's mean score; the interval adds the labels' own (Zou & Donner 2008, Statistics in Medicine)."""

    labels: tuple[ScoreSample, ...]

    @property
    def value(self) -> float:
        """Averaged over labels."""
        return float(np.mean([label.value for label in self.labels]))

    @property
    def count(self) -> int:
        """Recordings of all labels."""
        return sum(label.count for label in self.labels)

    def interval(self, confidence: float) -> Interval:
        """Each label's distance to its own end, squared, summed; all at the design effect of all recordings."""
        deff = design_effect(self._values, self._speakers)
        who = Speakers.of(self._speakers)
        if who is not None and who.one:
            return Interval(math.nan, math.nan)
        quantile = None if who is None else float(Sizes.of(who.sizes, confidence).quantile)
        shares = ((label.value, label.count / deff) for label in self.labels)
        found = [wilson(value * count, count, confidence, quantile=quantile) for value, count in shares]
        below = math.sqrt(sum((one.value - one.low) ** 2 for one in found)) / len(found)
        above = math.sqrt(sum((one.high - one.value) ** 2 for one in found)) / len(found)
        return Interval(max(0.0, self.value - below), min(1.0, self.value + above))

    def needed(self, bar: float, confidence: float, *, least: bool) -> tuple[Effort, ...]:
        """As of a share, times how unequal the labels are: n Σ 1 / n_l over the labels squared (Kish 1965)."""
        unequal = self.count * sum(1 / label.count for label in self.labels) / len(self.labels) ** 2
        found = (Effort(truth, math.ceil(unequal * for_a_share(bar, truth, confidence))) for truth in assumed(bar, least=least))
        return in_speakers(found, self._speakers, design_effect(self._values, self._speakers), confidence)

    @property
    def _values(self) -> Floats:
        return np.concatenate([label.values for label in self.labels])

    @property
    def _speakers(self) -> list[object]:
        return [name for label in self.labels for name in (label.speakers or [None] * label.count)]


def slowest(curve: Sequence[ScoreSample], at: float, confidence: float) -> tuple[Effort, ...]:
    """The most that any level of a curve needs to show that a share holds there."""
    found = [scores.needed(at, confidence, least=True) for scores in curve]
    return tuple(max(efforts, key=lambda effort: effort.count) for efforts in zip(*found, strict=True))


@dataclass(frozen=True, eq=False)
class LevelReach(Sample):
    """How far a level can go, from mild to harsh, while a share stays at a bar: a distance in the level's unit.

    Attributes:
        distances: how far each level is, mild → harsh; the first changes least.
        curve: the scores at each.
        at: the bar that must hold.
    """

    sampled: ClassVar[bool] = True
    distances: tuple[float, ...]
    curve: tuple[ScoreSample, ...]
    at: float

    @property
    def value(self) -> float:
        """The furthest level up to which the share holds; −inf where it does not even at the mildest."""
        return self._furthest([scores.value for scores in self.curve])

    @property
    def count(self) -> int:
        """Recordings."""
        return self.curve[0].count

    def interval(self, confidence: float) -> Interval:
        """How far the intervals' low ends hold, and their high ends."""
        ends = [scores.interval(confidence) for scores in self.curve]
        return Interval(self._furthest([end.low for end in ends]), self._furthest([end.high for end in ends]))

    def needed(self, bar: float, confidence: float, *, least: bool) -> tuple[Effort, ...]:
        """What the slowest of the levels up to the bar needs, if the share at each were what is assumed."""
        inside = [s for distance, s in zip(self.distances, self.curve, strict=True) if distance <= self.first_at(bar) + AT_THE_BAR]
        return slowest(inside, self.at, confidence)

    def first_at(self, bar: float) -> float:
        """The first level that is as far as the bar."""
        return next((distance for distance in self.distances if distance >= bar - AT_THE_BAR), self.distances[-1])

    def _furthest(self, shares: Sequence[float]) -> float:
        holds = np.cumprod([share >= self.at - AT_THE_BAR for share in shares]).astype(bool)
        return float(np.asarray(self.distances)[holds][-1]) if holds.any() else -math.inf


@dataclass(frozen=True, eq=False)
class Lost(Sample):
    """The level at which a share is first lost, from mild to harsh, where harsher is a smaller number, such as an SNR in dB.

    The value is −inf where it is not lost on the grid.
    """

    levels: tuple[float, ...]  # mild → harsh, falling
    curve: tuple[ScoreSample, ...]
    at: float

    @property
    def value(self) -> float:
        """The mildest level at which the share is under the bar."""
        return self._first([scores.value for scores in self.curve])

    @property
    def count(self) -> int:
        """Recordings."""
        return self.curve[0].count

    def interval(self, confidence: float) -> Interval:
        """Where the intervals' high ends are lost, and their low ends."""
        ends = [scores.interval(confidence) for scores in self.curve]
        return Interval(self._first([end.high for end in ends]), self._first([end.low for end in ends]))

    def needed(self, bar: float, confidence: float, *, least: bool) -> tuple[Effort, ...]:
        """What the slowest of the levels milder than the bar needs, if the share at each were what is assumed."""
        milder = [s for level, s in zip(self.levels, self.curve, strict=True) if level > bar + AT_THE_BAR]
        return slowest(milder, self.at, confidence)

    def _first(self, shares: Sequence[float]) -> float:
        return next((level for level, share in zip(self.levels, shares, strict=True) if share < self.at - AT_THE_BAR), -math.inf)


@dataclass(frozen=True)
class Fact(Sample):
    """A number that is no sample of anything, such as a size: its interval is itself."""

    sampled: ClassVar[bool] = False
    known: float

    @property
    def value(self) -> float:
        """The number."""
        return self.known

    @property
    def count(self) -> int:
        """It rests on no recording."""
        return 0

    @property
    def tally(self) -> str:
        """Nothing was counted."""
        return ""

    def interval(self, confidence: float) -> Interval:
        """The number itself."""
        return Interval(self.known, self.known)

    def needed(self, bar: float, confidence: float, *, least: bool) -> tuple[Effort, ...]:
        """More recordings change nothing."""
        return ()
