"""Does a verdict of no problem say what a harsh level takes, that an ordinary day does not bring?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from robustness.report.problems import beyond_everyday, verdict_of
from robustness.report.sections.summary import finding, headline
from robustness.report.view import View
from tests.gates.planted import GRIDS, Answers, Planted, moved, right

LEVELS = (20.0, 10.0, 0.0)  # the milder half of the planted grid of white noise is 20 and 10 dB


def view_of(out: Path, goods: dict[float, tuple[int, int]], **grid: Any) -> View:
    """Ten recordings, right at the reference; how many are right at each level of white noise, in two draws."""
    noise = [Answers(right(good, 10), moved(level, draw, "white-noise")) for level, both in goods.items() for draw, good in enumerate(both)]
    planted = Planted([Answers(right(10, 10)), *noise])
    grids = {**GRIDS, "white-noise": GRIDS["white-noise"] | grid}
    plan = {"grids": grids, "skipped": {}, "seed": 0, "trim": "auto", "speech_threshold_db": 35.0, "conditions": 7}
    return View(replace(planted, manifest={"plan": plan}).write(out / "run"))


@pytest.mark.parametrize(
    ("harsh", "says"),
    [
        ((6, 6), None),
        ((5, 5), "Outside the everyday range, white noise at 0 dB leaves 5.0 of 10 commands accepted (mean of 2 draws)."),
        ((1, 0), "Outside the everyday range, white noise at 0 dB leaves 0.5 of 10 commands accepted (mean of 2 draws)."),
    ],
)
def test_a_harsh_level_that_takes_half_is_told(harsh: tuple[int, int], says: str | None, tmp_path: Path) -> None:
    view = view_of(tmp_path, {20.0: (10, 10), 10.0: (10, 10), 0.0: harsh})
    verdict, told = verdict_of(view), beyond_everyday(view)
    assert verdict.heading == "NO PROBLEM FOUND"
    assert (None if told is None else str(told).replace("\u00a0", " ")) == says
    lines = [str(line) for line in finding(view, verdict)]
    assert len(lines) == (1 if says is None else 2)
    assert ("in the everyday range takes many of them away" in lines[0]) is (says is not None)
    opening = headline(view)
    assert opening is not None
    assert ("Outside the everyday range" in str(opening.finding)) is (says is not None)


def test_the_mildest_of_the_levels_that_take_most_is_named(tmp_path: Path) -> None:
    view = view_of(tmp_path, {20.0: (10, 10), 10.0: (0, 0), 0.0: (0, 0)}, everyday=[20.0, 40.0])
    assert "white noise at 10" in str(beyond_everyday(view))


def test_an_everyday_level_is_a_problem_and_no_aside(tmp_path: Path) -> None:
    view = view_of(tmp_path, {20.0: (10, 10), 10.0: (2, 2), 0.0: (0, 0)})
    verdict = verdict_of(view)
    assert verdict.heading == "PROBLEM FOUND"
    assert not any("Outside the everyday range" in str(line) for line in finding(view, verdict))
