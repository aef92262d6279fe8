"""A detector whose every answer is planted: what it says, when, and what that should count as."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from robustness.analysis.outcomes import OperatingPoint
from robustness.streaming.scores import Scores
from robustness.streaming.spans import Word

LABELS = ("yes", "no", "unknown")
POINT = OperatingPoint(frozenset({"unknown"}))
STEP_MS = 20.0
DURATION_MS = 60_000.0
LATE_MS = 100.0  # a planted stretch begins so long after the word's end
LASTS = 50  # answers of a planted stretch

# Two hits, a miss, a wrong command, a false alarm in a pause and one during a word outside the vocabulary.
WORDS = (
    Word("yes", 5_000, 5_500),
    Word("no", 10_000, 10_500),
    Word("yes", 15_000, 15_500),
    Word("no", 20_000, 20_500),
    Word("seven", 40_000, 40_500),
)
SAID = ((5_600, "yes"), (10_600, "no"), (20_600, "yes"), (30_600, "no"), (40_600, "yes"))


def scores(rows: Sequence[Sequence[float]], step_ms: float = STEP_MS, point: OperatingPoint = POINT) -> Scores:
    """Scores with one row an answer; the first comes after a step."""
    values = np.asarray(rows, np.float32)
    times = (step_ms * np.arange(1, len(values) + 1)).astype(np.float64)
    return Scores("planted.wav", LABELS, times, values, step_ms * len(values), 1000.0, point)


def planted(said: Sequence[tuple[float, str]] = SAID, duration_ms: float = DURATION_MS, lasts: int = LASTS) -> Scores:
    """Certain answers: `unknown`, but for stretches with a command."""
    values = np.tile(np.asarray([0, 0, 1], np.float32), (round(duration_ms / STEP_MS), 1))
    for start_ms, label in said:
        first = round(start_ms / STEP_MS) - 1
        values[first : first + lasts] = [label == name for name in LABELS]
    return scores(values.tolist())
