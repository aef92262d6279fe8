"""What does a shell see? A mistake is a sentence and 2, a bug its traceback and 70, and nothing is left half-written.

What needs no shell runs in this process, where it is quick, the whole table of mistakes too; one of each kind also as a shell runs it
(marked slow).
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import robustness
from robustness.cli.main import run
from robustness.errors import BUG, DONE, INTERRUPTED, USER_ERROR
from tests.cards import write_card, write_recordings
from tests.cli.mistakes import MISTAKES, Place, sound, spoiled
from tests.commands import run_here


@pytest.fixture
def at(tmp_path: Path) -> Place:
    write_card(tmp_path / "model")
    write_recordings(tmp_path / "words", 2)
    (tmp_path / "runs").mkdir()
    return Place(tmp_path)


def said(name: str, errors: str) -> None:
    """The mistake is answered by its words, in a sentence."""
    assert re.search(MISTAKES[name][1], errors.replace("\n", " ")), errors
    assert "Traceback" not in errors


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_answered_by_a_sentence(
    name: str, at: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = spoiled(name, at)
    before = at.files()
    monkeypatch.setattr(sys, "argv", ["robustness", *command])
    assert run() == USER_ERROR
    said(name, capsys.readouterr().err)
    assert at.files() == before


def shell(*arguments: str, code: str = "") -> subprocess.CompletedProcess[str]:
    """The command as a shell runs it."""
    program = ["-c", code] if code else ["-m", "robustness"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "NO_COLOR": "1", "COLUMNS": "200"}
    return subprocess.run([sys.executable, *program, *arguments], capture_output=True, text=True, env=environment, check=False)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["empty folder", "digital silence", "truncated audio", "pickled module", "misspelt key", "out holds something else", "unknown option"],
)
def test_a_mistake_ends_a_shells_command_with_2(name: str, at: Place) -> None:
    command = spoiled(name, at)
    before = at.files()
    done = shell(*command)
    assert done.returncode == USER_ERROR
    assert done.stdout == ""
    said(name, done.stderr)
    assert at.files() == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["reprot"], "reprot"),
        (["list", "colours"], "perturbations, frontends, variants, attributions"),
        (["report"], "--model CARD and --recordings DIR"),
        (["report", "--from", "."], "is not a run folder"),
        (["sweep", "--model", "card.toml", "--recordings", ".", "--out", "shards", "--look", "--dry-run"], "give one of them"),
        (["report", "--shard", "1/2"], "give that by --from RUN --model CARD"),
        (["report", "--from", ".", "--model", "card.toml", "--shard", "3/2"], "beyond its count"),
        (["check", "absent.toml"], "absent.toml"),
        (["segment", "absent.wav", "--out", "words"], "absent.wav"),
    ],
)
def test_wrong_usage_of_a_command(arguments: list[str], words: str, tmp_path: Path) -> None:
    done = run_here(*arguments, folder=tmp_path)
    assert (done.returncode, done.stdout) == (USER_ERROR, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_good_command_works_and_says_where_the_page_is(at: Place) -> None:
    done = shell(*at.arguments())
    assert done.returncode == DONE, done.stderr
    assert done.stdout.splitlines()[-1] == str(at.out / "index.html")
    assert {path.name for path in at.out.iterdir()} >= {"manifest.json", "trials", "recordings.parquet", "evidence", "index.html"}
    assert [path.name for path in at.out.parent.iterdir()] == ["run"]

    page = (at.out / "index.html").read_bytes()
    (at.out / "index.html").unlink()
    again = shell(code=DRAWN_AGAIN.format(run=str(at.out)))
    assert (again.returncode, again.stderr) == (DONE, "")
    assert again.stdout.splitlines()[-1] == "loaded: []"
    assert (at.out / "index.html").read_bytes() == page


DRAWN_AGAIN = """
import sys
sys.argv = ["robustness", "report", "--from", {run!r}]
from robustness.cli.main import run
status = run()
print("loaded:", sorted({{"torch", "torchaudio", "captum"}} & set(sys.modules)))
sys.exit(status)
"""


def test_an_old_run_is_replaced_and_nothing_else_is(at: Place) -> None:
    assert run_here(*at.arguments(), "--cards", "1", "--variant", "float32").returncode == DONE
    first = (at.out / "manifest.json").read_text()
    write_recordings(at.words, 3)
    assert run_here(*at.arguments(), "--cards", "1", "--variant", "float32").returncode == DONE
    assert (at.out / "manifest.json").read_text() != first


def test_one_bad_file_among_many_is_skipped_when_asked(at: Place) -> None:
    sound(at, np.zeros(8000))
    done = run_here(*at.arguments(), "--skip-bad", "--cards", "1")
    assert done.returncode == DONE, done.stderr
    assert "bad.wav" in done.stderr
    assert "bad.wav" in (at.out / "index.html").read_text(encoding="utf-8")


def test_a_dry_run_counts_and_writes_nothing(at: Place) -> None:
    before = at.files()
    done = run_here(*at.arguments(), "--dry-run")
    assert done.returncode == DONE, done.stderr
    assert "2 recordings, 2 variants" in done.stdout
    assert re.search(r"\b11 conditions", done.stdout)  # the clean one, nine shifts and their neutral level
    assert at.files() == before


def test_a_run_without_sound_keeps_none(at: Place) -> None:
    done = run_here(*at.arguments(), "--perturbation", "padding-placement", "--no-audio", "--cards", "1")
    assert done.returncode == DONE, done.stderr
    assert list(at.out.rglob("*.wav")) == []
    assert "data:audio" not in (at.out / "index.html").read_text(encoding="utf-8")


def test_a_bug_keeps_its_traceback_and_is_70() -> None:
    code = "import sys, robustness.jobs.listing as c\nc.catalogue = lambda: 1 / 0\nfrom robustness.cli.main import main\nmain()"
    done = shell("list", "variants", code=code)
    assert done.returncode == BUG
    assert "Traceback" in done.stderr
    assert "ZeroDivisionError" in done.stderr


def test_the_version_is_the_packages() -> None:
    done = shell("--version")
    assert (done.returncode, done.stdout.strip()) == (DONE, robustness.__version__)


@pytest.mark.slow
def test_ctrl_c_keeps_what_is_done_readable(at: Place) -> None:
    write_recordings(at.words, 11)
    command = [part for part in at.arguments() if part not in ("--perturbation", "sample-shift")]
    partial = at.out.with_name("run.partial")
    with subprocess.Popen([sys.executable, "-m", "robustness", *command], stderr=subprocess.PIPE, text=True) as process:
        wait_for(lambda: any((partial / "trials").glob("part-*.parquet")))
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED, errors
    assert "Traceback" not in errors
    assert not at.out.exists()
    again = shell("report", "--from", str(partial))
    assert again.returncode == DONE, again.stderr
    assert "interrupted" in (partial / "index.html").read_text(encoding="utf-8")


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)
