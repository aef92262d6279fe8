"""Values that are no plain share: an accuracy averaged over labels, how far a curve stays over a bar, a fact. Loads no torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from robustness.analysis.intervals import RESAMPLES, SEED, many_speakers
from robustness.gates.samples import AT_THE_BAR, Interval, Sample, Scores


@dataclass(frozen=True, eq=False)
class Balanced(Sample):
    """The mean over labels of each label's mean score; the interval adds the labels' own (Zou & Donner 2008, Statistics in Medicine)."""

    labels: tuple[Scores, ...]

    @property
    def value(self) -> float:
        """Averaged over labels."""
        return float(np.mean([label.value for label in self.labels]))

    @property
    def count(self) -> int:
        """Recordings of all labels."""
        return sum(label.count for label in self.labels)

    def interval(self, confidence: float) -> Interval:
        """Each label's distance to its own end, squared, summed; where there are enough speakers the wider of this and theirs."""
        ends = [(label.value, *label.interval(confidence)) for label in self.labels]
        below = math.sqrt(sum((value - low) ** 2 for value, low, _ in ends)) / len(ends)
        above = math.sqrt(sum((high - value) ** 2 for value, _, high in ends)) / len(ends)
        low, high = self._speakers(confidence)
        return Interval(max(0.0, min(self.value - below, low)), min(1.0, max(self.value + above, high)))

    def needed(self, bar: float, confidence: float) -> int | None:
        """An interval's half narrows with the square root of the number of recordings."""
        distance = bar - self.value
        if abs(distance) < AT_THE_BAR:
            return None
        low, high = self.interval(confidence)
        half = high - self.value if distance > 0 else self.value - low
        return math.ceil(self.count * (half / distance) ** 2 - AT_THE_BAR)

    def _speakers(self, confidence: float) -> Interval:
        """Whole speakers resampled; a label that a resample does not hold is left out of its mean."""
        names = [name for label in self.labels for name in (label.speakers or [None])]
        if not many_speakers(names):
            return Interval(self.value, self.value)
        known, codes = np.unique(np.asarray(names, dtype=str), return_inverse=True)
        rng = np.random.default_rng(SEED)
        weights = rng.multinomial(len(known), np.full(len(known), 1 / len(known)), size=RESAMPLES)
        splits = np.cumsum([label.count for label in self.labels])[:-1]
        means = []
        for label, who in zip(self.labels, np.split(codes, splits), strict=True):
            total = weights @ np.bincount(who, label.values, len(known))
            count = weights @ np.bincount(who, minlength=len(known))
            means.append(np.divide(total, count, out=np.full(RESAMPLES, np.nan), where=count > 0))
        low, high = np.quantile(np.nanmean(means, axis=0), [0.5 - confidence / 2, 0.5 + confidence / 2])
        return Interval(float(low), float(high))


@dataclass(frozen=True, eq=False)
class Reach(Sample):
    """How far a level can go, from mild to harsh, while a share stays at a bar: a distance in the level's unit.

    Attributes:
        distances: how far each level is, mild → harsh; the first changes least.
        curve: the scores at each.
        at: the bar that must hold.
    """

    sampled: ClassVar[bool] = True
    distances: tuple[float, ...]
    curve: tuple[Scores, ...]
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

    def needed(self, bar: float, confidence: float) -> int | None:
        """Of the levels up to the bar: what the slowest needs where all hold, the quickest of those that do not."""
        inside = [s for distance, s in zip(self.distances, self.curve, strict=True) if distance <= self.first_at(bar) + AT_THE_BAR]
        failing = [s for s in inside if s.value < self.at - AT_THE_BAR]
        counts = [s.needed(self.at, confidence) for s in failing or inside]
        known = [count for count in counts if count is not None]
        if not known or (not failing and len(known) < len(counts)):
            return None
        return min(known) if failing else max(known)

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
    curve: tuple[Scores, ...]
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

    def needed(self, bar: float, confidence: float) -> int | None:
        """Of the levels milder than the bar: what the slowest needs where all hold, the quickest of those that do not."""
        milder = [s for level, s in zip(self.levels, self.curve, strict=True) if level > bar + AT_THE_BAR]
        failing = [s for s in milder if s.value < self.at - AT_THE_BAR]
        counts = [s.needed(self.at, confidence) for s in failing or milder]
        known = [count for count in counts if count is not None]
        if not known or (not failing and len(known) < len(counts)):
            return None
        return min(known) if failing else max(known)

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

    def needed(self, bar: float, confidence: float) -> int | None:
        """More recordings change nothing."""
        return None
