"""Do page, gate and comparison print one interval for one figure, with few speakers, many and none that are known?"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from robustness.analysis.counts import counts
from robustness.comparison import compare
from robustness.gates.run_judgement import data_of
from robustness.gates.samples import Interval
from robustness.gates.verdicts import judge
from robustness.report.comparison_page import comparison_page
from robustness.report.sections.outcomes import Outcomes
from robustness.report.sections.quantization import Quantization
from robustness.report.tables.earlier_failures import sooner
from robustness.report.tables.paired_answers import paired_table
from robustness.report.view import View
from robustness.report.words import bracketed, ends, share_of
from robustness.run.folder import Run
from tests.gates.planted import rules_in
from tests.report.planted import Plan, write_run

WORDS = ["up", "left", "go", "up"] * 9


@dataclass(frozen=True)
class Answering:
    """Wrong answers of each variant to the first recordings that say `up`, `left` and `go`."""

    float32: dict[str, str]
    int8: dict[str, str]

    def __call__(self, word: str, place: str, variant: str) -> str:
        return (self.float32 if variant == "float32" else self.int8).get(word, word)


OLD = Answering({"left": "go"}, {"left": "go", "go": "up"})
NEW = Answering({"go": "left", "up": "go"}, {})


def run_of(folder: Path, answer: Callable[[str, str, str], str], speakers: Sequence[str | None] | None) -> Run:
    return write_run(Plan(WORDS, answer, speakers=speakers), folder)


def judged(folder: Path, run: Run, baseline: Run | None, text: str) -> Interval:
    """The interval that the gate goes by."""
    rules = rules_in(folder, f'version = 2\n[rule.r]\nscope = "population"\n{text}')
    (found,) = judge(rules, data_of(run, rules, None if baseline is None else baseline.path))
    assert found.worst is not None, found.sentence
    assert found.worst.judgement.interval is not None
    return found.worst.judgement.interval


@pytest.mark.parametrize("speakers", [None, 2, 6, 36, 1])
def test_one_figure_has_one_interval(tmp_path: Path, speakers: int | None) -> None:
    who = None if speakers is None else [f"s{i % speakers}" for i in range(len(WORDS))]
    old, new = (run_of(tmp_path / name, answer, who) for name, answer in (("old", OLD), ("new", NEW)))
    view = View(old)

    share = counts(view.of(view.first, view.clean), view.speakers).right
    gate = judged(tmp_path, old, None, 'metric = "accepted_right"\nvariant = "float32"\nmin = 0.9\n')
    assert (share.low, share.high) == pytest.approx(tuple(gate), nan_ok=True)
    assert f"{share_of(share)}{bracketed(share)}" in Outcomes().part(view).html

    drop = judged(tmp_path, old, None, 'metric = "good_drop"\nvariant = "dynamic-int8"\nagainst = "float32"\nmax = 0.01\n')
    in_points = (-100 * drop.high, -100 * drop.low)
    under = sooner(view, view.variants[1])
    assert under is not None
    assert under.overall.difference[1:] == pytest.approx(in_points, nan_ok=True)
    printed = ends(-drop.high, -drop.low)
    told = str(paired_table(view, view.variants[1], None).rows[0][1])
    assert told == f"{told.split(' points', maxsplit=1)[0]} points{f' ({printed})' if printed != '–' else ''}"
    assert told in Quantization().part(view).html

    between = judged(tmp_path, new, old, 'metric = "good_drop"\nvariant = "float32"\nagainst = "baseline"\nmax = 0.01\n')
    found = compare(old, new)
    (change,) = (one for one in found.changes if one.variant == "float32" and one.condition.perturbation == "none")
    assert tuple(change.interval) == pytest.approx((-between.high, -between.low), nan_ok=True)
    assert ends(-between.high, -between.low) in comparison_page(found)
    assert math.isnan(change.interval.low) == (speakers == 1)


def test_the_table_of_answers_is_by_what_the_device_does(tmp_path: Path) -> None:
    """Under the threshold another word that int8 takes for `go` is left alone all the same."""
    other = Plan(["unknown"] * 4 + ["up"] * 4, Answering({}, {"unknown": "go"}), threshold=0.95, probability=0.9)
    view = View(write_run(other, tmp_path / "run"))
    rows = {str(row[0]): str(row[1]) for row in paired_table(view, view.variants[1], None).rows}
    assert rows["good outcomes"].startswith("0.0 points")
    assert rows["good → bad"].startswith("0 of 4")
    assert rows["bad → good"].startswith("0 of 4")
    assert rows["negative flip rate"].startswith("0 of 8")
