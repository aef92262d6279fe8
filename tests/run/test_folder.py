from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from robustness.errors import OutputError, RunError
from robustness.run.folder import Run, RunWriter, is_run, write_json


def written(out: Path, name: str = "a") -> Run:
    writer = RunWriter(out)
    writer.write_manifest({"models": [{"name": name}]})
    writer.write_recordings(pd.DataFrame({"id": ["x"]}))
    return writer.finish()


def test_a_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    run = written(tmp_path / "deep" / "run")
    assert run.manifest["models"] == [{"name": "a"}]
    assert run.recordings()["id"].tolist() == ["x"]
    assert run.trials().empty


def test_an_existing_run_is_replaced_as_a_whole_at_the_end(tmp_path: Path) -> None:
    written(tmp_path / "run", "old")
    writer = RunWriter(tmp_path / "run")
    assert Run.open(tmp_path / "run").manifest["models"] == [{"name": "old"}]
    writer.write_manifest({"models": [{"name": "new"}]})
    assert writer.finish().manifest["models"] == [{"name": "new"}]
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_folder_of_something_else_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputError, match="not a run folder; it is left as it is"):
        RunWriter(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_file_in_the_way_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("mine")
    with pytest.raises(OutputError, match="not a run folder"):
        RunWriter(tmp_path / "run")


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        RunWriter(tmp_path / "file" / "run")


def test_the_root_is_no_run_folder() -> None:
    with pytest.raises(OutputError, match="a folder of its own"):
        RunWriter(Path("/"))


def test_a_run_replaced_by_halves_does_not_stop_the_next(tmp_path: Path) -> None:
    written(tmp_path / "run", "old")
    (tmp_path / "run").rename(tmp_path / "run.replaced")
    assert written(tmp_path / "run", "new").manifest["models"] == [{"name": "new"}]
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_link_to_a_run_stays_a_link(tmp_path: Path) -> None:
    written(tmp_path / "real")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    written(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert Run.open(tmp_path / "real").manifest["models"] == [{"name": "new"}]


def test_what_an_interrupted_run_left_is_replaced_and_nothing_else_is(tmp_path: Path) -> None:
    RunWriter(tmp_path / "run").write_manifest({"models": []})
    written(tmp_path / "run")
    (tmp_path / "other.partial").mkdir()
    (tmp_path / "other.partial" / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="in the way"):
        RunWriter(tmp_path / "other")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"kind": "something else"}', "not json"])
def test_what_is_no_run_is_said_to_be_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(text)
    assert not is_run(tmp_path)
    with pytest.raises(RunError, match="not a run folder"):
        Run.open(tmp_path)


def test_another_schema_is_refused(tmp_path: Path) -> None:
    run = written(tmp_path / "run")
    manifest = json.loads((run.path / "manifest.json").read_text())
    write_json(run.path / "manifest.json", {**manifest, "schema": 99})
    with pytest.raises(RunError, match="schema 99"):
        Run.open(run.path)


def test_json_has_no_nan(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Out of range"):
        write_json(tmp_path / "a.json", {"x": float("nan")})
    assert list(tmp_path.iterdir()) == [tmp_path / ".a.json.tmp"] or not list(tmp_path.iterdir())
