"""Which detection is of which word? One to one, as many as can be, and of several ways the one with the least latency in total.

A detection can be of a word if it comes between the word's start and the tolerance after its end. What is left over belongs to the word
that began last of those in whose stretch it comes, and is one of three: a *repeat*, the same command once more; a *wrong command*, another
command during a command's word; else a *false alarm*. Words outside the vocabulary are no place for a command: what is said during them is
a false alarm. Times are ms. Loads no torch.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Final, Literal

import numpy as np
import scipy  # its `optimize` at its first use: to import it takes a quarter of a second
from numpy.typing import NDArray

from robustness.streaming.scores import Detection, Floats
from robustness.streaming.spans import Word

MatchKind = Literal["hit", "wrong command", "repeat", "false alarm"]
UNMATCHED: Final = 1e9  # ms: any match costs less
MS_AN_HOUR: Final = 3_600_000.0


@dataclass(frozen=True)
class Heard:
    """A detection and what it is.

    Attributes:
        detection: as the device says it.
        kind: what it is.
        word: the place of the word that it is of, or during which it comes; None outside of every word.
    """

    detection: Detection
    kind: MatchKind
    word: int | None


@dataclass(frozen=True)
class Timeline:
    """The words of a take, and in which stretch each can be hit.

    Attributes:
        words: in order of time.
        spoken: whether a word is a command, so that it can be hit, a flag a word.
        duration_ms: of the take.
        tolerance_ms: how long after its end a word may be hit.
    """

    words: tuple[Word, ...]
    spoken: tuple[bool, ...]
    duration_ms: float
    tolerance_ms: float

    @classmethod
    def of(cls, words: Sequence[Word], commands: Collection[str], duration_ms: float, tolerance_ms: float) -> Timeline:
        """Words in any order; those that are no commands are outside the vocabulary."""
        ordered = tuple(sorted(words, key=lambda word: (word.start_ms, word.end_ms)))
        return cls(ordered, tuple(word.label in commands for word in ordered), duration_ms, tolerance_ms)

    @cached_property
    def _starts(self) -> list[float]:
        return [word.start_ms for word in self.words]

    @cached_property
    def _longest(self) -> float:
        return max((word.duration_ms for word in self.words), default=0.0) + self.tolerance_ms

    def during(self, time_ms: float) -> list[int]:
        """The words in whose stretch a moment lies, by their places."""
        low, high = bisect_left(self._starts, time_ms - self._longest), bisect_right(self._starts, time_ms)
        return [place for place in range(low, high) if time_ms <= self.words[place].end_ms + self.tolerance_ms]

    def inside(self, times_ms: Floats) -> NDArray[np.bool_]:
        """Whether each moment lies in the stretch of a word, [times]."""
        if not self.words:
            return np.zeros(len(times_ms), np.bool_)
        ends = np.maximum.accumulate([word.end_ms + self.tolerance_ms for word in self.words])
        last = np.searchsorted(self._starts, times_ms, side="right") - 1
        found: NDArray[np.bool_] = (last >= 0) & (times_ms <= ends[last])
        return found

    @cached_property
    def hours(self) -> float:
        """In which a false alarm can come: all of the take but what belongs to a command's word."""
        taken = 0.0
        following = [*self._starts, self.duration_ms][1:] if self.words else []
        for word, spoken, after in zip(self.words, self.spoken, following, strict=True):
            end = min(word.end_ms + self.tolerance_ms, after, self.duration_ms)
            taken += max(0.0, end - word.start_ms) if spoken else 0.0
        return max(0.0, self.duration_ms - taken) / MS_AN_HOUR

    @cached_property
    def crowds(self) -> list[list[int]]:
        """The commands' words of one label whose stretches touch, together: far apart, one knows nothing of the other."""
        found: list[list[int]] = []
        for label in sorted({word.label for word in self.words}):
            mine = [place for place, word in enumerate(self.words) if word.label == label and self.spoken[place]]
            reach = list(accumulate((self.words[place].end_ms + self.tolerance_ms for place in mine), max))
            cuts = [at for at, place in enumerate(mine) if at and self.words[place].start_ms > reach[at - 1]]
            found += [mine[low:high] for low, high in pairwise([0, *cuts, len(mine)]) if low < high]
        return found


