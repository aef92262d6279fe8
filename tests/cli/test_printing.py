"""Does a name from outside write a line of its own to the terminal?"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import soundfile

from robustness.cli.main import run
from robustness.cli.printing import say, warn
from tests.builders import RATE_HZ, recording
from tests.cards import write_card


def test_a_line_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    say("a\n::error::b\x1b[2J\u202e é – 😀\xa0%")
    warn("\r::set-output name=x::y")
    warn(f"label {'x' * 10_000}y is new")
    said = capsys.readouterr()
    assert said.out == "a\\n::error::b\\x1b[2J\\u202e é – 😀\xa0%\n"
    assert said.err == f"\\r::set-output name=x::y\nlabel {'x' * 100}…{'x' * 99}y is new\n"


@pytest.mark.parametrize("command", ["report", "check"])
def test_a_file_s_name_writes_no_command_into_a_log(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    card = write_card(tmp_path / "model")
    bad, good = tmp_path / "words" / "up" / "x\n::error::bad.wav", tmp_path / "words" / "up" / "x\n::warning::good.wav"
    bad.parent.mkdir(parents=True)
    bad.write_bytes(b"no sound")
    soundfile.write(good, recording("up").samples.numpy(), RATE_HZ)
    options = ["--model", str(card), "--dry-run"] if command == "report" else [str(card)]
    options += ["--variant", "float32", "--recordings", str(tmp_path / "words")]
    for more, status in (((), 2), (("--skip-bad",), 0)):
        monkeypatch.setattr(sys, "argv", ["robustness", command, *options, *more])
        assert run() == status
        said = "".join(capfd.readouterr())
        assert not [line for line in said.splitlines() if line.startswith("::")]
        assert "x\\n::error::bad.wav" in said or status == 0
