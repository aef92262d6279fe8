"""Can two runs say which recordings they heard otherwise, and is a run of an older schema told apart from one of other audio?"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from robustness.analysis.pairing import other_audio, refuse_unlike
from robustness.errors import CannotJudgeError
from robustness.run.atomic import write_json, write_table
from robustness.run.folder import Run
from robustness.run.schema import HEARD
from tests.gates.planted import Answers, Planted

import pyarrow as pa  # isort: skip

PLANTED = Planted([Answers([True] * 4)])
CLEAN = "none//zeros/0/center"


def heard(out: Path, digest: str, **marks: int) -> Run:
    """A run of which these marks are of what was heard of each recording."""
    run = replace(PLANTED, manifest={"audio_sha256": {CLEAN: digest}}).write(out)
    columns = {"condition": [CLEAN] * len(marks), "recording": list(marks), "mark": list(marks.values())}
    write_table(run.path / "heard" / "part-00000000.parquet", pa.Table.from_pydict(columns, schema=HEARD))
    return run


def test_the_recordings_of_which_other_audio_was_heard_are_named(tmp_path: Path) -> None:
    one, other = heard(tmp_path / "a", "1", up=1, down=2, left=3), heard(tmp_path / "b", "2", left=3, down=9, up=7)
    assert other_audio(one, other, [CLEAN]) == ["down", "up"]
    assert other_audio(one, other, ["pink-noise/5/zeros/0/center"]) == []
    with pytest.raises(CannotJudgeError, match=r"was given other audio than .* of 2 recordings, such as down, up; give both the same"):
        refuse_unlike(one, other)


def test_runs_of_two_schemas_are_compared_without_their_digests(tmp_path: Path) -> None:
    old, new = heard(tmp_path / "a", "1", up=1), heard(tmp_path / "b", "2", up=2)
    manifest = json.loads((old.path / "manifest.json").read_text(encoding="utf-8"))
    write_json(old.path / "manifest.json", {**manifest, "schema": 1})
    (note,) = refuse_unlike(new, Run.open(old.path))
    assert "digest audio otherwise" in note