@dataclass(frozen=True)
class Matching:
    """The detections of one stream beside its words.

    Attributes:
        timeline: the words.
        heard: the detections, in order of time.
    """

    timeline: Timeline
    heard: tuple[Heard, ...]

    @cached_property
    def hits(self) -> dict[int, Heard]:
        """The hit of each word that has one, by the word's place."""
        return {one.word: one for one in self.heard if one.kind == "hit" and one.word is not None}

    def of_kind(self, kind: MatchKind) -> list[Heard]:
        """The detections of a kind."""
        return [one for one in self.heard if one.kind == kind]

    @property
    def missed(self) -> list[int]:
        """The places of the commands' words that nothing was said to rightly."""
        return [place for place, spoken in enumerate(self.timeline.spoken) if spoken and place not in self.hits]

    def latency_ms(self, word: int) -> float | None:
        """From the word's end to its hit; negative before its end; None if it is missed."""
        hit = self.hits.get(word)
        return None if hit is None else hit.detection.time_ms - self.timeline.words[word].end_ms

    @cached_property
    def wrong(self) -> dict[int, list[Heard]]:
        """The wrong commands of each word that has some, by the word's place."""
        found: dict[int, list[Heard]] = {}
        for one in self.heard:
            if one.kind == "wrong command" and one.word is not None:
                found.setdefault(one.word, []).append(one)
        return found


def match(detections: Sequence[Detection], timeline: Timeline) -> Matching:
    """What each detection of one stream is."""
    said = sorted(detections)
    own = _pairs(said, timeline)
    return Matching(timeline, tuple(_heard(at, one, own, timeline) for at, one in enumerate(said)))


def _pairs(said: Sequence[Detection], timeline: Timeline) -> dict[int, int]:
    """Detection → word, one to one."""
    times: dict[str, list[float]] = {}
    places: dict[str, list[int]] = {}
    for at, one in enumerate(said):
        times.setdefault(one.label, []).append(one.time_ms)
        places.setdefault(one.label, []).append(at)
    pairs: dict[int, int] = {}
    for crowd in timeline.crowds:
        words = [timeline.words[place] for place in crowd]
        mine = times.get(words[0].label, [])
        low = bisect_left(mine, words[0].start_ms)
        high = bisect_right(mine, max(word.end_ms for word in words) + timeline.tolerance_ms)
        near = places.get(words[0].label, [])[low:high]
        found = _assigned(mine[low:high], words, timeline.tolerance_ms)
        pairs.update({near[row]: crowd[column] for row, column in found})
    return pairs


def _assigned(times: Sequence[float], words: Sequence[Word], tail: float) -> list[tuple[int, int]]:
    if not times:
        return []
    cost = np.asarray([[_distance(time, word, tail) for word in words] for time in times])
    rows, columns = scipy.optimize.linear_sum_assignment(cost)
    return [(int(row), int(column)) for row, column in zip(rows, columns, strict=True) if cost[row, column] < UNMATCHED]


def _distance(time_ms: float, word: Word, tail: float) -> float:
    """How far a detection lies from the word's end; as good as infinite where it is not of it."""
    return abs(time_ms - word.end_ms) if word.start_ms <= time_ms <= word.end_ms + tail else UNMATCHED


def _heard(at: int, one: Detection, own: dict[int, int], timeline: Timeline) -> Heard:
    if at in own:
        return Heard(one, "hit", own[at])
    during = timeline.during(one.time_ms)
    same = [place for place in during if timeline.spoken[place] and timeline.words[place].label == one.label]
    if same:
        return Heard(one, "repeat", same[-1])
    if during and timeline.spoken[during[-1]]:
        return Heard(one, "wrong command", during[-1])
    return Heard(one, "false alarm", during[-1] if during else None)
