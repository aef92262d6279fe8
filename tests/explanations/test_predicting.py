"""Predictions from the others, against a definition that leaves each recording out by itself."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence

import numpy as np
import pytest

from robustness.explanations.forecast import LEAST, Track, predicted

EVERY_MS = 10.0


def tracks(known: int, unknown: int) -> list[Track]:
    """Recordings heard at some onsets of their own, 10 ms apart."""
    rng = np.random.default_rng(5)
    made = []
    for i in range(known + unknown):
        first, count = int(rng.integers(0, 20)), int(rng.integers(2, 25))
        onset_ms = (first + np.arange(count, dtype=np.float64)) * EVERY_MS + float(rng.integers(0, 3)) / 16
        made.append(Track(f"{i}.wav", i >= known, onset_ms, rng.normal(size=count), float(rng.normal())))
    return made


def at(track: Track, onset_ms: float) -> float | None:
    """A margin on the straight line between the two onsets beside it; None beyond those known."""
    places, margins = track.onset_ms.tolist(), track.margin.tolist()
    if not places[0] <= onset_ms <= places[-1]:
        return None
    after = min(bisect_right(places, onset_ms), len(places) - 1)
    share = (onset_ms - places[after - 1]) / (places[after] - places[after - 1])
    return float(margins[after - 1] + share * (margins[after] - margins[after - 1]))


def one_by_one(one: Track, everyone: Sequence[Track], onset_ms: float) -> float:
    """Its margin at the reference plus the mean cost of the others of its kind that were heard there."""
    others = [other for other in everyone if other.recording != one.recording and other.unknown == one.unknown]
    costs = [margin - other.reference for other in others if (margin := at(other, onset_ms)) is not None]
    return one.reference + sum(costs) / len(costs) if len(costs) >= LEAST else math.nan


@pytest.mark.parametrize(("known", "unknown"), [(12, 9), (3, 4), (0, 5)])
def test_a_recording_is_predicted_from_all_others_of_its_kind_and_not_from_itself(known: int, unknown: int) -> None:
    everyone = tracks(known, unknown)
    some = everyone[::2]
    asked = [np.append(one.onset_ms, [-1.0, 133.7]) for one in some]
    found = predicted(some, everyone, asked)
    wanted = [[one_by_one(one, everyone, onset_ms) for onset_ms in where.tolist()] for one, where in zip(some, asked, strict=True)]
    assert len(found) == len(some)
    for got, want in zip(found, wanted, strict=True):
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-12)
    assert any(math.isfinite(value) for want in wanted for value in want)


def test_of_none_nothing_is_predicted() -> None:
    assert predicted([], tracks(4, 0), []) == []
