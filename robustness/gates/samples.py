"""What was measured for one rule in one case, how sure it is, and how much more would decide.

A sample has a value, an interval at a confidence, and the number of recordings (or windows) at which the interval would leave a bar at
the rate seen. One row a recording: draws are averaged before. With 20 or more speakers known, speakers are resampled; an interval is
then never narrower than that for as many independent recordings. Loads no torch.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from robustness.analysis.intervals import by_speaker, many_speakers, mean_score, paired_difference, poisson_rate, wilson

AT_THE_BAR: Final = 1e-9  # a mean of draws may miss a bar that it equals by its last digit
MOST_RECORDINGS: Final = 10**9

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
    def needed(self, bar: float, confidence: float) -> int | None:
        """How many recordings in all would decide at the rate seen; None where none would, for the rate is the bar itself."""

    @property
    def tally(self) -> str:
        """The count behind the value, such as `2 of 18`."""
        return f"{self.count} {self.counted}{'' if self.count == 1 else 's'}"


@dataclass(frozen=True, eq=False)
class Scores(Sample):
    """A score in [0, 1] a recording, [recordings]: the mean, with Wilson's interval, or speakers resampled."""

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
        """The wider of Wilson's and, where there are enough speakers, theirs."""
        alone = wilson(self._right, self.count, confidence)
        speakers = mean_score(self.values, self.speakers, confidence=confidence)
        return Interval(min(alone.low, speakers.low), max(alone.high, speakers.high))

    def needed(self, bar: float, confidence: float) -> int | None:
        """Wilson's interval leaves a bar b from the rate p when n ≥ z² b(1 − b) / (p − b)²; times how alike a speaker's are."""
        distance = abs(self.value - bar)
        if distance < AT_THE_BAR:
            return None
        alone, found = wilson(self._right, self.count, confidence), self.interval(confidence)
        alike = max(1.0, (found.high - found.low) / (alone.high - alone.low)) ** 2
        z = float(stats.norm.ppf(0.5 + confidence / 2))
        return max(1, math.ceil(alike * z * z * bar * (1 - bar) / distance**2 - AT_THE_BAR))

    @property
    def _right(self) -> float:
        return float(np.clip(self.values.sum(), 0, self.count))


@dataclass(frozen=True, eq=False)
class Differences(Sample):
    """How much worse each recording became, in [−1, 1], [recordings]: the mean drop, with Tango's paired score interval.

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
        """The wider of Tango's and, where there are enough speakers, theirs."""
        ends = self._tango(self.count, confidence)
        if self.speakers is None or not many_speakers(self.speakers):
            return ends
        if self.values.min() == self.values.max():
            other = self._tango(len(set(self.speakers)), confidence)  # one vote a speaker: resampling would give no width
        else:
            other = Interval(*by_speaker(self.values, self.speakers, confidence=confidence)[1:3])
        return Interval(min(ends.low, other.low), max(ends.high, other.high))

    def needed(self, bar: float, confidence: float) -> int | None:
        """The least number at which Tango's interval leaves the bar, times how alike one speaker's recordings are."""
        if abs(self.value - bar) < AT_THE_BAR:
            return None
        alone, found = self._tango(self.count, confidence), self.interval(confidence)
        alike = max(1.0, (found.high - found.low) / (alone.high - alone.low)) ** 2
        least = first_where(lambda count: decides(self._tango(count, confidence), bar), MOST_RECORDINGS)
        return None if least is None else math.ceil(alike * least - AT_THE_BAR)

    def _tango(self, count: int, confidence: float) -> Interval:
        """The interval of the drop, were there `count` pairs with these shares."""
        scale = count / self.count
        change = paired_difference(self._won * scale, self._lost * scale, count, confidence)
        return Interval(-change.high, -change.low)


@dataclass(frozen=True)
class Rate(Sample):
    """Events an hour in windows without a word, with the exact Poisson interval."""

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
        return self._garwood(self.windows, confidence)

    def needed(self, bar: float, confidence: float) -> int | None:
        """The least number of windows at which the interval leaves the bar."""
        if abs(self.value - bar) < AT_THE_BAR:
            return None
        return first_where(lambda count: decides(self._garwood(count, confidence), bar), MOST_RECORDINGS)

    def _hours(self, windows: int) -> float:
        return windows * self.window_ms / 3_600_000

    def _garwood(self, windows: int, confidence: float) -> Interval:
        events = self.events * windows / self.windows
        rate = poisson_rate(events, self._hours(windows), confidence)  # type: ignore[arg-type]
        return Interval(rate.low, rate.high)


def decides(interval: Interval, bar: float) -> bool:
    """Whether the bar is outside an interval, or at its end."""
    return interval.low >= bar - AT_THE_BAR or interval.high <= bar + AT_THE_BAR


def first_where(holds: Callable[[int], bool], most: int) -> int | None:
    """The smallest number from 1 on at which something holds that then goes on holding; None where it does not up to `most`."""
    high = 1
    while not holds(high):
        high *= 2
        if high > most:
            return None
    low = high // 2  # does not hold, or is 0
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
