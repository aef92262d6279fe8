"""How many words are missed at how many false alarms an hour? For the plain rule, at every threshold at once and exactly.

A threshold changes when the rule fires, and through the refractory time what it can fire at next. The streams of all thresholds are
followed together: after each answer they differ only in when they may fire again, and that takes few values, for none lies further back
than the refractory time. What comes out is every detection of the rule with the thresholds at which it comes, low < θ ≤ high. No torch.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from robustness.streaming.matching import Timeline
from robustness.streaming.scores import Floats, Scores, averaged, best_command

Stretch = tuple[float, float]  # of thresholds, low < θ ≤ high


class Reach(NamedTuple):
    """A detection of some thresholds."""

    step: int
    time_ms: float
    label: int
    thresholds: list[Stretch]


@dataclass(frozen=True, eq=False)
class OperatingCurve:
    """The errors at every threshold; between two of them nothing changes.

    Attributes:
        thresholds: falling, [points]; each stands for those above the next.
        hits: words that are hit, [points].
        wrong_words: words during which another command is said, [points].
        false_alarms: [points].
        words: that can be hit.
        hours: in which a false alarm can come.
    """

    thresholds: Floats
    hits: Floats
    wrong_words: Floats
    false_alarms: Floats
    words: int
    hours: float

    def at(self, threshold: float) -> int:
        """The place of a threshold; −1 above all of them, where nothing is said."""
        return int(np.searchsorted(-self.thresholds, -threshold, side="right")) - 1

    def within(self, alarms_per_hour: float) -> int:
        """The place with the most hits among those with at most so many false alarms an hour; −1 if there is none, or no hour."""
        able = np.flatnonzero(self.false_alarms <= alarms_per_hour * self.hours) if self.hours else np.array([], int)
        return int(able[self.hits[able].argmax()]) if len(able) else -1


def reaches(scores: Scores, window: int, refractory_ms: float) -> Iterator[Reach]:
    """Every detection of the plain rule at any threshold above 0, in order of time, those of one moment together."""
    place, p = best_command(averaged(scores, window))
    streams = Streams()
    able = np.flatnonzero(p > 0)
    steps = zip(able.tolist(), place[able].tolist(), p[able].tolist(), scores.times_ms[able].tolist(), strict=True)
    for step, label, score, time_ms in steps:
        parts = streams.fired(score, time_ms, time_ms + refractory_ms)
        if parts:
            yield Reach(step, time_ms, label, parts)


@dataclass
class Streams:
    """The streams of all thresholds: which may fire, and which not yet.

    Attributes:
        free: thresholds that may, as stretches low < θ ≤ high, rising, none touching another.
        busy: stretches that may again from a time on, in order of that time.
    """

    free: list[Stretch] = field(default_factory=lambda: [(0.0, math.inf)])
    busy: deque[tuple[float, list[Stretch]]] = field(default_factory=deque)

    def fired(self, score: float, time_ms: float, until_ms: float) -> list[Stretch]:
        """The thresholds of the streams that an answer fires; they may fire again at `until_ms`, which rises from call to call."""
        while self.busy and self.busy[0][0] <= time_ms:
            for low, high in self.busy.popleft()[1]:
                self._free(low, high)
        count = bisect_left(self.free, (score,))
        if not count:
            return []
        found = self.free[:count]
        low, high = found[-1]
        found[-1] = (low, min(high, score))
        self.free[:count] = [(score, high)] if high > score else []
        self.busy.append((until_ms, found))
        return found

    def _free(self, low: float, high: float) -> None:
        at = bisect_left(self.free, (low,))
        first = last = at
        if at and self.free[at - 1][1] == low:
            low, first = self.free[at - 1][0], at - 1
        if at < len(self.free) and self.free[at][0] == high:
            high, last = self.free[at][1], at + 1
        self.free[first:last] = [(low, high)]


def operating_curve(
    takes: Sequence[Scores], timelines: Sequence[Timeline], window: int = 1, refractory_ms: float = 1000.0
) -> OperatingCurve:
    """The curve of the plain rule over takes.

    A word counts as hit at a threshold if a detection of its label comes in its stretch. Where the stretches of two words of one label
    overlap, the detection counts for the word that began last.
    """
    alarms: list[Stretch] = []
    hits: dict[tuple[int, int], list[Stretch]] = {}
    wrong: dict[tuple[int, int], list[Stretch]] = {}
    for at, (take, timeline) in enumerate(zip(takes, timelines, strict=True)):
        inside = timeline.inside(take.times_ms).tolist()
        for reach in reaches(take, window, refractory_ms):
            during = timeline.during(reach.time_ms) if inside[reach.step] else []
            same = [one for one in during if timeline.spoken[one] and timeline.words[one].label == take.labels[reach.label]]
            if same:
                hits.setdefault((at, same[-1]), []).extend(reach.thresholds)
            elif during and timeline.spoken[during[-1]]:
                wrong.setdefault((at, during[-1]), []).extend(reach.thresholds)
            else:
                alarms.extend(reach.thresholds)
    counted = [_unions(hits), _unions(wrong), alarms]
    edges = np.unique([end for parts in counted for part in parts for end in part if end > 0])[::-1]
    words = sum(sum(timeline.spoken) for timeline in timelines)
    hit, other, alarmed = (_counts(parts, edges) for parts in counted)
    return OperatingCurve(edges, hit, other, alarmed, words, sum(timeline.hours for timeline in timelines))


def _unions(found: dict[tuple[int, int], list[Stretch]]) -> list[Stretch]:
    """The thresholds at which each word has at least one: its stretches joined where they overlap or touch."""
    joined: list[Stretch] = []
    for parts in found.values():
        ordered = sorted(parts)
        low, high = ordered[0]
        for other_low, other_high in ordered[1:]:
            if other_low > high:
                joined.append((low, high))
                low = other_low
            high = max(high, other_high)
        joined.append((low, high))
    return joined


def _counts(parts: Sequence[tuple[float, float]], edges: Floats) -> Floats:
    """How many of these stretches hold each threshold, [edges]."""
    lows = np.sort([low for low, _ in parts])
    highs = np.sort([high for _, high in parts])
    # a stretch holds θ if low < θ ≤ high
    return (np.searchsorted(lows, edges, side="left") - np.searchsorted(highs, edges, side="left")).astype(np.float64)
