"""What was measured for one rule in one case, how sure it is, and how much more would decide.

A sample has a value, an interval at a confidence, and the numbers of recordings (speakers, windows) that would show that a bar is kept, at
truths that are assumed. One row a recording: draws are averaged before. Intervals are those of `statistics`, the same as on the page.
Loads no torch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from robustness.analysis.clusters import LEAST_OF_CHANGES
from robustness.analysis.intervals import design_effect, mean_change, mean_score, poisson_rate
from robustness.analysis.power import Effort, assumed, for_a_difference, for_a_rate, for_a_share, in_speakers

AT_THE_BAR: Final = 1e-9  # a mean of draws may miss a bar that it equals by its last digit

Floats = NDArray[np.float64]


class Interval(NamedTuple):
    """The ends of an interval."""

    low: float
    high: float


class Sample(ABC):
    """A measured value."""

    counted: ClassVar[str] = "recording"  # what its count is of
    sampled: ClassVar[bool] = True  # whether another sample could give another value

    @property
    @abstractmethod
    def value(self) -> float:
        """What was measured."""

    @property
    @abstractmethod
    def count(self) -> int:
        """How many recordings or windows it rests on."""

    @abstractmethod
    def interval(self, confidence: float) -> Interval:
        """The two-sided interval for a population."""

    @abstractmethod
    def needed(self, bar: float, confidence: float, *, least: bool) -> tuple[Effort, ...]:
        """How many in all would show that the bar is kept, at each of the truths that are assumed; empty where no number would.

        Args:
            bar: to be kept.
            confidence: of the interval.
            least: whether the bar is the least allowed, or the most.
        """

    @property
    def tally(self) -> str:
        """The count behind the value, such as `2 of 18`."""
        return f"{self.count} {self.counted}{'' if self.count == 1 else 's'}"


@dataclass(frozen=True, eq=False)
class ScoreSample(Sample):
    """A score in [0, 1] a recording, [recordings]: the mean."""

    values: Floats
    speakers: Sequence[object] | None = None

    @property
    def value(self) -> float:
        """The mean score."""
        return float(self.values.mean())

    @property
    def count(self) -> int:
        """Recordings."""
        return len(self.values)

    @property
    def tally(self) -> str:
        """How many of how many, with a decimal where draws are averaged."""
        total = float(self.values.sum())
        return f"{total:.0f} of {self.count}" if abs(total - round(total)) < AT_THE_BAR else f"{total:.1f} of {self.count}"

    def interval(self, confidence: float) -> Interval:
        """By the one rule for shares."""
        return Interval(*mean_score(self.values, self.speakers, confidence=confidence)[1:3])

    def needed(self, bar: float, confidence: float, *, least: bool) -> tuple[Effort, ...]:
        """If the errors were a half and a fifth of those that the bar allows."""
        found = (Effort(truth, for_a_share(bar, truth, confidence)) for truth in assumed(bar, least=least))
        return in_speakers(found, self.speakers, design_effect(self.values, self.speakers), confidence)


@dataclass(frozen=True, eq=False)
class WindowScores(ScoreSample):
    """A score a window of made noise, each of them independent of the others."""

    counted: ClassVar[str] = "window"

    def needed(self, bar: float, confidence: float, *, least: bool) -> tuple[Effort, ...]:
        """In windows."""
        return tuple(replace(effort, counted=self.counted) for effort in super().needed(bar, confidence, least=least))


@dataclass(frozen=True, eq=False)
class Differences(Sample):
    """How much worse each recording became, in [−1, 1], [recordings]: the mean drop.

    With several draws a recording counts by the share that was lost and the share that was won; the variance of such a score is never
    more than that of as many whole changes.
    """

    values: Floats
    speakers: Sequence[object] | None = None

    @property
    def value(self) -> float:
        """The mean drop."""
        return float(self.values.mean())

    @property
    def count(self) -> int:
        """Pairs."""
        return len(self.values)

    @property
    def tally(self) -> str:
        """What was lost and won."""
        return f"{self._lost:g} lost and {self._won:g} won of {self.count}"

    @cached_property
    def _lost(self) -> float:
        return float(self.values.clip(0, None).sum())

    @cached_property
    def _won(self) -> float:
        return float((-self.values).clip(0, None).sum())

    def interval(self, confidence: float) -> Interval:
        """By the one rule for paired differences."""
        change = mean_change(-self.values, self.speakers, confidence=confidence)
        return Interval(-change.high, -change.low)

    def needed(self, bar: float, confidence: float, *, least: bool) -> tuple[Effort, ...]:
        """If there were no difference, and as many recordings changed as did here, or one did."""
        margin = -bar if least else bar
        if margin <= AT_THE_BAR:
            return ()
        changing = max(self._lost + self._won, 1.0) / self.count
        found = [Effort(0.0, for_a_difference(margin, changing, confidence))]
        return in_speakers(found, self.speakers, design_effect(self.values.clip(0, None), self.speakers, LEAST_OF_CHANGES), confidence)


@dataclass(frozen=True)
class Rate(Sample):
    """Events an hour of recorded sound, with the exact Poisson interval."""

    counted: ClassVar[str] = "window"
    events: int
    windows: int
    window_ms: float

    @property
    def value(self) -> float:
        """Events an hour."""
        return self.events / self._hours(self.windows)

    @property
    def count(self) -> int:
        """Windows."""
        return self.windows

    @property
    def tally(self) -> str:
        """Events of windows."""
        return f"{self.events} of {self.windows} windows"

    def interval(self, confidence: float) -> Interval:
        """Garwood's."""
        return Interval(*poisson_rate(self.events, self._hours(self.windows), confidence)[1:3])

    def needed(self, bar: float, confidence: float, *, least: bool) -> tuple[Effort, ...]:
        """If the rate were a half and a fifth of the most allowed."""
        if least or bar <= 0:
            return ()
        per_hour = 1 / self._hours(1)
        return tuple(Effort(bar * part, for_a_rate(bar / per_hour, part, confidence), self.counted) for part in (1 / 2, 1 / 5))

    def _hours(self, windows: int) -> float:
        return windows * self.window_ms / 3_600_000
