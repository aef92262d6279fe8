"""Is what a killed run left resumed only where it may be, and is a full disk a sentence that loses nothing?"""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from robustness.errors import OutputError, RunError
from robustness.run.folder import TRIALS, Run, RunWriter
from robustness.run.resume import differences, other_recordings

REQUEST = {"settings": {"seed": 0, "noises": {}}, "models": {"small": {"weights_sha256": "a" * 64}}}
TABLE = pd.DataFrame({"id": ["a", "b"], "word": ["up", "off"], "label": ["up", "off"], "speaker": ["x", None], "sha256": ["0", "1"]})


def rows(name: str, count: int = 3) -> dict[str, pa.Array]:
    """Rows of one recording, all else missing."""
    return {field.name: pa.array([name] * count) if field.name == "recording" else pa.nulls(count, field.type) for field in TRIALS}


def begun(out: Path, *names: str, resume: bool = False) -> RunWriter:
    """A run with a sealed part for each of these recordings."""
    writer = RunWriter(out, resume=resume)
    state = writer.begin(REQUEST, TABLE)
    writer.write_manifest({"models": [{"name": "small"}]})
    for number, name in enumerate(names, 1 + (state or {"done": 0})["done"]):
        writer.add(rows(name))
        writer.add_heard("none", [name], [number])
        writer.seal(f"{number:02d}", {"done": number})
    writer.release()  # as if its process were no more
    return writer


def recordings_of(run: Run) -> list[str]:
    return run.trials(["recording"])["recording"].astype(str).tolist()


def test_a_run_goes_on_from_its_last_sealed_part_and_nothing_else_stays(tmp_path: Path) -> None:
    left = begun(tmp_path / "run", "a", "b")
    left.add(rows("half"))
    left.flush()  # as Ctrl-C does: to be read, not to be gone on from
    for name in (
        "trials/.part-03.parquet.tmp",
        "heard/.part-03.parquet.tmp",
        "evidence/up.npz",
        "evidence/.up.wav.tmp",
        "index.html",
        ".manifest.json.tmp",
    ):
        (left.path / name).write_text("half")
    writer = RunWriter(tmp_path / "run", resume=True)
    assert writer.begin(REQUEST, TABLE) == {"done": 2}
    assert sorted(path.name for path in writer.path.rglob("*") if path.is_file()) == [
        "manifest.json",
        "part-01.parquet",
        "part-01.parquet",
        "part-02.parquet",
        "part-02.parquet",
        "progress.json",
        "recordings.parquet",
        "request.json",
    ]
    writer.add(rows("c"))
    writer.seal("03", {"done": 3})
    run = writer.finish()
    assert recordings_of(run) == [*"aaa", *"bbb", *"ccc"]
    heard = run.heard(["none"])
    assert heard is not None
    assert heard["mark"].tolist() == [1, 2]
    assert not (run.path / "progress.json").exists()


def test_a_part_has_the_name_of_its_block(tmp_path: Path) -> None:
    writer = RunWriter(tmp_path / "run")
    for block in ("b", "a"):  # whichever comes first
        writer.add(rows(block))
        writer.add(rows(block))
        writer.seal(block, {})
    lengths = {path.name: len(pq.read_table(path)) for path in (writer.path / "trials").iterdir()}
    assert lengths == {"part-a.parquet": 6, "part-b.parquet": 6}


@pytest.mark.parametrize("named", ["request.json", "progress.json"])
def test_a_run_killed_before_its_first_part_begins_anew(tmp_path: Path, named: str) -> None:
    left = begun(tmp_path / "run", "a")
    (left.path / named).unlink()
    writer = RunWriter(tmp_path / "run", resume=True)
    assert writer.begin(REQUEST, TABLE) is None
    assert list((writer.path / "trials").iterdir()) == []


