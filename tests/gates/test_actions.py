"""A rule that does not pass is a remark at its line, as GitHub reads workflow commands."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from robustness.cli.main import run
from robustness.gates.actions import lines_of, links, remarks
from robustness.gates.rules import read_rules
from robustness.gates.run_judgement import data_of
from robustness.gates.verdicts import judge
from tests.gates.planted import Answers, Planted, right

RULES = """version = 2
# [rule.hard] in a comment is none
[rule.easy]
metric = "accuracy"
min = 0.5

  [ rule . "a: b, 100 %" ]
metric = "accuracy"
min = 0.9
[rule.hard]
metric = "accuracy"
min = 0.95
severity = "warn"
"""
COMMAND = re.compile(r"::(error|warning) file=([^,:]+),line=(\d+),title=([^,:]+)::(.+)")


@pytest.fixture
def rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gates.toml").write_text(RULES)
    Planted([Answers(right(15, 20))]).write(tmp_path / "run")
    return tmp_path / "gates.toml"


def test_a_rule_s_line_is_that_of_its_section(rules: Path) -> None:
    text = RULES.splitlines()
    assert {name: text[line - 1].strip() for name, line in lines_of(read_rules(rules)).items()} == {
        "easy": "[rule.easy]",
        "a: b, 100 %": '[ rule . "a: b, 100 %" ]',
        "hard": "[rule.hard]",
    }


def test_remarks_are_workflow_commands_of_one_line(rules: Path) -> None:
    from robustness.run.folder import Run

    read = read_rules(rules)
    found = list(remarks(read, judge(read, data_of(Run.open(rules.parent / "run"), read))))
    parts = [match.groups() for match in map(COMMAND.fullmatch, found) if match]
    assert len(parts) == len(found) == 2
    assert [part[:4] for part in parts] == [
        ("error", "gates.toml", "7", "a%3A b%2C 100 %25%3A FAIL"),
        ("warning", "gates.toml", "10", "hard%3A FAIL (warning only)"),
    ]
    assert "75 %25 (15 of 20)" in parts[0][4]


@pytest.mark.parametrize("as_json", [False, True])
def test_a_gate_on_github_remarks_and_summarises(
    rules: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    summary = rules.parent / "summary.md"
    given = {"SERVER_URL": "https://host", "REPOSITORY": "me/mine", "RUN_ID": "7", "SHA": "abc", "ACTIONS": "true"}
    for name, value in {**given, "STEP_SUMMARY": str(summary)}.items():
        monkeypatch.setenv(f"GITHUB_{name}", value)
    more = ["--json"] if as_json else []
    monkeypatch.setattr(sys, "argv", ["robustness", "gate", "--rules", "gates.toml", "--from", "run", *more])
    assert run() == 1
    said = capsys.readouterr()
    assert len(re.findall(r"^::error file=gates.toml,line=7,", said.err if as_json else said.out, re.MULTILINE)) == 1
    if as_json:
        assert json.loads(said.out)["status"] == 1
    text = summary.read_text()
    assert text.startswith("## The model does not pass: 1 of 3 rules passes.\n\n- planted 00000000, the most probable label counts\n")
    assert "[Files of this run](https://host/me/mine/actions/runs/7) · [the rules](https://host/me/mine/blob/abc/gates.toml)" in text


def test_outside_of_a_workflow_there_is_no_link(rules: Path) -> None:
    assert links(read_rules(rules), {"GITHUB_SHA": "abc"}) == ""
