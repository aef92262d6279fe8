"""Whether the metrics mean what they are called, on trials small enough to count by hand."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from robustness.analysis import accuracy as metrics
from robustness.analysis.intervals import wilson
from tests.trials import table, trial


def test_curve_equals_a_loop_over_recordings() -> None:
    rng = np.random.default_rng(5)
    rows = [
        trial(f"r{i}", "up", rng.choice(["up", "go"]), variant=variant, level=level, draw=draw, perturbation="white-noise")
        for variant in ("float32", "int8")
        for level in (20.0, 0.0)
        for i in range(7)
        for draw in range(3)
    ]
    found = metrics.curve(table(rows))
    assert found[["variant", "level"]].to_numpy().tolist() == [["float32", 0.0], ["float32", 20.0], ["int8", 0.0], ["int8", 20.0]]
    for row in found.itertuples():
        here = [r for r in rows if r["variant"] == row.variant and r["level"] == row.level]
        each = [np.mean([r["correct"] for r in here if r["recording"] == f"r{i}"]) for i in range(7)]
        assert row.value == pytest.approx(np.mean(each))
        assert (row.low, row.high, row.total) == pytest.approx(wilson(sum(each), 7)[1:])


def test_curve_of_a_cohort_and_of_nothing() -> None:
    rows = table([trial("a", "up", "up", level=1.0), trial("b", "up", "go", level=1.0)])
    assert metrics.curve(rows, recordings=["a"])["value"].tolist() == [1.0]
    assert metrics.curve(rows, recordings=[]).empty
    assert metrics.curve(table([trial("a", None, "up", level=1.0)])).empty


def test_a_curve_goes_by_speakers_where_they_are_known() -> None:
    rows = table([trial(f"r{i}", "up", "up" if i % 4 else "go", level=1.0) for i in range(80)])
    by_recording = metrics.curve(rows).iloc[0]
    by_speaker = metrics.curve(rows, speakers={f"r{i}": f"s{i % 20}" for i in range(80)}).iloc[0]
    assert by_recording["value"] == by_speaker["value"]
    assert by_speaker["high"] - by_speaker["low"] > by_recording["high"] - by_recording["low"]


def test_unharmed_are_those_that_lose_nothing_at_any_level() -> None:
    rows = [trial("a", "up", "up", level=-50.0, lost_start_ms=3.0), trial("a", "up", "up", level=50.0), trial("b", "up", "up", level=-50.0)]
    assert metrics.unharmed(table(rows)) == ["b"]


@pytest.mark.parametrize(
    ("values", "bar", "early", "late"),
    [
        ([1.0, 1.0, 1.0, 1.0, 1.0], 0.9, -40.0, 40.0),
        ([1.0, 0.8, 1.0, 1.0, 0.8], 0.9, 0.0, 20.0),
        ([1.0, 1.0, 0.8, 1.0, 1.0], 0.9, None, None),
        ([0.9, 0.9, 0.9, 0.9, 0.89], 0.9, -40.0, 20.0),
        ([1.0, 1.0, 1.0, math.nan, 1.0], 0.9, -40.0, 0.0),
    ],
)
def test_tolerance_stops_at_the_first_level_that_fails(values: list[float], bar: float, early: float | None, late: float | None) -> None:
    points = pd.DataFrame({"level": [-40.0, -20.0, 0.0, 20.0, 40.0], "value": values})
    assert metrics.tolerance(points, bar) == (early, late)


def test_flips_are_two_numbers() -> None:
    reference = table([trial("a", "up", "up"), trial("b", "up", "up"), trial("c", "up", "go"), trial("d", None, "go")])
    shifted = table([trial("a", "up", "go"), trial("b", "up", "up"), trial("c", "up", "up"), trial("d", None, "up")])
    assert metrics.flips(reference, shifted) == (1, 2, 1, 1, 3, 4)


def test_two_variants_are_compared_in_pairs() -> None:
    rows = [trial("a", "up", "up"), trial("b", "up", "go"), trial("a", "up", "go", variant="int8"), trial("b", "up", "go", variant="int8")]
    change = metrics.compared(table(rows), "float32", "int8")
    assert (change.right_to_wrong, change.wrong_to_right, change.recordings) == (1, 0, 2)
    changed = metrics.changed_answers(table(rows), "float32", "int8")
    assert changed[["recording", "predicted_before", "predicted_after"]].to_numpy().tolist() == [["a", "up", "go"]]


def test_changed_answers_match_the_condition_and_the_draw() -> None:
    rows = [trial("a", "up", word, level=5.0, draw=k, perturbation="white-noise") for k, word in enumerate(("up", "go"))]
    rows += [row | {"variant": "int8"} for row in rows]
    assert metrics.changed_answers(table(rows), "float32", "int8").empty


def test_worst_case_and_consistency_by_their_definitions() -> None:
    answers = {"a": ["up", "up", "up"], "b": ["up", "go", "go"], "c": ["up"]}
    rows = [trial(name, "up", word, level=float(k)) for name, words in answers.items() for k, word in enumerate(words)]
    slower = np.mean([np.mean([x == y for x, y in combinations(words, 2)]) for words in (answers["a"], answers["b"])])
    assert metrics.consistency(table(rows)) == pytest.approx(slower)
    assert metrics.worst_case(table(rows)) == wilson(2, 3)
    assert math.isnan(metrics.consistency(table([trial("a", "up", "up")])))


def test_balanced_accuracy_weighs_labels_alike() -> None:
    rows = table([trial("a", "up", "up"), trial("b", "go", "up"), trial("c", "go", "go"), trial("d", "go", "go")])
    assert metrics.balanced_accuracy(rows) == pytest.approx((1 + 2 / 3) / 2)
    assert metrics.accuracy(rows) == wilson(3, 4)
