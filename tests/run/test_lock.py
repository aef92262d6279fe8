from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from robustness.cli.main import run
from robustness.errors import OutputError
from robustness.run.folder import RunWriter
from robustness.run.lock import FolderLock
from tests.cards import write_card, write_recordings

HOLDS = "import sys, time\nfrom pathlib import Path\nfrom robustness.run.lock import FolderLock\n"
HOLDS += "lock = FolderLock(Path(sys.argv[1]))\nlock.acquire()\nprint('held', flush=True)\ntime.sleep(60)"


def other_process(out: Path) -> subprocess.Popen[str]:
    holder = subprocess.Popen([sys.executable, "-c", HOLDS, str(out)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_a_second_process_is_refused_with_the_name_of_the_first_and_a_dead_ones_place_is_taken(tmp_path: Path) -> None:
    out = tmp_path / "reports" / "run"
    holder = other_process(out)
    try:
        with pytest.raises(OutputError, match=rf"is being written by process {holder.pid} on .+, since \d{{4}}-\d\d-\d\d.*another --out"):
            RunWriter(out)
        assert not list(out.parent.glob("*.partial"))
    finally:
        os.kill(holder.pid, signal.SIGKILL)
        holder.communicate()
    writer = RunWriter(out)
    assert writer.path.is_dir()
    writer.discard()
    assert list(out.parent.iterdir()) == []


def test_a_lock_that_is_given_back_is_free(tmp_path: Path) -> None:
    with FolderLock(tmp_path / "a"):
        assert re.match(rf"{os.getpid()}\n", (tmp_path / ".a.lock").read_text(encoding="utf-8"))
        with pytest.raises(OutputError, match=f"process {os.getpid()} on "):
            FolderLock(tmp_path / "a").acquire()
    FolderLock(tmp_path / "a").acquire()


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        RunWriter(tmp_path / "file" / "run")


def test_a_refused_place_is_left_as_it_was(tmp_path: Path) -> None:
    with FolderLock(tmp_path / "a" / "b" / "run"):
        assert (tmp_path / "a" / "b").is_dir()
    assert list(tmp_path.iterdir()) == []


def test_every_command_that_writes_a_model_or_words_takes_the_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    card, words = write_card(tmp_path / "model"), write_recordings(tmp_path / "words")
    out = tmp_path / "out"
    for command in (
        ["segment", words, "--one", "--out", out],
        ["segment", next(words.rglob("*.wav")), "--words", "up", "--out", out],
        ["quantize", card, "--scheme", "dynamic-int8", "--out", out],
        ["train", "--data", words, "--out", out],
    ):
        monkeypatch.setattr(sys, "argv", ["robustness", *map(str, command)])
        with FolderLock(out):
            assert run() == 2
        assert f"is being written by process {os.getpid()} on " in capsys.readouterr().err
        assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "words"]
