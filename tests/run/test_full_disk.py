"""A disk that is full is said in a sentence, whatever is being written, and what stood there is as it was."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

from robustness.errors import OutputError
from robustness.explanations.evidence import write_arrays, write_sound
from robustness.run.atomic import write_json, write_table

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 4096  # bytes; each file below is larger
ROOM = 1_000_000  # bytes: for every part of a run but its page
NOISE = np.random.default_rng(0).random(100_000)
WRITERS: dict[str, Callable[[Path], None]] = {
    "sound.wav": lambda path: write_sound(path, torch.from_numpy(NOISE) - 0.5, 16_000),
    "maps.npz": lambda path: write_arrays(path, {"map": NOISE.astype(np.float32)}),
    "part.parquet": lambda path: write_table(path, pa.table({"x": NOISE})),
    "some.json": lambda path: write_json(path, {"x": NOISE.tolist()}),
}


@pytest.fixture
def small() -> Iterator[None]:
    """No file can grow beyond the limit, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("name", WRITERS)
def test_what_cannot_be_written_is_said_and_what_stood_there_stays(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(b"before")
    with pytest.raises(OutputError, match=rf"{name} cannot be written \(.*too large"):
        WRITERS[name](path)
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [(name, b"before")]


@pytest.mark.slow
def test_a_report_that_finds_no_room_ends_in_a_sentence_and_keeps_what_was_swept(tmp_path: Path) -> None:
    limits = f"import resource, runpy; resource.setrlimit(resource.RLIMIT_FSIZE, ({ROOM}, {ROOM}))"
    limited = f"{limits}; runpy.run_module('robustness', run_name='__main__', alter_sys=True)"
    given = ("report", "--model", "models/digits.toml", "--recordings", "recordings/joe", "--perturbation", "padding-placement")
    command = [sys.executable, "-c", limited, *given, "--out", str(tmp_path / "run")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "cannot be written (File too large)" in done.stderr
    assert "--resume goes on from there" in done.stderr
    assert "Traceback" not in done.stderr
    assert list((tmp_path / "run.partial" / "trials").iterdir())
