"""Four public scorers' faults, as rules over the same scores; docs/streaming.md shows what they make of them.

Each is what is wrong in it and no more. Sources: openWakeWord's metrics.py (false positives are to be grouped and are not); the wake-word
benchmark of Picovoice (a hit is added for every frame); MLPerf Tiny's runner, sww_util.py (the tolerance is added twice, and all detections
in a word's window are taken away); google's kws_streaming (the last frame of a clip of a second alone is looked at).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from robustness.streaming.figures import figures_of
from robustness.streaming.matching import Timeline, match
from robustness.streaming.rules.plain import Plain
from robustness.streaming.scores import Scores
from robustness.streaming.spans import Word
from tests.streaming.planted import scores

THRESHOLD = 0.5
TAIL_MS = 1000.0
WORDS = (
    Word("yes", 1_000, 2_000),
    Word("yes", 3_000, 3_500),
    Word("yes", 10_000, 10_500),
    Word("yes", 20_000, 20_500),
)
LOUD = ((2_100, 4), (3_600, 4), (20_200, 3), (30_000, 10))  # the first two and the fourth word, and an alarm


class Counted(NamedTuple):
    """What a scorer says: hits and misses of words, and false alarms; None where it says nothing."""

    hits: int
    misses: int
    false_alarms: int | None


def take() -> Scores:
    """40 s with an answer every 100 ms."""
    rows = np.tile(np.asarray([0.05, 0.0, 0.95]), (400, 1))
    for start_ms, answers in LOUD:
        first = start_ms // 100 - 1
        rows[first : first + answers] = [0.9, 0.0, 0.1]
    return scores(rows.tolist(), step_ms=100.0)


def ours(found: Scores, words: Sequence[Word]) -> Counted:
    timeline = Timeline.of(words, ("yes", "no"), found.duration_ms, TAIL_MS)
    figures = figures_of([match(Plain(THRESHOLD).decide(found), timeline)])
    return Counted(figures.hits, figures.misses, figures.false_alarms)


def _over(found: Scores) -> list[float]:
    over: list[float] = found.times_ms[found.values[:, 0] >= THRESHOLD].tolist()
    return over


def _of(word: Word, time_ms: float, tail_ms: float = TAIL_MS) -> bool:
    return word.start_ms <= time_ms <= word.end_ms + tail_ms


def never_groups(found: Scores, words: Sequence[Word]) -> Counted:
    """Every frame over the threshold outside of the words is a false alarm."""
    hits = sum(any(_of(word, time) for time in _over(found)) for word in words)
    alarms = sum(not any(_of(word, time) for word in words) for time in _over(found))
    return Counted(hits, len(words) - hits, alarms)


def hit_per_frame(found: Scores, words: Sequence[Word]) -> Counted:
    """Every frame over the threshold in a word is a hit."""
    hits = sum(any(_of(word, time) for word in words) for time in _over(found))
    return Counted(hits, len(words) - hits, ours(found, words).false_alarms)


def tolerance_twice(found: Scores, words: Sequence[Word]) -> Counted:
    """Detections up to twice the tolerance after a word are its own, all of them."""
    left, hits = [one.time_ms for one in Plain(THRESHOLD).decide(found)], 0
    for word in words:
        own = [time for time in left if _of(word, time, 2 * TAIL_MS)]
        hits += bool(own)
        left = [time for time in left if time not in own]
    return Counted(hits, len(words) - hits, len(left))


def last_frame(found: Scores, words: Sequence[Word]) -> Counted:
    """The answer at the end of a second from the word's start decides."""
    at = np.searchsorted(found.times_ms, [word.start_ms + 1000 for word in words])
    hits = int((found.values[at, 0] >= THRESHOLD).sum())
    return Counted(hits, len(words) - hits, None)


SCORERS = {
    "`robustness stream`": (ours, "one to one, optimal"),
    "openWakeWord's metrics": (never_groups, "false alarms that follow each other are never grouped"),
    "Picovoice's benchmark": (hit_per_frame, "a hit is added for every frame: 7 words fewer than none are missed"),
    "MLPerf Tiny's runner": (tolerance_twice, "the tolerance counts twice, and the first word takes the second one's detection"),
    "google's kws_streaming": (last_frame, "the last frame of a second decides alone; false alarms are not counted"),
}


def table() -> list[str]:
    """The rows of docs/streaming.md."""
    rows = []
    for name, (scorer, why) in SCORERS.items():
        counted = scorer(take(), WORDS)
        cells = ("–" if value is None else str(value).replace("-", "−") for value in counted)
        rows.append(f"| {name} | {' | '.join(cells)} | {why} |")
    return rows
