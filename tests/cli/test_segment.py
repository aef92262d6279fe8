from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import soundfile

from robustness.cli.main import run
from robustness.report.packing import unpacked
from tests.audio.takes import RATE_HZ, take_of

PIECES = [("pause", 500, 0), ("word", 400, -20), ("pause", 500, 0), ("word", 300, -20), ("pause", 500, 0)]


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


Segment = Callable[..., Done]


@pytest.fixture
def segment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Segment:
    """The command in this process, from an empty folder."""

    def call(*arguments: str) -> Done:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["robustness", "segment", *arguments])
        status = run()
        return Done(status, *capsys.readouterr())

    return call


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(("voice", "engine"), [("joe", "piper"), ("heart", "hibari")])
def test_the_shipped_words_are_what_this_command_cuts_from_the_shipped_take(
    segment: Segment, root: Path, tmp_path: Path, voice: str, engine: str
) -> None:
    name = f"synthetic_{voice}_{engine}_clean_{{label}}_{{count}}.wav"
    take = str(root / f"recordings/{voice}-take.wav")
    done = segment(take, "--words", "tutorial", "--before-ms", "10", "--name", name, "--no-page", "--out", "out")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("20 words of ")
    assert contents(tmp_path / "out") == contents(root / "recordings" / voice)


@pytest.fixture
def take(tmp_path: Path) -> Path:
    samples = take_of(PIECES, rate_hz=44100).samples
    soundfile.write(tmp_path / "mine.wav", np.stack([samples, 0.9 * samples], 1), 44100)
    return tmp_path / "mine.wav"


def test_any_take_becomes_files_a_table_and_a_page(segment: Segment, take: Path, tmp_path: Path) -> None:
    done = segment("mine.wav", "--words", "yes,no", "--out", "out")
    assert done.returncode == 0
    assert done.stderr == "mine.wav: mixed down from 2 channels\nmine.wav: resampled from 44100 to 16000 Hz\n"
    names = ["segment_mine_take_clean_no_1.wav", "segment_mine_take_clean_yes_1.wav", "spans.csv", "take.html"]
    assert sorted(contents(tmp_path / "out")) == names
    info = soundfile.info(tmp_path / "out" / names[0])
    assert (info.samplerate, info.channels, info.subtype) == (RATE_HZ, 1, "PCM_16")


def test_another_process_gives_the_same_bytes(segment: Segment, take: Path, tmp_path: Path) -> None:
    assert segment("mine.wav", "--words", "yes,no", "--out", "one").returncode == 0
    command = [sys.executable, "-m", "robustness", "segment", "mine.wav", "--words", "yes,no", "--out", "two"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


class Loads(HTMLParser):
    """What a page would load from elsewhere, and how many scripts it carries."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loads += [f"{tag} {value}" for name, value in attrs if name in {"src", "href", "srcset", "data"} and value]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_the_page_loads_nothing_and_a_hostile_name_stays_text(segment: Segment, take: Path, tmp_path: Path) -> None:
    take.rename(tmp_path / "<img src=x>.wav")
    done = segment("<img src=x>.wav", "--words", "yes,no", "--name", "{label}.wav", "--out", "out")
    assert done.returncode == 0
    page = (tmp_path / "out/take.html").read_text()
    reader = Loads()
    reader.feed(page)
    assert [one for one in reader.loads if not one.startswith(("audio data:audio/flac;base64,", "a #"))] == []
    assert len([one for one in reader.loads if one.startswith("audio")]) == 2
    assert "<img src=x>: 2 words" in "".join(reader.text)
    assert sum(script.count("plotly.js v") for script in unpacked(page)["scripts"]) == 1
    assert str(tmp_path) not in page


def test_another_count_is_told_with_2_and_nothing_written(segment: Segment, take: Path, tmp_path: Path) -> None:
    done = segment("mine.wav", "--words", "yes", "--out", "out")
    assert done.returncode == 2
    assert done.stderr.startswith("robustness: mine.wav: 1 word was given and 2 found")
    assert done.stderr.splitlines()[1].startswith("    1. 0.4")
    assert "--min-word-ms" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["none.wav", "--out", "out"], "none.wav cannot be opened"),
        (["mine.wav", "--out", "mine.wav"], "mine.wav is a file"),
        (["mine.wav"], "--out"),
        (["mine.wav", "--out", "out", "--words", "yes", "--words-file", "words.txt"], "both --words and --words-file"),
        (["mine.wav", "--out", "out", "--words", "yes,no", "--min-pause-ms", "-1"], "--min-pause-ms is -1"),
        (["mine.wav", "--out", "out", "--words", "yes,no", "--before-ms", "nan"], "margins are 0 or more"),
    ],
)
def test_a_users_mistake_is_a_sentence_and_2(segment: Segment, take: Path, tmp_path: Path, arguments: list[str], told: str) -> None:
    done = segment(*arguments)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.wav"]
