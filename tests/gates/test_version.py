"""Does a rules file of version 2 speak by outcome, and one without a version as before, with a notice that says what to change?"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from robustness.cli.main import run as command
from robustness.gates.rule_checks import checked_rules, rewritten
from robustness.gates.rules import RulesError
from robustness.gates.run_judgement import data_of
from robustness.gates.verdicts import judge
from tests.gates.planted import Answers, Planted, moved, offset, right, rules_in, verdict

# Ten commands and ten other words. Shifted, the winning label is that of before, and under the threshold: every command is missed.
WORDS = ["yes"] * 10 + ["unknown"] * 10
UNDER = Planted(
    [Answers(right(20, 20)), *(Answers(right(20, 20), moved(level), p=0.5) for level in (-20.0, -40.0, 20.0, 40.0))],
    labels=WORDS,
    model={"threshold": 0.8},
)
# Harmless errors alone: other words get another command's label, under the threshold.
HARMLESS = Planted([Answers(right(10, 20), p=0.5), Answers(right(10, 20), moved(20.0), p=0.5)], labels=WORDS, model={"threshold": 0.8})


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        ({"metric": "good", "perturbation": "time-shift", "min": 0.9}, "50 % (10 of 20)"),
        ({"metric": "accuracy", "perturbation": "time-shift", "min": 0.9}, "100 % (20 of 20)"),
        ({"metric": "good_to_bad", "perturbation": "time-shift", "max": 0.1}, "50 % (10 of 20)"),
        ({"metric": "right_to_wrong", "perturbation": "time-shift", "max": 0.1}, "0 % (0 of 20)"),
        ({"metric": "good_drop", "perturbation": "time-shift", "max": 0.1}, "50 points"),
        ({"metric": "accuracy_drop", "perturbation": "time-shift", "max": 0.1}, "0 points"),
        ({"metric": "same_outcome", "perturbation": "time-shift", "min": 0.1}, "50 % (10 of 20)"),
        ({"metric": "agreement", "perturbation": "time-shift", "min": 0.1}, "100 % (20 of 20)"),
    ],
)
def test_a_metric_is_by_outcome_or_by_the_winning_label_as_its_name_says(tmp_path: Path, keys: dict[str, Any], value: str) -> None:
    assert value in verdict(tmp_path, UNDER, **keys).sentence


def test_what_was_bad_can_become_good(tmp_path: Path) -> None:
    back = Planted([Answers(right(20, 20), p=0.5), Answers(right(20, 20), moved(20.0))], labels=WORDS, model={"threshold": 0.8})
    found = verdict(tmp_path, back, metric="bad_to_good", perturbation="time-shift", level=20, min=0.5)
    assert (found.outcome, "100 % (10 of 10)" in found.sentence) == ("pass", True)


def test_harmless_errors_are_no_failures(tmp_path: Path) -> None:
    good = verdict(tmp_path / "a", HARMLESS, metric="falsely_accepted", max=0.0)
    assert good.outcome == "pass"
    drop = verdict(tmp_path / "b", HARMLESS, metric="good_to_bad", perturbation="time-shift", level=20, max=0.0)
    assert drop.outcome == "pass"


@pytest.mark.parametrize(("version", "reach", "consistency"), [("", "40 ms", "100 %"), ("version = 2\n", "none", "50 %")])
def test_a_metric_whose_name_does_not_say_goes_by_the_files_version(tmp_path: Path, version: str, reach: str, consistency: str) -> None:
    text = '[rule.early]\nmetric = "tolerance_early_ms"\nat = 0.9\nmin = 20\n[rule.same]\nmetric = "consistency"\nmin = 0.1\n'
    rules = rules_in(tmp_path, version + text)
    clean = [Answers(right(20, 20), p=0.5), Answers(right(20, 20), moved(0.0), p=0.5)]
    leads = [Answers(right(20, 20), offset(lead), p=p) for lead, p in ((0.0, 0.5), (10.0, 0.9))]
    planted = replace(UNDER, answers=[*clean, *(Answers(right(20, 20), moved(level), p=0.5) for level in (-20.0, -40.0)), *leads])
    early, same = judge(rules, data_of(planted.write(tmp_path / "run"), rules))
    assert f"tolerance_early_ms is {reach}" in early.sentence
    assert f"consistency is {consistency}" in same.sentence


def test_version_2_refuses_the_winning_labels_names_and_says_what_to_write(tmp_path: Path) -> None:
    rules = rules_in(tmp_path, 'version = 2\n[rule.r]\nmetric = "right_to_wrong"\nperturbation = "time-shift"\nmax = 0.1\n')
    with pytest.raises(RulesError, match=r'rule r: key `metric` is "right_to_wrong", by the winning label, .*; write "good_to_bad"'):
        checked_rules(rules)
    with pytest.raises(RulesError, match="key `version` is 3"):
        rules_in(tmp_path, 'version = 3\n[rule.r]\nmetric = "good"\nmin = 0.1\n')


def test_the_shipped_rules_are_of_version_2_and_need_no_rewrite(root: Path) -> None:
    from robustness.gates.rules import read_rules

    rules = checked_rules(read_rules(root / "gates.toml"))
    assert (rules.version, rewritten(rules)) == (2, [])


def test_the_rewrite_is_printed_and_a_notice_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = '[rule.a]\nmetric = "right_to_wrong"\nperturbation = "time-shift"\nlevel = 20\nmax = 0.1\n'
    text += '[rule.b]\nmetric = "accuracy"\nmin = 0.5\n'
    path = rules_in(tmp_path, text).source
    monkeypatch.setattr(sys, "argv", ["robustness", "gate", "--rules", str(path), "--explain-rules"])
    assert command() == 0
    said = capsys.readouterr().out
    assert 'version = 2\nrule a: write metric = "good_to_bad" instead of "right_to_wrong"\nrule b: metric = "good" is the share' in said
    run = UNDER.write(tmp_path / "run")
    monkeypatch.setattr(sys, "argv", ["robustness", "gate", "--rules", str(path), "--from", str(run.path)])
    assert command() == 0
    assert f"note: {path} has no version, so some of its rules go by the winning label" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("good", "bar", "says"),
    [(10, 0.9, False), (9, 0.9, True), (8, 0.9, True), (7, 0.9, False)],  # of ten; one fewer would fail, one more would pass
)
def test_a_verdict_that_one_recording_decides_says_so(tmp_path: Path, good: int, bar: float, says: bool) -> None:
    planted = Planted([Answers(right(good, 10), predicted="unknown")])
    found = verdict(tmp_path, planted, metric="accepted_right", min=bar)
    assert ("one recording more or less decides: each of the 10 is 10 points" in found.sentence) is says
