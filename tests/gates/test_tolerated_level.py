"""Is the harshest tolerated level judged in the perturbation's unit, whichever way its axis goes?"""

from __future__ import annotations

from pathlib import Path

import pytest

from robustness.errors import USER_ERROR
from tests.gates.planted import CLEAN, Answers, Planted, moved, right, verdict


def noisy(counts: dict[float, int]) -> Planted:
    draws = [Answers(right(count, 10), moved(db, draw, "white-noise")) for db, count in counts.items() for draw in (0, 1)]
    return Planted([Answers(right(10, 10), CLEAN), *draws])


@pytest.mark.parametrize(
    ("counts", "bar", "outcome", "words"),
    [
        ({20.0: 10, 10.0: 9, 0.0: 5}, 10.0, "pass", "50.0 % hold at 0 dB"),
        ({20.0: 10, 10.0: 8, 0.0: 9}, 10.0, "fail", "80.0 % hold at 10 dB"),
        ({20.0: 8, 10.0: 10, 0.0: 10}, 20.0, "fail", "80.0 % hold at 20 dB"),
        ({20.0: 10, 10.0: 10, 0.0: 10}, 0.0, "pass", "the grid ends at 0 dB; further is not known"),
    ],
)
def test_a_falling_axis(counts: dict[float, int], bar: float, outcome: str, words: str, tmp_path: Path) -> None:
    found = verdict(tmp_path, noisy(counts), metric="tolerated_level", perturbation="white-noise", at=0.9, max=bar)
    assert found.outcome == outcome, found.sentence
    assert words in f"{found.sentence} {found.worst and found.worst.case.note}"


@pytest.mark.parametrize(("side", "value"), [("> 0", 20.0), ("< 0", -40.0)])
def test_one_side_of_two(side: str, value: float, tmp_path: Path) -> None:
    counts = {0.0: 10, -20.0: 10, -40.0: 9, 20.0: 9, 40.0: 3}
    planted = Planted([Answers(right(10, 10), CLEAN), *(Answers(right(count, 10), moved(level)) for level, count in counts.items())])
    found = verdict(tmp_path, planted, metric="tolerated_level", perturbation="time-shift", level=side, at=0.9, min=-100)
    assert found.worst is not None
    assert found.worst.case.sample.value == value


def test_two_sides_at_once_are_refused(tmp_path: Path) -> None:
    shifts = [Answers(right(2, 2), moved(level)) for level in (0.0, -20.0, -40.0, 20.0, 40.0)]
    planted = Planted([Answers(right(2, 2), CLEAN), *shifts])
    found = verdict(tmp_path, planted, metric="tolerated_level", perturbation="time-shift", at=0.9, min=20)
    assert found.status == USER_ERROR
    assert 'time-shift has levels on both sides of 0 ms; give key `level` a side, such as "> 0"' in found.sentence
