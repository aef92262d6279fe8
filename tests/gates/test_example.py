"""The rules worth starting from can be read, planned and, with the commented one, judged against a baseline."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from robustness.cli.main import run
from robustness.gates.rule_checks import checked_rules, rewritten
from robustness.gates.rules import read_rules

MENTIONED = {"accepted", "wrong-commands", "other-words", "false-alarms", "placement", "noise", "int8", "new-model"}


def test_the_example_speaks_of_a_population_and_so_does_its_commented_rule(root: Path, tmp_path: Path) -> None:
    text = (root / "gates-example.toml").read_text(encoding="utf-8")
    before, commented = text.split("# [rule.new-model]")
    whole = tmp_path / "gates.toml"
    whole.write_text(before + "[rule.new-model]" + commented.replace("\n# ", "\n"), encoding="utf-8")
    rules = checked_rules(read_rules(whole))
    assert set(rules.rule) == MENTIONED
    assert {rule.scope for rule in rules.rule.values()} == {"population"}
    assert rules.version == 2
    assert not rewritten(rules)


def test_the_example_s_rules_can_be_run(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    given = [
        "--model",
        root / "models" / "digits.toml",
        "--recordings",
        root / "recordings" / "joe",
        "--rules",
        root / "gates-example.toml",
    ]
    monkeypatch.setattr(sys, "argv", ["robustness", "gate", *map(str, given), "--dry-run", "--json"])
    assert run() == 0
    planned = json.loads(capsys.readouterr().out)
    assert planned["conditions"] == 1 + 10 + 5  # clean, ten shifts, five draws of noise
    assert planned["no_word"]
