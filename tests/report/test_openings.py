"""Every page opens with one sentence of what was found and one of what to do first, which agree in number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from robustness.comparison import compare
from robustness.gates.run_judgement import JudgedBeside, judge_run
from robustness.report import audit_opening
from robustness.report.audit_sentences import Audit
from robustness.report.banner import banner
from robustness.report.comparison_page import opening
from robustness.report.view import View
from robustness.run.audit_records import AnswerChanges, ExperimentResult, VariantAudit, VariantTime
from robustness.run.folder import Run
from tests.gates.planted import Answers, Planted, right, rules_in

SAME = AnswerChanges(20, 20, 20, 19, 19, 0, 0, 0.0, 0.0, "", 0.0, 0.0, 0.0, "exact")
FEW = (0.0, 0.0, "", 0.0, 0.0, 0.0)


def time(clips: int, low: float, high: float) -> VariantTime:
    return VariantTime("digits", "dynamic-int8", clips, 9, 1, 1.0, 1.0, (low + high) / 2, low, high)


def left(layer: str, alike: int, sqnr_db: float, kind: str) -> ExperimentResult:
    return ExperimentResult(20, alike, 20, 19, 19, 0, 0, *FEW, sqnr_db, kind=kind, layer=layer, simulated=False)


@pytest.fixture(scope="module")
def view(root: Path) -> View:
    return View(Run.open(root / "reports" / "example"))


@pytest.mark.parametrize(
    ("answers", "times", "experiments", "heading", "finding", "first"),
    [
        (SAME, [], [], "INT8 CHANGES NO ANSWER", "is a third of the size and changes no answer.", "Nothing keeps it from shipping"),
        (
            SAME,
            [time(1, 0.9, 1.1), time(32, 0.8, 1.2)],
            [],
            "INT8 CHANGES NO ANSWER",
            "changes no answer and is not faster here.",
            "if speed",
        ),
        (
            SAME,
            [time(1, 0.5, 0.7), time(32, 1.1, 1.2)],
            [],
            "NO ANSWER",
            "is faster here at 1 clip and is slower here at 32 clips.",
            "its speed",
        ),
        (
            replace(SAME, alike=19, right_to_wrong=1),
            [],
            [left("fc1", 19, 10.0, "alone"), left("fc2", 20, 30.0, "alone"), left("fc1", 20, 30.0, "left")],
            "INT8 BREAKS ANSWERS",
            "changes 1 of 20 answers (1 from right to wrong, 0 from wrong to right).",
            "Leave fc1 in float, the layer that costs most of the 1 changed answer: then none of them differs.",
        ),
        (
            replace(SAME, alike=17, wrong_to_right=2),
            [],
            [left("fc1", 19, 10.0, "alone"), left("fc2", 20, 30.0, "alone"), left("fc1", 19, 30.0, "left")],
            "INT8 CHANGES ANSWERS",
            "changes 3 of 20 answers (0 from right to wrong, 2 from wrong to right).",
            "most of the 3 changed answers: then 1 still differs.",
        ),
        (replace(SAME, alike=18), [], [], "INT8 CHANGES ANSWERS", "changes 2 of 20 answers", "listen to the recordings"),
    ],
)
def test_an_audit(
    answers: AnswerChanges,
    times: Sequence[VariantTime],
    experiments: Sequence[ExperimentResult],
    heading: str,
    finding: str,
    first: str,
    view: View,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    facts = VariantAudit("digits", "dynamic-int8", 1, 1, (), answers, tuple(experiments))
    monkeypatch.setattr(audit_opening, "audits_of", lambda view: [Audit(view.variants[1], facts, times)])
    found = audit_opening.audit_opening(view)
    assert found is not None
    assert heading in found.heading
    assert finding in found.finding
    assert first in found.first
    assert found.html.count("<dt>Do first</dt>") == 1


@pytest.mark.parametrize(
    ("before", "after", "heading", "first"),
    [
        (18, 20, "BETTER", "Nothing got worse"),
        (18, 18, "NO DIFFERENCE", "Nothing got worse"),
        (20, 19, "WORSE", "Listen to the 1 recording lost"),
        (20, 18, "WORSE", "Listen to the 2 recordings lost"),
    ],
)
def test_a_comparison(before: int, after: int, heading: str, first: str, tmp_path: Path) -> None:
    runs = [Planted([Answers(right(good, 20))]).write(tmp_path / name) for name, good in (("a", before), ("b", after))]
    found = opening(compare(*runs))
    assert (found.heading, str(found.first).startswith(first)) == (heading, True)


@pytest.mark.parametrize(
    ("before", "after", "heading", "finding"),
    [
        (20, 18, "THE PATH COSTS ANSWERS", "Played back and captured again as b, the recordings of a do worse."),
        (18, 18, "THE PATH COSTS NOTHING", "the recordings of a do as well as before."),
        (18, 20, "THE PATH COSTS NOTHING", "the recordings of a do better than before."),
    ],
)
def test_captures_are_no_model_to_release(before: int, after: int, heading: str, finding: str, tmp_path: Path) -> None:
    runs = [Planted([Answers(right(good, 20))]).write(tmp_path / name) for name, good in (("a", before), ("b", after))]
    found = opening(compare(*runs, recaptured=True))
    assert found.heading == heading
    assert str(found.finding).endswith(finding)
    assert "release" not in f"{found.finding} {found.first}"


@pytest.mark.parametrize(
    ("least", "scope", "heading", "finding", "first"),
    [
        (0.7, "files", "READY</strong>: by rules.toml, 2 of 2 rules pass", "The model passes.", "Keep this run as the baseline"),
        (0.8, "files", "NOT READY</strong>: by rules.toml, 1 of 2 rules passes", "75 % (15 of 20), at least 80 % is asked.", "Look at "),
        (0.7, "population", "NOT DECIDED</strong>: by rules.toml, 1 of 2 rules passes", "at least 70 % is asked.", "Record more"),
    ],
)
def test_a_gate(least: float, scope: str, heading: str, finding: str, first: str, tmp_path: Path) -> None:
    run = Planted([Answers(right(15, 20))]).write(tmp_path / "run")
    text = f'[rule.one]\nmetric = "accuracy"\nmin = {least}\nscope = "{scope}"\n[rule.two]\nmetric = "accuracy"\nmin = 0.1\n'
    rules = rules_in(tmp_path, text)
    judge_run(run, rules, JudgedBeside(), run.path)
    said = str(banner(run, {"recordings", "outcomes", "curve-none"})).replace("\u00a0", " ")
    assert heading.replace("rules.toml", rules.source.name) in said
    assert finding in said
    assert f"<dd>{first}" in said


def test_a_run_judged_before_the_figures_were_stored_opens_all_the_same(tmp_path: Path) -> None:
    import json

    run = Planted([Answers(right(15, 20))]).write(tmp_path / "run")
    judge_run(run, rules_in(tmp_path, '[rule.one]\nmetric = "accuracy"\nmin = 0.9\n'), JudgedBeside(), run.path)
    path = run.path / "gate" / "verdicts.json"
    content = json.loads(path.read_text())
    for verdict in content["verdicts"]:
        del verdict["figure"], verdict["bar"]
    path.write_text(json.dumps(content))
    assert "keeps the model from passing: FAIL." in banner(run, ())
