"""Are CE and mCE those of Hendrycks and Dietterich, and is a zero denominator undefined?"""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from robustness.analysis.corruption import FILE, corruption_errors, errors_of, mean_corruption_error, read_reference, write_reference
from robustness.cli.main import run as command
from robustness.errors import CannotJudgeError
from robustness.jobs.assess import execute, prepare
from robustness.jobs.request import Request
from robustness.run.folder import Run, RunWriter
from robustness.sweep.plan import Settings
from tests.cards import write_card, write_recordings
from tests.crowd import Crowd


def test_ce_is_a_ratio_of_sums_and_mce_their_mean() -> None:
    own = {"noise": {"10": 0.2, "0": 0.6}, "shift": {"1": 0.1}, "mine": {"1": 1.0}}
    reference = {"noise": {"10": 0.1, "0": 0.3, "-5": 0.9}, "shift": {"1": 0.2}}
    found = corruption_errors(own, reference)
    assert [(e.perturbation, e.conditions) for e in found] == [("noise", 2), ("shift", 1)]
    assert [e.ce for e in found] == pytest.approx([0.8 / 0.4, 0.5])
    assert mean_corruption_error(found) == pytest.approx(1.25)


def test_a_reference_without_errors_leaves_it_undefined() -> None:
    found = corruption_errors({"noise": {"0": 0.0}, "shift": {"0": 0.5}}, {"noise": {"0": 0.0}, "shift": {"0": 0.25}})
    assert math.isnan(found[0].ce)
    assert mean_corruption_error(found) == 2.0
    assert math.isnan(mean_corruption_error(found[:1]))


def test_the_page_of_a_stored_run_gives_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, reference = Crowd(66, 22, harder=0.5).write(tmp_path / "new"), Crowd(66, 22, model="baseline").write(tmp_path / "old")
    monkeypatch.setattr("sys.argv", ["robustness", "report", "--from", str(run.path), "--reference", str(reference.path)])
    assert command() == 0
    text = (run.path / "index.html").read_text(encoding="utf-8")
    mine, theirs = errors_of(run)["float32"], errors_of(reference)["float32"]
    ratios = [sum(mine[name].values()) / sum(theirs[name].values()) for name in mine]
    assert f"an mCE of {sum(ratios) / len(ratios):.2f} against float32 of baseline" in text
    kept = read_reference(run)
    assert kept is not None
    assert kept.model == "baseline"


def test_other_recordings_are_no_reference(tmp_path: Path) -> None:
    run, other = Crowd(30, 22).write(tmp_path / "run"), Crowd(31, 22).write(tmp_path / "other")
    with pytest.raises(CannotJudgeError, match="other recordings"):
        write_reference(run, other)
    assert not (run.path / FILE).exists()


def test_a_sweep_is_given_beside_a_reference_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_recordings(tmp_path / "recordings", 3)
    card, settings = write_card(tmp_path / "model"), Settings(perturbations=("white-noise",))
    job = prepare(Request((card,), (folder,), variants=("float32",), settings=settings))
    execute(job, RunWriter(tmp_path / "old"), lambda doing, done, total: None, lambda job, run, progress: None)
    given = ["--recordings", str(folder), "--perturbation", "white-noise", "--variant", "float32", "--cards", "1"]
    beside = ["--reference", str(tmp_path / "old"), "--out", str(tmp_path / "new")]
    monkeypatch.setattr("sys.argv", ["robustness", "report", "--model", str(card), *given, *beside])
    assert command() == 0
    run = Run.open(tmp_path / "new")
    kept = read_reference(run)
    assert kept is not None
    assert kept.errors == errors_of(Run.open(tmp_path / "old"))
    assert "an mCE of" in (run.path / "index.html").read_text(encoding="utf-8")
    assert read_reference(Run.open(tmp_path / "old")) is None
