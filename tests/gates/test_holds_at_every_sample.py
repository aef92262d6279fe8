"""Is the share that holds at every sample judged over those with the room, and is what was not enumerated never a pass?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from robustness.errors import CANNOT_JUDGE
from robustness.gates.rule_checks import mistakes
from robustness.gates.rules import Rule
from robustness.gates.run_judgement import data_of
from robustness.gates.verdicts import Verdict, judge
from robustness.run.every_sample import Enumerated, EverySample, write_every_sample
from tests.gates.planted import Answers, Planted, rule

HOLDS = Enumerated(
    "", "planted", "float32", early=800, late=800, good=1601, bad_early=None, bad_late=None, worst=1.0, worst_step=0, grid=1.0
)
LATE = replace(HOLDS, bad_late=500, good=1600, worst=-0.5, worst_step=500)
NARROW = replace(HOLDS, early=100, good=901)


def judged(folder: Path, rows: list[Enumerated] | None, **keys: Any) -> Verdict:
    run = Planted([Answers([1, 1, 1, 1], variant=name) for name in ("float32", "dynamic-int8")]).write(folder / "run")
    if rows is not None:
        ids = run.recordings()["id"].astype(str)
        run.evidence.mkdir(exist_ok=True)
        named = tuple(replace(one, recording=name) for one, name in zip(rows, ids, strict=False))
        write_every_sample(run.evidence, EverySample(50.0, 16_000, named))
    rules = rule(folder, **{"metric": "holds_at_every_sample", "variant": "float32", "min": 0.6, **keys})
    (verdict,) = judge(rules, data_of(run, rules))
    return verdict


@pytest.mark.parametrize(
    ("rows", "within_ms", "outcome", "words"),
    [
        ([HOLDS, HOLDS, LATE, NARROW], 50.0, "pass", "66.67 % (2 of 3)"),
        ([HOLDS, LATE, LATE, NARROW], 50.0, "fail", "33.33 % (1 of 3)"),
        ([HOLDS, LATE, LATE, NARROW], 31.0, "pass", "100 % (3 of 3)"),
        ([HOLDS, LATE, LATE, NARROW], 6.0, "pass", "100 % (4 of 4)"),
    ],
)
def test_it_is_the_share_of_those_with_the_room(rows: list[Enumerated], within_ms: float, outcome: str, words: str, tmp_path: Path) -> None:
    found = judged(tmp_path, rows, within_ms=within_ms)
    assert found.outcome == outcome, found.sentence
    assert words in found.sentence


@pytest.mark.parametrize(
    ("rows", "keys", "words"),
    [
        (
            None,
            {"within_ms": 50.0},
            "no lead was enumerated sample by sample in the run; make it with `robustness report --every-sample 50`",
        ),
        ([HOLDS], {"within_ms": 60.0}, "only ± 50 ms were enumerated"),
        ([HOLDS], {"within_ms": 50.0, "variant": "dynamic-int8"}, "dynamic-int8 was not enumerated sample by sample"),
        ([NARROW], {"within_ms": 50.0}, "no recording has room for 50 ms to both sides"),
    ],
)
def test_what_was_not_enumerated_is_no_pass(rows: list[Enumerated] | None, keys: dict[str, Any], words: str, tmp_path: Path) -> None:
    found = judged(tmp_path, rows, **keys)
    assert (found.outcome, found.status) == ("error", CANNOT_JUDGE)
    assert words in found.sentence


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"metric": "holds_at_every_sample"}, "key `within_ms` is missing; holds_at_every_sample needs a range, such as within_ms = 50"),
        ({"metric": "good", "within_ms": 5.0}, "key `within_ms`: good takes none"),
    ],
)
def test_a_range_goes_with_the_metric(keys: dict[str, Any], words: str) -> None:
    assert mistakes(Rule(min=0.5, **keys)) == [words]
