"""Is a run of before read: its levels reached under their earlier name, its perturbations without their facts?"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from robustness.perturbations.base import PERTURBATIONS
from robustness.run.folder import Run
from robustness.run.perturbations import facts_of, known_perturbations
from tests.gates.planted import Answers, Planted, moved, right

KEPT_BEFORE = ("axis", "unit", "levels", "neutral", "draws", "fills", "source")


@pytest.mark.parametrize("name", known_perturbations())
def test_what_a_run_of_before_did_not_keep_is_filled_in(name: str) -> None:
    own = PERTURBATIONS[name]().facts("center")
    kept = {key: value for key, value in own.plain().items() if key in KEPT_BEFORE}
    assert facts_of(name, kept) == replace(own, atlas=(), everyday=(), everyday_source="")


def test_what_nobody_knows_any_more_is_said_by_its_name() -> None:
    facts = facts_of("foreign-thing", {"unit": "mel", "levels": [1.0, 2.0], "neutral": "inf", "draws": 2, "fills": ["zeros"]})
    assert (facts.family, facts.moves, facts.family_word) == ("", False, "foreign thing")
    assert facts.said(2.0, lambda level, signed: f"{level:g} mel") == "foreign thing at 2 mel"
    assert math.isinf(facts.neutral)
    assert (facts.draws_at(2.0), facts.draws_at(math.inf)) == (2, 1)


def test_the_level_that_was_reached_is_read_under_its_earlier_name(tmp_path: Path) -> None:
    noise = [Answers(right(2, 2), moved(10.0, draw, "white-noise")) for draw in (0, 1)]
    run = Planted([Answers(right(2, 2)), *noise]).write(tmp_path / "run")
    (part,) = (run.path / "trials").iterdir()
    table = pq.read_table(part)
    wanted = [0.125 * row for row in range(len(table))]
    place = table.schema.get_field_index("measured")
    pq.write_table(table.set_column(place, "achieved_snr_db", pa.array(wanted)), part)
    assert Run.open(run.path).trials()["measured"].tolist() == wanted
    assert [row for rows in Run.open(run.path).batches(["measured"]) for row in rows["measured"]] == wanted
    assert "achieved_snr_db" not in Run.open(run.path).trials()
