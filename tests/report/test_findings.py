"""Whether conditions are counted once, and a condition that cuts the word is not called the worst."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from robustness.analysis.intervals import mean_score
from robustness.report.atlas import Atlas
from robustness.report.findings import changes, distinct, neutral, worst_condition
from robustness.report.sections.summary import worst
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
    found = worst_condition(view, [trials], keeping_speech=True)
    assert found is not None
    # the clean one; start and end with zeros and all three with the floor; two shifts; two levels of noise
    assert found.conditions == 1 + 5 + 2 + 2


def test_a_condition_that_cuts_the_word_is_not_the_worst(tmp_path: Path) -> None:
    plan = Plan(words=WORDS, answer=fails_at("end", {"up": "go"}))
    rows = planted(plan)
    cut = (rows["perturbation"] == "time-shift") & (rows["level"] == 100.0) & (rows["placement"] == "center")
    plant(rows, cut, predicted="unknown", correct=False, lost_end_ms=50.0)
    view = view_of(plan, rows, tmp_path / "run")
    everything, fair = (worst_condition(view, view.trials.parts(), keeping_speech=fair) for fair in (False, True))
    assert everything is not None
    assert fair is not None
    assert everything.condition["perturbation"] == "time-shift"
    assert (fair.condition["perturbation"], fair.condition["placement"]) == ("padding-placement", "end")


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


def test_without_placements_the_tile_names_no_placement(tmp_path: Path) -> None:
    plan = Plan(words=WORDS)
    rows = planted(plan)
    rows = rows[rows["perturbation"].isin(["none", "white-noise"])].reset_index(drop=True)
    loud = (rows["perturbation"] == "white-noise") & (rows["level"] == 0.0) & (rows["recording"] == "000.wav")
    plant(rows, loud, predicted="unknown", correct=False)
    tile = worst(view_of(plan, rows, tmp_path / "run"))
    assert tile is not None
    assert "placement" not in tile.what
    assert tile.what.replace("\u00a0", " ") == "white noise at 0 dB, the worst of the 3 conditions that lose no speech"
    assert tile.number == "2/3"


def test_the_clean_condition_alone_has_no_worst(tmp_path: Path) -> None:
    plan = Plan(words=WORDS)
    rows = planted(plan)
    assert worst(view_of(plan, rows[rows["perturbation"] == "none"].reset_index(drop=True), tmp_path / "run")) is None


def test_recordings_that_cannot_move_are_left_out_of_the_worst_case_and_counted(tmp_path: Path) -> None:
    plan = Plan(words=WORDS, answer=fails_at("start", {"up": "go"}), variants=("float32",))
    view = view_of(plan, planted(plan), tmp_path / "run", untestable=("002.wav",))
    atlas = Atlas.of(view)
    assert atlas is not None
    (said,) = atlas.says()
    assert "1 of 2 recordings are right at every lead that keeps them whole inside the window, 1 that cannot be moved left out" in said


def test_the_worst_case_goes_by_speakers_where_they_are_known(tmp_path: Path) -> None:
    speakers = [f"s{i // 2}" for i in range(48)]
    plan = Plan(words=("up", "up", "go", "go") * 12, speakers=speakers, answer=fails_at("start", {"up": "go"}), variants=("float32",))
    view = View(write_run(plan, tmp_path / "run"))
    atlas = Atlas.of(view)
    assert atlas is not None
    expected = mean_score([0, 0, 1, 1] * 12, speakers)
    assert f"{100 * expected.low:.0f}–{100 * expected.high:.0f}" in atlas.says()[0]
