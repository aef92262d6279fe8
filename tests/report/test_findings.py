"""Whether conditions are counted once, and a condition that cuts the word is not called the worst."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from robustness.analysis.intervals import mean_score
from robustness.report.atlas import Atlas
from robustness.report.findings import changes, distinct, neutral
from robustness.report.view import View
from robustness.run.folder import TRIALS, RunWriter
from tests.report.planted import Plan, fails_at, manifest_of, recordings_of, rows_of, write_run
from tests.trials import with_outcomes

WORDS = ("up", "left", "go")


def view_of(plan: Plan, rows: pd.DataFrame, out: Path, untestable: tuple[str, ...] = ()) -> View:
    """A run of these rows."""
    writer = RunWriter(out)
    manifest = {**manifest_of(plan), **plan.manifest}
    rows = with_outcomes(rows, manifest["models"][0])
    writer.add({name: pa.array(list(rows[name]), from_pandas=True).cast(TRIALS.field(name).type) for name in TRIALS.names})
    writer.flush()
    table = recordings_of(plan)
    stuck = table["id"].isin(untestable)
    writer.write_recordings(table.assign(untestable=stuck, slack_ms=table["slack_ms"].mask(stuck, 0.0)))
    writer.write_manifest(manifest)
    return View(writer.finish())


def planted(plan: Plan) -> pd.DataFrame:
    return pd.DataFrame(rows_of(plan), columns=TRIALS.names)


def plant(rows: pd.DataFrame, where: pd.Series[bool], **values: Any) -> None:
    """Writes these values into the rows chosen."""
    for column, value in values.items():
        rows.loc[where, column] = value


def test_repeats_of_the_clean_condition_are_counted_once(tmp_path: Path) -> None:
    view = View(write_run(Plan(words=WORDS), tmp_path / "run"))
    (trials,) = view.trials.parts()
    repeats = trials[neutral(view, trials)]
    assert set(zip(repeats["perturbation"], repeats["placement"], repeats["level"], strict=True)) == {
        ("padding-placement", "center", 0.5),
        ("time-shift", "center", 0.0),
    }


@pytest.mark.parametrize(("lost_ms", "kept"), [(300.0, False), (299.8, False), (299.0, True), (0.0, True)])
def test_windows_with_nothing_of_the_word_are_not_compared(tmp_path: Path, lost_ms: float, kept: bool) -> None:
    plan = Plan(words=WORDS)
    rows = planted(plan)
    early = (rows["placement"] == "offset") & (rows["level"] == -20.0)
    plant(rows, early, lost_start_ms=lost_ms)
    plant(rows, early & (rows["variant"] == "dynamic-int8"), predicted="unknown", correct=False)
    view = view_of(plan, rows, tmp_path / "run")
    (change,) = changes(view)
    assert len(change.everywhere) == (3 if kept else 0)
    (trials,) = view.trials.parts()
    assert change.all_answers == len(distinct(view, view.of(view.first, trials)))


def test_recordings_that_cannot_move_are_left_out_of_the_worst_case_and_counted(tmp_path: Path) -> None:
    plan = Plan(words=WORDS, answer=fails_at("start", {"up": "go"}), variants=("float32",))
    view = view_of(plan, planted(plan), tmp_path / "run", untestable=("002.wav",))
    atlas = Atlas.of(view)
    assert atlas is not None
    (said,) = atlas.says
    assert (
        "1 of 2 recordings has a good outcome at every lead that keeps them whole inside the window, 1 that cannot be moved left out"
        in said
    )


def test_the_worst_case_goes_by_speakers_where_they_are_known(tmp_path: Path) -> None:
    speakers = [f"s{i // 2}" for i in range(48)]
    plan = Plan(words=("up", "up", "go", "go") * 12, speakers=speakers, answer=fails_at("start", {"up": "go"}), variants=("float32",))
    view = View(write_run(plan, tmp_path / "run"))
    atlas = Atlas.of(view)
    assert atlas is not None
    expected = mean_score([0, 0, 1, 1] * 12, speakers)
    assert f"{100 * expected.low:.0f}–{100 * expected.high:.0f}" in atlas.says[0]
