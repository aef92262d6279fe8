"""Two runs side by side, each change worked out by hand."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from robustness.analysis.intervals import mcnemar, paired_difference
from robustness.comparison import compare
from robustness.errors import CannotJudgeError
from robustness.report.comparison_page import comparison_page, lead
from tests.gates.planted import GRIDS, Answers, Planted, moved, right, verdict

BEFORE = Planted([Answers(right(18, 20)), *(Answers(right(20, 20), moved(20.0, draw, "white-noise")) for draw in (0, 1))])
AFTER = Planted(
    [
        Answers([False, False, False, *[True] * 16, True]),  # 3 lost (0 to 2), 2 won (18, 19)
        Answers(right(20, 20), moved(20.0, 0, "white-noise")),
        Answers([False, *[True] * 19], moved(20.0, 1, "white-noise")),  # one of two draws of one recording
    ]
)

OTHER_SEED = {"grids": GRIDS, "skipped": {}, "seed": 1, "trim": "auto", "speech_threshold_db": 35.0}


def test_what_changed_is_counted_by_recording(tmp_path: Path) -> None:
    found = compare(BEFORE.write(tmp_path / "a"), AFTER.write(tmp_path / "b"))
    clean, noise = found.changes
    assert (clean.condition.perturbation, clean.lost, len(clean.won)) == ("none", ("r000000.wav", "r000001.wav", "r000002.wav"), 2)
    assert (clean.before, clean.after, clean.answers) == (0.9, 0.85, 5)
    ends = paired_difference(2, 3, 20)
    assert clean.interval == pytest.approx((ends.low, ends.high))
    assert (noise.lost, noise.won, noise.recordings, noise.after) == (("r000000.wav",), (), 20, 0.975)
    assert [clean.p_value, noise.p_value] == [1.0, 1.0] == [mcnemar(3, 2), mcnemar(1, 0)]  # adjusted, never less than alone
    assert (found.worse, found.better, found.mixed) == ([clean, noise], [], [])
    assert lead(found) == "Of 2 conditions, accuracy is worse in 2, most in the center, undisturbed (float32, −5.0 points)."


def test_the_other_way_round_is_better(tmp_path: Path) -> None:
    found = compare(AFTER.write(tmp_path / "a"), BEFORE.write(tmp_path / "b"))
    assert [change.condition.perturbation for change in found.better] == ["none", "white-noise"]
    assert found.better[0].won == ("r000000.wav", "r000001.wav", "r000002.wav")


def test_p_values_are_adjusted_over_the_table(tmp_path: Path) -> None:
    """Benjamini and Hochberg by hand: the smaller of two is doubled."""
    before = Planted([Answers(right(20, 20)), Answers(right(20, 20), moved(20.0))])
    after = Planted([Answers(right(10, 20)), Answers(right(19, 20), moved(20.0))])
    found = compare(before.write(tmp_path / "a"), after.write(tmp_path / "b"))
    assert [change.p_value for change in found.changes] == pytest.approx([2 * mcnemar(10, 0), mcnemar(1, 0)])


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (Planted([Answers(right(19, 19))]), "made from other recordings: 1 recordings are only in"),
        (replace(BEFORE, labels=["no"] * 20), "20 recordings have another label"),
        (replace(BEFORE, slack_ms=200.0), "another length once it is cut"),
        (replace(BEFORE, model={"reference": "start"}), "other settings than .*: reference start instead of center"),
        (
            replace(BEFORE, manifest={"plan": {"grids": GRIDS, "skipped": {}, "seed": 1, "trim": "auto", "speech_threshold_db": 35.0}}),
            "seed 1",
        ),
        (replace(BEFORE, manifest={"audio_sha256": {"none//zeros/0/center": "b"}}), "heard other audio"),
        (replace(BEFORE, manifest={"complete": False}), "was interrupted"),
    ],
)
def test_runs_that_were_made_otherwise_are_refused(tmp_path: Path, other: Planted, says: str) -> None:
    first = replace(BEFORE, manifest={"audio_sha256": {"none//zeros/0/center": "a"}} if "audio" in says else {})
    with pytest.raises(CannotJudgeError, match=says):
        compare(first.write(tmp_path / "a"), other.write(tmp_path / "b"))


@pytest.mark.parametrize(
    ("baseline", "outcome", "says"),
    [
        (BEFORE, "fail", "16.67 % (3 of 18)"),
        (replace(BEFORE, labels=["no"] * 20), "error", "another label"),
        (Planted([Answers(right(19, 19))]), "error", "other recordings"),
    ],
)
def test_a_rule_against_a_baseline(tmp_path: Path, baseline: Planted, outcome: str, says: str) -> None:
    found = verdict(tmp_path, AFTER, baseline, metric="right_to_wrong", against="baseline", max=0.02)
    assert found.outcome == outcome
    assert says in found.sentence


def test_other_audio_on_another_kind_of_machine_is_a_note(tmp_path: Path) -> None:
    there: dict[str, Any] = {"audio_sha256": {"x": "b"}, "versions": {"torch": "3"}}
    here: dict[str, Any] = {"audio_sha256": {"x": "a"}}
    found = compare(replace(BEFORE, manifest=here).write(tmp_path / "a"), replace(AFTER, manifest=there).write(tmp_path / "b"))
    assert "made by other versions or on another kind of CPU" in found.notes[0]


def test_the_page_holds_the_recordings_and_escapes_names(tmp_path: Path) -> None:
    hostile = {"name": "<script>alert(1)</script>"}
    found = compare(replace(BEFORE, model=hostile).write(tmp_path / "a"), AFTER.write(tmp_path / "b"))
    page = comparison_page(found)
    assert "− r000000.wav, r000001.wav, r000002.wav" in page
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")


def test_the_command_prints_and_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from robustness.cli.main import run

    first, second, out = BEFORE.write(tmp_path / "a").path, AFTER.write(tmp_path / "b").path, tmp_path / "deep" / "compare.html"
    monkeypatch.setattr(sys, "argv", ["robustness", "compare", str(first), str(second), "--out", str(out)])
    assert run() == 0
    said = capsys.readouterr().out
    assert "float32, in the center, undisturbed: 90.0 % → 85.0 % of 20" in said
    assert "    - r000000.wav, r000001.wav, r000002.wav" in said
    assert out.read_text().startswith("<!doctype html>")
    monkeypatch.setattr(sys, "argv", ["robustness", "compare", str(first), str(tmp_path), "--out", str(out)])
    assert run() == 2
