"""Is a rule about a family judged under each of its perturbations, on an ordinary day or at all levels, and planned so?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from robustness.errors import USER_ERROR
from robustness.gates.rules import RulesError, read_rules
from robustness.gates.wording import meaning
from robustness.jobs.gate import gated_perturbations
from robustness.perturbations.base import PERTURBATIONS
from tests.gates.planted import CLEAN, GRIDS, Answers, Planted, moved, right, verdict

PINK = GRIDS["white-noise"] | {"family": "noise", "draws": 1, "everyday": [5.0, 30.0]}
NOISES = {"plan": {"grids": {"white-noise": GRIDS["white-noise"] | {"family": "noise"}, "pink-noise": PINK}, "skipped": {}}}


def noisy(white: dict[float, int], pink: dict[float, int]) -> Planted:
    found = [Answers(right(10, 10), CLEAN)]
    found += [Answers(right(count, 10), moved(db, draw, "white-noise")) for db, count in white.items() for draw in (0, 1)]
    found += [Answers(right(count, 10), moved(db, 0, "pink-noise")) for db, count in pink.items()]
    return Planted(found, manifest=NOISES)


MILD = {20.0: 10, 10.0: 9, 0.0: 8}


@pytest.mark.parametrize(
    ("pink", "more", "outcome", "words"),
    [
        (MILD, {}, "pass", "pink noise at 0 dB"),
        ({20.0: 10, 10.0: 7, 0.0: 8}, {}, "fail", "pink noise at 10 dB"),
        ({20.0: 10, 10.0: 9, 0.0: 2}, {}, "fail", "pink noise at 0 dB"),
        ({20.0: 10, 10.0: 9, 0.0: 2}, {"level": "everyday"}, "pass", "pink noise at 10 dB"),
    ],
)
def test_the_worst_of_the_family_decides(pink: dict[float, int], more: dict[str, Any], outcome: str, words: str, tmp_path: Path) -> None:
    found = verdict(tmp_path, noisy(MILD, pink), metric="good", family="noise", min=0.8, **more)
    assert found.outcome == outcome, found.sentence
    assert words in found.sentence


def test_the_drop_under_a_family_is_paired(tmp_path: Path) -> None:
    found = verdict(tmp_path, noisy(MILD, {20.0: 10, 10.0: 9, 0.0: 6}), metric="good_drop", family="noise", max=0.3)
    assert found.outcome == "fail"
    assert "good_drop is 40 points" in found.sentence


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"metric": "good", "family": "noise", "perturbation": "white-noise", "min": 0.8}, "say both what is done; give one"),
        ({"metric": "good", "family": "noise", "level": 10, "min": 0.8}, 'have grids of their own; write level = "everyday"'),
        ({"metric": "tolerated_level", "family": "noise", "at": 0.9, "max": 10}, "has a bar in the unit of one perturbation"),
        ({"metric": "holds_at_every_sample", "family": "noise", "within_ms": 50, "min": 0.8}, "holds_at_every_sample takes none"),
    ],
)
def test_what_makes_no_sense_is_refused(keys: dict[str, Any], says: str, tmp_path: Path) -> None:
    with pytest.raises(RulesError, match=says):
        verdict(tmp_path, noisy(MILD, MILD), **keys)


def test_a_family_that_was_not_run_is_named(tmp_path: Path) -> None:
    found = verdict(tmp_path, noisy(MILD, MILD), metric="good", family="room", min=0.8)
    assert found.status == USER_ERROR
    assert "no perturbation of the family room is run that good takes; families: noise" in found.sentence


def test_a_rule_of_a_family_is_explained_and_plans_what_can_be_run(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    rule = '[rule.noisy]\nmetric = "good"\nfamily = "noise"\nlevel = "everyday"\nmin = 0.8\n'
    path.write_text(f"version = 2\n{rule}", encoding="utf-8")
    rules = read_rules(path)
    said = meaning("noisy", rules.rule["noisy"])
    assert "under each perturbation of the family noise at the levels of an ordinary day" in said
    found = gated_perturbations(rules, {})
    family = {name for name, kind in PERTURBATIONS.all().items() if kind.family == "noise"}
    assert {*found.perturbations, *found.skipped} == family
    assert found.skipped["babble"] == "no talkers were given: give their folder by --input talkers=DIR"
    assert "white-noise" in found.perturbations
