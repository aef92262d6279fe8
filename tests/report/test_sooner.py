"""Is "does int8 fail sooner" answered by pairs over every condition, corrected, and with what these recordings leave possible?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from scipy import stats

from robustness.analysis.intervals import mcnemar, paired_difference
from robustness.conditions import NONE
from robustness.report.tables.earlier_failures import Sooner, earlier_sentence, earlier_table, sooner
from robustness.report.view import View
from tests.report.planted import Plan, Rule, write_run

WORDS = ("up",) * 12 + ("left",) * 12


def found_by(folder: Path, answer: Rule, **other: object) -> tuple[View, Sooner]:
    view = View(write_run(replace(Plan(words=WORDS, answer=answer), **other), folder / "run"))  # type: ignore[arg-type]
    found = sooner(view, view.variants[1])
    assert found is not None
    return view, found


def at_the_end(word: str, place: str, variant: str) -> str:
    """int8 loses every `up` that stands at the end, and float one word of each kind nowhere."""
    return "go" if (word, place, variant) == ("up", "end", "dynamic-int8") else word


def test_a_variant_that_fails_beyond_chance_fails_sooner(tmp_path: Path) -> None:
    view, found = found_by(tmp_path, at_the_end)
    assert {cell.name for cell in found.worse} == {"at the end", "at the end, filled with the recording's own background level"}
    assert found.better == []
    says = earlier_sentence(found, view.first.short)
    assert says.startswith("int8 fails sooner than float32: over ")
    assert "beyond chance (q < 0.05) it is worse in 2." in says
    assert "The largest loss is −50.0 points" in says


def test_without_any_difference_the_interval_says_what_may_be_lost(tmp_path: Path) -> None:
    view, found = found_by(tmp_path, lambda word, place, variant: word)
    low = 100 * paired_difference(0, 0, 24).low
    assert tuple(found.overall.difference) == pytest.approx((0.0, low, -low))
    says = earlier_sentence(found, view.first.short)
    assert says.startswith("Nothing shows that int8 fails sooner than float32")
    assert f"24 recordings leave a loss of up to {-low:.1f} points possible" in says


def test_each_condition_is_a_slow_count_of_pairs(tmp_path: Path) -> None:
    """By loops over the trials, with McNemar and Benjamini–Hochberg over all conditions."""
    view, found = found_by(tmp_path, at_the_end)
    (trials,) = view.trials.parts()
    trials = trials[(trials["perturbation"] != NONE) & (trials["placement"] != "offset")]
    keys = ["perturbation", "placement", "fill", "level"]
    expected = []
    for key, rows in trials.groupby(keys, observed=True):
        if (key[0], key[1], key[2], key[3]) in {("padding-placement", "center", "zeros", 0.5), ("time-shift", "center", "zeros", 0.0)}:
            continue  # these repeat the clean recordings
        right = {name: rows[rows["variant"] == name].groupby("recording", observed=True)["correct"].mean() for name in plain(rows)}
        drop = right["float32"].astype(float) - right["dynamic-int8"].astype(float)
        expected.append((int((drop > 0).sum()), int((drop < 0).sum())))
    p = [mcnemar(lost, won) for lost, won in expected]
    q = stats.false_discovery_control(p)
    told = sorted((cell.lost, cell.won, round(cell.q, 12)) for cell in found.cells)
    assert told == sorted((lost, won, round(float(value), 12)) for (lost, won), value in zip(expected, q, strict=True))


def plain(rows: pd.DataFrame) -> list[str]:
    return [str(name) for name in rows["variant"].unique()]


def test_what_was_run_is_named(tmp_path: Path) -> None:
    assert found_by(tmp_path / "both", at_the_end)[1].of == "noise and shift"
    assert found_by(tmp_path / "one", at_the_end, shifts=False)[1].of == "shift"


def test_the_table_begins_with_all_conditions_and_then_the_losses(tmp_path: Path) -> None:
    view, found = found_by(tmp_path, at_the_end)
    rows = earlier_table(found, view.first.short).rows
    assert rows[0][0] == "all conditions"
    assert str(rows[1][0]).startswith("at the end")
    assert rows[1][3:5] == ["12", "0"]


def test_without_labels_nothing_is_said(tmp_path: Path) -> None:
    view = View(write_run(Plan(words=(None, None)), tmp_path / "run"))
    assert sooner(view, view.variants[1]) is None
