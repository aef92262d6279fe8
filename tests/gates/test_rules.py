"""A mistake in a rules file is named with its file, rule and key, and ends with status 2."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from robustness.errors import USER_ERROR
from robustness.gates.levels import Levels
from robustness.gates.metrics.base import METRICS
from robustness.gates.rule_checks import PERTURBATIONS, checked_rules
from robustness.gates.rules import RulesError, read_rules
from robustness.gates.run_judgement import data_of
from robustness.gates.verdicts import judge
from robustness.gates.wording import meaning
from robustness.perturbations.base import PERTURBATIONS as REAL
from robustness.run.perturbations import known_perturbations
from tests.gates.planted import CLEAN, Answers, Planted, moved, offset, right, rule, rules_in, verdict
from tests.gates.test_outputs import ISSUE


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ('metric = "acuracy"\nmin = 0.9', "key `metric`: there is no 'acuracy'; did you mean accuracy?"),
        ("min = 0.9", "key `metric` is missing"),
        ('metric = "accuracy"', "it has no bar; give key `min`, `max` or both"),
        ('metric = "accuracy"\nmin = 0.9\nmax = 0.8', "key `min` is 0.9, above `max`, 0.8"),
        ('metric = "accuracy"\nmin = 90', "key `min` is 90, and accuracy lies between 0 and 1; did you mean 0.9?"),
        ('metric = "accuracy"\nmin = "high"', "key `min` is 'high'"),
        ('metric = "accuracy"\nmin = true', "key `min` is True"),
        ('metric = "accuracy"\nmin = nan', "key `min` is nan"),
        ('metric = "accuracy"\nminimum = 0.9', "key `minimum` does not exist; did you mean min?"),
        ('metric = "accuracy"\nmin = 0.9\nscope = "all"', "key `scope` is 'all'"),
        ('metric = "accuracy"\nmin = 0.9\nconfidence = 95.0', "key `confidence` is 95.0"),
        ('metric = "accuracy"\nmin = 0.9\nlevel = "about 10"', "key `level`: 'about 10' is no level"),
        ('metric = "accuracy"\nmin = 0.9\nlevel = 10', "key `level`: accuracy has no perturbation here"),
        ('metric = "accuracy"\nmin = 0.9\nperturbation = "white-noize"', "did you mean white-noise?"),
        ('metric = "accuracy"\nmin = 0.9\nperturbation = "white-noise"\nplacement = "start"', "key `placement` goes with"),
        ('metric = "accuracy"\nmin = 0.9\nat = 0.5', "key `at`: accuracy takes none"),
        ('metric = "accuracy"\nmin = 0.9\nagainst = "float32"', "key `against`: accuracy is compared with nothing"),
        ('metric = "tolerance_early_ms"\nmin = 100', "key `at` is missing"),
        ('metric = "tolerance_early_ms"\nmin = 100\nat = 0.9\nperturbation = "white-noise"', "takes time-shift"),
        ('metric = "tolerance_early_ms"\nmin = -1\nat = 0.9', "never under 0"),
        ('metric = "snr_lost_db"\nmax = 0\nat = 0.9', "key `perturbation` is missing"),
        ('metric = "accuracy_drop"\nmax = 0.1', "key `against` is missing"),
        ('metric = "accuracy_drop"\nmax = 0.1\nvariant = "float32"\nagainst = "float32"', "the variant itself"),
        ('metric = "size_bytes"\nmax = 1000\nperturbation = "time-shift"', "key `perturbation`: size_bytes takes none"),
        ('metric = "consistency"\nmin = 0.5\nlabel = "yes"', "key `label`"),
    ],
)
def test_a_mistake_names_file_rule_and_key(tmp_path: Path, keys: str, says: str) -> None:
    with pytest.raises(RulesError) as caught:
        checked_rules(rules_in(tmp_path, f"[rule.mine]\n{keys}\n"))
    assert str(caught.value).startswith(f"{tmp_path / 'gates.toml'}: rule mine: ")
    assert says in str(caught.value)
    assert caught.value.exit_status == USER_ERROR


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("  \n", "is empty"),
        ("# nothing yet\n", "holds no rule"),
        ('baseline = "reports/main"\n', "holds no rule"),
        ("[rule.a\n", "is not TOML"),
        ('[rules.a]\nmetric = "accuracy"\nmin = 1', "holds no rule"),
        ('[rule.a]\nmetric = "accuracy"\nmin = 1\n[default]\nscope = "files"', "key `default` does not exist; did you mean defaults?"),
        ('[rule.a]\nmetric = "accuracy"\nmin = 1\n[defaults]\nscop = "files"', "key `defaults.scop` does not exist; did you mean scope?"),
        ("[rule]\na = 3", "rule a is no section"),
    ],
)
def test_a_file_that_is_no_rules_file(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(RulesError, match=r"gates\.toml") as caught:
        rules_in(tmp_path, text)
    assert says in str(caught.value)


def test_a_file_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    with pytest.raises(RulesError, match=r"nowhere\.toml cannot be read: No such file"):
        read_rules(tmp_path / "nowhere.toml")
    (tmp_path / "sound.wav").write_bytes(b"RIFF\xff\xfe\x00")
    with pytest.raises(RulesError, match="it is no text in UTF-8"):
        read_rules(tmp_path / "sound.wav")


@pytest.mark.parametrize(
    ("level", "says"),
    [(11, "level 11 is not on the grid; the nearest are 0, 10, 20"), (">= 30", "no level of the grid is >= 30; the nearest are 0, 10, 20")],
)
def test_a_level_outside_the_grid_lists_the_nearest(tmp_path: Path, level: float | str, says: str) -> None:
    noise = [Answers(right(2, 2), moved(db, draw, "white-noise")) for db in (20.0, 10.0, 0.0) for draw in (0, 1)]
    found = verdict(tmp_path, Planted([Answers(right(2, 2)), *noise]), metric="accuracy", perturbation="white-noise", level=level, min=0.5)
    assert (found.outcome, found.status) == ("error", USER_ERROR)
    assert says in found.sentence


@pytest.mark.parametrize(
    ("given", "levels"),
    [(10, [10]), ([0, 20], [20, 0]), (">= 10", [20, 10]), ("> 10", [20]), ("<=0", [0]), ("< 20", [10, 0])],
)
def test_levels_of_a_grid(given: float | str | list[float], levels: list[float]) -> None:
    assert Levels.parse(given).on([20.0, 10.0, 0.0]) == levels


def test_a_tolerance_beyond_the_grid_could_never_be_shown(tmp_path: Path) -> None:
    shifts = [Answers(right(2, 2), moved(level)) for level in (0.0, -20.0, -40.0, 20.0, 40.0)]
    found = verdict(tmp_path, Planted([Answers(right(2, 2)), *shifts]), metric="tolerance_early_ms", at=0.9, min=60)
    assert found.status == USER_ERROR
    assert "the grid of time-shift ends at 40 ms" in found.sentence


def test_every_rule_of_the_issue_is_explained_in_a_sentence(tmp_path: Path) -> None:
    rules = checked_rules(rules_in(tmp_path, ISSUE))
    said = {name: meaning(name, rule) for name, rule in rules.rule.items()}
    assert said["accepted"] == (
        "accepted: for float32, the share of known words accepted right, at the operating point, at the reference placement, "
        "must be at least 90 %; of these recordings alone; fails otherwise."
    )
    assert "paired with float32, must be at most 1 point" in said["int8"]
    assert "by the bad end of its 95 % interval" in said["noise"]
    assert "warns otherwise" in said["regression"]


def test_defaults_are_filled_in_and_a_rule_may_say_otherwise(tmp_path: Path) -> None:
    one = '[rule.{}]\nmetric = "missed"\nmax = 0.1\n'
    text = '[defaults]\nscope = "population"\nconfidence = 0.9\n' + one.format("a") + one.format("b") + 'scope = "files"\n'
    rules = rules_in(tmp_path, text).rule
    assert (rules["a"].scope, rules["a"].confidence, rules["b"].scope) == ("population", 0.9, "files")


def test_names_of_perturbations_are_the_real_ones() -> None:
    assert PERTURBATIONS.names() == REAL.names()
    assert set(known_perturbations()) <= set(REAL.names())


@pytest.mark.parametrize("name", known_perturbations())
def test_what_is_said_of_a_perturbation_in_a_run_of_before_is_what_it_says_itself(name: str) -> None:
    known, facts = known_perturbations()[name], REAL[name]().facts("center")
    for key in ("family", "moves", "says", "neutral_says", "placements", "leads"):
        assert getattr(known, key) == getattr(facts, key), key
    assert tuple(known.inputs) == facts.inputs


def test_every_metric_of_the_registry_can_be_judged_or_says_why_not(tmp_path: Path) -> None:
    """With every key that it asks for, on a run that has everything but an audit, an enumeration and a stream."""
    shifts = [moved(level) for level in (0.0, -20.0, -40.0, 20.0, 40.0)]
    noise = [moved(db, draw, "white-noise") for db in (20.0, 10.0, 0.0) for draw in (0, 1)]
    conditions = [CLEAN, *shifts, offset(0.0), offset(20.0), *noise]
    answers = [Answers([1, 1, 1, 0], condition, variant) for variant in ("float32", "dynamic-int8") for condition in conditions]
    run = Planted(answers, labels=["yes", "yes", "no", "unknown"], no_word=(10, 1)).write(tmp_path / "run")
    recorded = Planted(answers, labels=["yes", "yes", "no", "unknown"], no_word=(10, 1), sound="fan.wav").write(tmp_path / "recorded")
    for name, metric in METRICS.all().items():
        keys: dict[str, Any] = {"metric": name, "variant": "float32", "min": 0.0}
        keys |= {"at": 0.5} if metric.at == "required" else {}
        keys |= {"perturbation": "white-noise"} if metric.perturbation == "required" else {}
        keys |= {"against": "dynamic-int8"} if metric.against != "none" else {}
        keys |= {"within_ms": 20.0} if metric.within else {}
        rules = rule(tmp_path, **keys)
        (found,) = judge(rules, data_of(recorded if name == "false_accepts_an_hour" else run, rules))
        apart = name in ("layer_sqnr_db", "holds_at_every_sample") or name.startswith("stream_")  # judged on what the run has not
        assert (found.outcome == "error") is apart, found.sentence


def test_what_would_take_all_night_or_all_the_stack_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "gates.toml"
    path.write_text("".join(f'[rule.r{number}]\nmetric = "accuracy"\nmin = 0.5\n' for number in range(1_001)), encoding="utf-8")
    with pytest.raises(RulesError, match="holds 1,001 rules, and at most 1,000 are judged"):
        read_rules(path)
    path.write_text("a = " + "[" * 50_000, encoding="utf-8")
    with pytest.raises(RulesError, match="nested too deeply"):
        read_rules(path)
    path.write_text("".join(f"[rule.r{number}]\nmin = 0.5\n" for number in range(500)), encoding="utf-8")
    with pytest.raises(RulesError, match=r"metric` is missing; give one; and 495 more mistakes$"):
        read_rules(path)
