"""How the program ends where something from outside would end it: code that a card names, a signal."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from tests.cards import write_card, write_recordings
from tests.commands import run_here

NETWORK = """
import sys

import torch
from torch import nn

{imported}

class Net(nn.Module):
    def __init__(self, labels):
        super().__init__()
        {made}
        self.fc = nn.Linear(1, labels)
        self.asked = 0

    def forward(self, features):
        self.asked += 1
        if self.asked > {answers}:
            sys.exit(0)
        return torch.log_softmax(self.fc(features.mean((1, 2, 3))[:, None]), 1)
"""


def ending_card(folder: Path, *, imported: str = "", made: str = "", answers: int = 10**9) -> Path:
    card = write_card(folder)
    (folder / "ending.py").write_text(NETWORK.format(imported=imported, made=made, answers=answers), encoding="utf-8")
    torch.save({"fc.weight": torch.zeros(11, 1), "fc.bias": torch.zeros(11)}, folder / "small.pt")
    found = hashlib.sha256((folder / "small.pt").read_bytes()).hexdigest()
    text = re.sub(r'sha256 = ".*"', f'sha256 = "{found}"', card.read_text(encoding="utf-8"))
    card.write_text(text.replace("robustness.models.architectures:TutorialNet", "ending:Net"), encoding="utf-8")
    return card


def robustness(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "robustness", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("ending", "says"),
    [
        ({"imported": "sys.exit(0)"}, "importing ending fails with SystemExit"),
        ({"made": "sys.exit(0)"}, "fails with SystemExit"),
        ({"imported": "raise GeneratorExit"}, "importing ending fails with GeneratorExit"),
        ({"answers": 0}, "the network does not take features .*SystemExit"),
    ],
)
def test_code_that_ends_the_program_where_a_card_is_read_is_a_sentence(tmp_path: Path, ending: dict[str, str], says: str) -> None:
    card = ending_card(tmp_path / "model", **ending)  # type: ignore[arg-type]
    done = run_here("check", card)
    assert done.returncode == 2, done.stderr
    assert re.search(says, done.stderr)
    assert "Traceback" not in done.stderr


def test_code_that_ends_the_program_in_the_middle_is_no_success(tmp_path: Path) -> None:
    card = ending_card(tmp_path / "model", answers=20)
    voices = write_recordings(tmp_path / "voices")
    done = robustness("report", "--model", card, "--recordings", voices, "--variant", "float32", "--out", tmp_path / "run", "--batch", 2)
    assert done.returncode == 3, (done.returncode, done.stderr)
    assert "ended the program by sys.exit(0), and nothing was finished" in done.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_told_and_what_was_done_is_kept(tmp_path: Path, sent: signal.Signals) -> None:
    card, voices = write_card(tmp_path / "model"), write_recordings(tmp_path / "voices", 8)
    command = [sys.executable, "-m", "robustness", "report", "--model", card, "--recordings", voices, "--out", tmp_path / "run"]
    script = "import signal, sys\nsignal.signal(signal.SIGINT, signal.default_int_handler)\nfrom robustness.cli.main import main\nmain()"
    command[1:3] = ["-c", script]
    process = subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, text=True)
    partial = tmp_path / "run.partial" / "manifest.json"
    while not partial.exists() and process.poll() is None:
        time.sleep(0.01)
    os.kill(process.pid, sent)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "what is done is kept; the same command with --resume goes on from there" in said
    assert not (tmp_path / ".run.lock").exists()
    assert partial.exists()