def test_nothing_to_go_on_with_begins_and_what_is_finished_stays(tmp_path: Path) -> None:
    run = begun(tmp_path / "run", "a", resume=True).finish()
    (run.path / "progress.json").write_text("{}")  # killed right after it stood in its place
    writer = RunWriter(tmp_path / "run", resume=True)
    assert writer.is_finished
    assert writer.begin(REQUEST, TABLE) is None
    assert recordings_of(writer.finish()) == ["a"] * 3
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert not (run.path / "progress.json").exists()


@pytest.mark.parametrize(
    ("request_now", "table", "words"),
    [
        ({**REQUEST, "settings": {"seed": 1, "noises": {}}}, TABLE, "settings seed 1 instead of 0"),
        ({**REQUEST, "settings": {"seed": 0, "noises": {"hum": "9"}}}, TABLE, "settings noises hum 9 instead of none"),
        ({**REQUEST, "models": {"small": {"weights_sha256": "b" * 64}}}, TABLE, "other models small weights_sha256"),
        (REQUEST, TABLE.assign(sha256=["0", "9"]), r"1 recording has other sound \(b\)"),
        (REQUEST, TABLE.assign(word=["no", "on"]), r"2 recordings have another word \(a, b\)"),
        (REQUEST, TABLE.assign(speaker=["x", "y"]), r"1 recording has another speaker \(b\)"),
        (REQUEST, TABLE[:1], r"1 recording is gone \(b\)"),
        (REQUEST, pd.concat([TABLE, TABLE.assign(id=["c", "d"])]), r"2 recordings are new \(c, d\)"),
        (REQUEST, TABLE[::-1], "the recordings are in another order"),
    ],
)
@pytest.mark.parametrize("finished", [False, True])
def test_another_request_is_refused_by_what_differs(
    tmp_path: Path, request_now: dict[str, Any], table: pd.DataFrame, words: str, finished: bool
) -> None:
    left = begun(tmp_path / "run", "a")
    if finished:
        left.finish()
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(RunError, match=rf"{words}; give those it was started with, or leave out --resume"):
        RunWriter(tmp_path / "run", resume=True).begin(request_now, table)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_without_resume_a_run_begins_anew(tmp_path: Path) -> None:
    begun(tmp_path / "run", "a")
    assert recordings_of(begun(tmp_path / "run", "b").finish()) == ["b"] * 3


def test_equal_requests_do_not_differ() -> None:
    assert differences(REQUEST, json.loads(json.dumps(REQUEST))) == []
    assert differences({"settings": {"variants": []}}, {"settings": {"variants": ()}}) == []  # written down, and not yet
    assert other_recordings(TABLE, TABLE.copy()) == []


@pytest.mark.parametrize("at", ["write", "rename"])
def test_a_full_disk_is_a_sentence_and_what_was_written_stays_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str) -> None:
    writer = begun(tmp_path / "run", "a")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(*((Path, "write_bytes", full) if at == "write" else (Path, "replace", full)))
        writer.add(rows("b"))
        with pytest.raises(OutputError, match=r"part-02\.parquet cannot be written \(No space left on device\)"):
            writer.seal("02", {"done": 2})
    assert [path.name for path in (writer.path / "trials").iterdir()] == ["part-01.parquet"]
    assert recordings_of(begun(tmp_path / "run", "b", resume=True).finish()) == [*"aaa", *"bbb"]


LIMITED = """
import pyarrow as pa, resource, sys
from pathlib import Path
from tests.run.test_resume import begun, rows
writer = begun(Path(sys.argv[1]), "a")
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
writer.add({**rows("b", 50_000), "margin": pa.array([float(i) for i in range(50_000)])})
from robustness.errors import OutputError
try:
    writer.seal("02", {"done": 2})
except OutputError as error:
    print(error)
"""


def test_a_file_that_the_system_will_not_write_leaves_the_parts_before(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", LIMITED, str(tmp_path / "run")], capture_output=True, text=True, check=True)
    assert "part-02.parquet cannot be written" in done.stdout
    assert [path.name for path in (tmp_path / "run.partial" / "trials").iterdir()] == ["part-01.parquet"]
