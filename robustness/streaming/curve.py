"""How many words are missed at how many false alarms an hour? For the plain rule, at every threshold at once and exactly.

A threshold changes when the rule fires, and through the refractory time what it can fire at next. The streams of all thresholds are
followed together: after each answer they differ only in when they may fire again, and that takes few values, for none lies further back
than the refractory time. What comes out is every detection of the rule with the thresholds at which it comes, low < θ ≤ high. No torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from robustness.streaming.matching import Timeline
from robustness.streaming.scores import Floats, Scores, averaged, best_command


class Reach(NamedTuple):
    """A detection of some thresholds: those above `low`, up to `high`."""

    time_ms: float
    label: int
    low: float
    high: float


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


def reaches(scores: Scores, window: int, refractory_ms: float) -> list[Reach]:
    """Every detection of the plain rule at any threshold above 0, in order of time."""
    place, p = best_command(averaged(scores, window))
    found: list[Reach] = []
    streams = Streams([(0.0, -np.inf)])
    for step in np.flatnonzero(p > 0).tolist():
        time_ms = float(scores.times_ms[step])
        for low, high in streams.fired(float(p[step]), time_ms, time_ms + refractory_ms):
            found.append(Reach(time_ms, int(place[step]), low, high))
    return found


@dataclass
class Streams:
    """When the stream of each threshold may fire again.

    Attributes:
        free: (low, from when) each, low rising: of the thresholds above it, up to the next one's low; the last of all above it.
    """

    free: list[tuple[float, float]]

    def fired(self, score: float, time_ms: float, until_ms: float) -> list[tuple[float, float]]:
        """The thresholds of the streams that an answer fires, low < θ ≤ high; they may fire again at `until_ms`."""
        found: list[tuple[float, float]] = []
        after: list[tuple[float, float]] = []
        last = 0
        for place, (low, from_ms) in enumerate(self.free):
            if low >= score:
                break
            high = self.free[place + 1][0] if place + 1 < len(self.free) else np.inf
            if from_ms > time_ms:
                _put(after, low, from_ms)
            else:
                top = min(score, high)
                if found and found[-1][1] == low:
                    found[-1] = (found[-1][0], top)
                else:
                    found.append((low, top))
                _put(after, low, until_ms)
                if top < high:
                    _put(after, top, -np.inf)
            last = place + 1
        if last < len(self.free) and after and after[-1][1] == self.free[last][1]:
            last += 1
        self.free[:last] = after
        return found


def _put(free: list[tuple[float, float]], low: float, from_ms: float) -> None:
    """Adds streams above those that are there; those that may fire from the same time on are one."""
    if not free or free[-1][1] != from_ms:
        free.append((low, from_ms))


def operating_curve(
    takes: Sequence[Scores], timelines: Sequence[Timeline], window: int = 1, refractory_ms: float = 1000.0
) -> OperatingCurve:
    """The curve of the plain rule over takes.

    A word counts as hit at a threshold if a detection of its label comes in its stretch. Where the stretches of two words of one label
    overlap, the detection counts for the word that began last.
    """
    alarms: list[tuple[float, float]] = []
    hits: dict[tuple[int, int], list[tuple[float, float]]] = {}
    wrong: dict[tuple[int, int], list[tuple[float, float]]] = {}
    for at, (take, timeline) in enumerate(zip(takes, timelines, strict=True)):
        for reach in reaches(take, window, refractory_ms):
            during = timeline.during(reach.time_ms)
            same = [one for one in during if timeline.spoken[one] and timeline.words[one].label == take.labels[reach.label]]
            if same:
                hits.setdefault((at, same[-1]), []).append((reach.low, reach.high))
            elif during and timeline.spoken[during[-1]]:
                wrong.setdefault((at, during[-1]), []).append((reach.low, reach.high))
            else:
                alarms.append((reach.low, reach.high))
    counted = [_unions(hits), _unions(wrong), alarms]
    edges = np.unique([end for parts in counted for part in parts for end in part if end > 0])[::-1]
    words = sum(sum(timeline.spoken) for timeline in timelines)
    hit, other, alarmed = (_counts(parts, edges) for parts in counted)
    return OperatingCurve(edges, hit, other, alarmed, words, sum(timeline.hours for timeline in timelines))


def _unions(found: dict[tuple[int, int], list[tuple[float, float]]]) -> list[tuple[float, float]]:
    """The thresholds at which each word has at least one: its stretches joined where they overlap or touch."""
    joined: list[tuple[float, float]] = []
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
