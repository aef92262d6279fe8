"""Are runs made before outcomes were kept read, with outcomes derived; are recordings that cannot be moved in no sum of placement?"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from robustness.analysis.answers import answer_parts, answers_of
from robustness.analysis.placing import moves
from robustness.analysis.sums import Sums
from robustness.errors import RunError
from robustness.run.folder import Run, RunWriter, write_json
from robustness.run.perturbations import facts_of
from robustness.run.schema import REQUEST, SCHEMA
from tests.gates.planted import Answers, Planted, moved, right

LATER = ["outcome", "outcome_margin", "command", "p_command", "command_margin"]
WORDS = ["yes", "unknown", None, "no"] * 5
MIXED = Planted(
    [Answers(right(12, 20)), *(Answers(right(8, 20), moved(level), p=0.4) for level in (-20.0, 20.0))],
    labels=WORDS,
    model={"threshold": 0.6},
    no_word=(6, 2),
)


def as_before(run: Run, to: Path) -> Run:
    """The run as version 1 wrote it."""
    shutil.copytree(run.path, to)
    for part in (to / "trials").iterdir():
        pq.write_table(pq.read_table(part).drop_columns(LATER), part)
    manifest = json.loads((to / "manifest.json").read_text())
    write_json(to / "manifest.json", {**manifest, "schema": 1})
    return Run.open(to)


def test_outcomes_of_an_older_run_are_derived(tmp_path: Path) -> None:
    run = MIXED.write(tmp_path / "new")
    old = as_before(run, tmp_path / "old")
    columns = ["recording", "perturbation", "outcome", "outcome_margin"]
    now, then = answers_of(run, columns), answers_of(old, columns)
    assert list(then.columns) == columns
    assert now["outcome"].astype(object).fillna("-").tolist() == then["outcome"].astype(object).fillna("-").tolist()
    assert now["outcome"].nunique() == 5
    assert then["outcome_margin"].isna().all()
    parts = [part["outcome"].tolist() for part in answer_parts(old, columns, perturbation="time-shift")]
    assert parts == [answers_of(old, columns, perturbation="time-shift")["outcome"].tolist()]


def test_sums_of_an_older_run_are_the_same(tmp_path: Path) -> None:
    run = MIXED.write(tmp_path / "new")
    new, old = Sums.of(run), Sums.of(as_before(run, tmp_path / "old"))
    assert np.array_equal(new.good, old.good)
    assert np.array_equal(new.right, old.right)
    assert (new.good != new.right).any()


def test_an_interrupted_run_of_another_schema_is_not_resumed(tmp_path: Path) -> None:
    writer = RunWriter(tmp_path / "run")
    table = pd.DataFrame({"id": ["a"], "sha256": ["0"], "label": ["yes"], "word": ["yes"], "speaker": ["s"], "duration_ms": [1.0]})
    writer.begin({"settings": {}}, table)
    kept = json.loads((writer.path / REQUEST).read_text())
    write_json(writer.path / REQUEST, {"settings": kept["settings"]})  # as version 1 wrote it
    writer.release()  # as if its process were no more
    with pytest.raises(RunError, match=f"schema {SCHEMA} instead of none"):
        RunWriter(tmp_path / "run", resume=True).begin({"settings": {}}, table)


def test_what_cannot_be_moved_is_in_no_sum_that_speaks_of_placement(tmp_path: Path) -> None:
    stuck = Sums.of(replace(MIXED, slack_ms=0.0).write(tmp_path / "stuck"))
    free = Sums.of(MIXED.write(tmp_path / "free"))
    labelled = sum(word is not None for word in WORDS)
    assert (stuck.untestable, free.untestable) == (20, 0)
    assert [int(stuck.asked[0, i].sum()) for i in range(len(stuck.conditions))] == [labelled]  # the reference alone
    assert [int(free.asked[0, i].sum()) for i in range(len(free.conditions))] == [labelled] * 3


@pytest.mark.parametrize(
    ("perturbation", "grids", "expected"),
    [
        ("time-shift", {}, True),
        ("padding-placement", None, True),
        ("white-noise", {}, False),
        (None, {}, False),
        ("mine", {"mine": {"moves": True}}, True),
        ("time-shift", {"time-shift": {"moves": False}}, False),
    ],
)
def test_whether_a_perturbation_moves_is_the_runs_own_word(
    perturbation: str | None, grids: dict[str, dict[str, bool]], expected: bool
) -> None:
    kinds = {
        name: replace(facts_of(name, {"unit": "", "levels": [], "neutral": 0.0}), moves=said["moves"])
        for name, said in (grids or {}).items()
    }
    assert moves(perturbation, kinds) is expected
