"""Two runs side by side, each change worked out by hand."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from robustness.analysis.intervals import paired_difference
from robustness.comparison import compare
from robustness.errors import CannotJudgeError
from robustness.report.comparison_page import comparison_page, decision, lead
from robustness.run.folder import RunWriter
from tests.gates.planted import GRIDS, Answers, Planted, moved, right, rules_in, verdict

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
    assert (clean.errors_before, clean.errors_after, noise.errors_after) == ((0, 2, 0), (0, 3, 0), (0, 0.5, 0))  # all say "no"
    assert (found.worse, found.better, found.mixed) == ([clean, noise], [], [])
    assert lead(found) == (
        "Of 2 conditions it is worse in 2, most in the center, undisturbed (float32, −5.0 points); better in none. "
        "Bad outcomes over all of them: missed 0 → 0, substituted 2 → 3.5, falsely accepted 0 → 0."
    )
    assert decision(found).startswith("On these recordings b does worse than a: do not release it.")


def test_the_other_way_round_is_better(tmp_path: Path) -> None:
    found = compare(AFTER.write(tmp_path / "a"), BEFORE.write(tmp_path / "b"))
    assert [change.condition.perturbation for change in found.better] == ["none", "white-noise"]
    assert found.better[0].won == ("r000000.wav", "r000001.wav", "r000002.wav")
    assert decision(found).startswith("On these recordings b does better than a, but they are too few to show it beyond them; release it.")


WORDS = ["yes"] * 10 + ["unknown"] * 10


def test_it_is_by_what_the_device_does(tmp_path: Path) -> None:
    """Harmless errors became more, commands under the threshold fewer: worse by the winning label, better by outcome."""
    model = {"threshold": 0.8}
    before = Planted([Answers(right(20, 20), p=0.6)], labels=WORDS, model=model)  # every command is missed
    accepting = Planted([Answers([*[True] * 10, *[False] * 10], p=0.9)], labels=WORDS, model=model)
    (clean,) = compare(before.write(tmp_path / "a"), accepting.write(tmp_path / "b")).changes
    assert (clean.difference, clean.errors_before, clean.errors_after) == (0, (10, 0, 0), (0, 0, 10))  # misses and false accepts apart
    harmless = Planted([Answers(right(15, 20), p=0.6)], labels=WORDS, model=model)
    same = compare(before.write(tmp_path / "c"), harmless.write(tmp_path / "d"))
    assert (same.worse, same.better, same.mixed, same.changes[0].answers) == ([], [], [], 5)
    assert "does as well as c: they are no reason to release it." in decision(same)


def plain(*counts: tuple[int, int]) -> list[Answers]:
    return [Answers(right(*count), moved(level)) for count, level in zip(counts, (20.0, -20.0), strict=True)]


def test_the_reference_stands_once_and_perturbations_come_first(tmp_path: Path) -> None:
    """Levels that change nothing are the reference; a mean over conditions is of one score a recording."""
    again = [Answers(right(20, 20), at) for at in (moved(0.0), moved(0.5, kind="padding-placement"))]
    grids = {**GRIDS, "white-noise": {**GRIDS["white-noise"], "neutral": "inf"}}
    plan = {"plan": {"grids": grids, "skipped": {}, "seed": 0, "trim": "auto", "speech_threshold_db": 35.0}}
    before = Planted([Answers(right(20, 20)), *again, *plain((20, 20), (20, 20))], manifest=plan)
    after = Planted([Answers(right(20, 20)), *again, *plain((16, 20), (18, 20))], manifest=plan)
    found = compare(before.write(tmp_path / "a"), after.write(tmp_path / "b"))
    assert (len(found.changes), found.repeats) == (3, 2)
    reference, shift = found.perturbations
    assert (reference.perturbation, reference.conditions, shift.perturbation, shift.conditions) == ("none", 1, "time-shift", 2)
    assert (shift.worse, shift.better, shift.before) == (2, 0, 1.0)
    assert shift.after == pytest.approx(0.85)
    ends = paired_difference(0, 3, 20)  # two recordings lost both, two one of two
    assert shift.interval == pytest.approx((ends.low, ends.high))
    page = comparison_page(found)
    assert page.index('id="perturbations"') < page.index('id="worse"')
    assert "2 more repeat the reference" in page
    assert "<svg" in page


def test_what_cannot_be_moved_is_left_out_and_counted(tmp_path: Path) -> None:
    stuck = Planted([Answers(right(20, 20)), *plain((20, 20), (20, 20))], slack_ms=0.0)
    found = compare(stuck.write(tmp_path / "a"), stuck.write(tmp_path / "b"))
    assert [part.perturbation for part in found.perturbations] == ["none"]


def test_the_gates_verdicts_of_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from robustness.cli.main import run

    text = 'version = 2\n[rule.ok]\nmetric = "good"\nmin = 0.88\n[rule.same]\nmetric = "good_drop"\nagainst = "baseline"\nmax = 0.01\n'
    rules = rules_in(tmp_path, text).source
    first, second = BEFORE.write(tmp_path / "a").path, AFTER.write(tmp_path / "b").path
    given = ["compare", str(first), str(second), "--rules", str(rules), "--out", str(tmp_path / "c.html")]
    monkeypatch.setattr(sys, "argv", ["robustness", *given])
    assert run() == 0
    said = capsys.readouterr().out
    assert "The gate passes a (1 of 1 rule passes) and fails b (0 of 2 rules pass)." in said
    assert "  ok: pass → FAIL; float32, in the center, undisturbed: good is 85 % (17 of 20)" in said
    assert "  same: not judged: it compares with a baseline → FAIL" in said
    assert "What the gate says of both" in (tmp_path / "c.html").read_text()


def test_digits_hardened_is_better_than_digits_and_the_gate_agrees(root: Path, tmp_path: Path) -> None:
    """The shipped models under the conditions of the shipped rules."""
    from robustness.gates.comparison_verdicts import judge_both
    from robustness.gates.rules import read_rules
    from robustness.jobs.gate import Gate
    from robustness.jobs.request import Request

    rules = read_rules(root / "gates.toml")
    runs = []
    for name in ("digits", "digits-hardened"):
        gate = Gate(rules)
        request = Request(models=(root / "models" / f"{name}.toml",), recordings=(root / "recordings" / "joe",))
        runs.append(gate.run(gate.prepare(request), RunWriter(tmp_path / name), lambda *_: None))
    found = compare(runs[0], runs[1])
    assert len(found.better) > 5 * max(1, len(found.worse))
    verdicts = judge_both(runs[0], runs[1], rules)
    assert verdicts.status == (1, 0)
    assert {row.name for row in verdicts.rows if row.before != "pass"} <= {"placement", "placement-early", "placement-late"}
    assert "; release it." in decision(found, verdicts)
    assert "The gate fails digits" in decision(found, verdicts)


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (Planted([Answers(right(19, 19))]), "made from other recordings: 1 recording is only in"),
        (replace(BEFORE, labels=["no"] * 20), "20 recordings have another label"),
        (replace(BEFORE, slack_ms=200.0), "another length once it is cut"),
        (replace(BEFORE, model={"reference": "start"}), "other settings than .*: reference start instead of center"),
        (
            replace(BEFORE, manifest={"plan": {"grids": GRIDS, "skipped": {}, "seed": 1, "trim": "auto", "speech_threshold_db": 35.0}}),
            "seed 1",
        ),
        (replace(BEFORE, manifest={"audio_sha256": {"none//zeros/0/center": "b"}}), "was given other audio"),
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
    assert "  reference, undisturbed, float32: 90.0 % → 85.0 % of 20" in said
    assert "    - r000000.wav, r000001.wav, r000002.wav" in said
    assert out.read_text().startswith("<!doctype html>")
    monkeypatch.setattr(sys, "argv", ["robustness", "compare", str(first), str(tmp_path), "--out", str(out)])
    assert run() == 2
