"""Does `robustness check` say what a card, its model and its variants are, and stop where they contradict?"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from robustness.cli.check import of_all_files
from robustness.cli.main import run
from robustness.errors import DONE, USER_ERROR
from robustness.models.formats.torch_module import module_of
from robustness.run.checks import Finding
from tests.builders import RATE_HZ, classifier, recording
from tests.cards import write_card, write_recordings
from tests.checks.faulty import FAULTS, VOICES
from tests.checks.faulty import made as faulty


@pytest.fixture
def card(tmp_path: Path) -> Path:
    return write_card(tmp_path)


class Said:
    """What a check printed, and its status."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: object) -> None:
        monkeypatch.setattr(sys, "argv", ["robustness", "check", *map(str, arguments)])
        self.status = run()
        self.out, self.err = capsys.readouterr()

    def line(self, key: str) -> str:
        """What is said under a key."""
        found = re.search(rf"^  {re.escape(key)} +(.*)$", self.out, re.MULTILINE)
        assert found, self.out
        return found[1]


def test_what_was_understood_is_said(card: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    said = Said(monkeypatch, capsys, card)
    assert (said.status, said.err) == (DONE, "")
    assert said.line("labels") == "11: yes no up down left right on off stop go unknown"
    assert said.line("rejections") == "other words: unknown"
    whose = "robustness.models.architectures:TutorialNet was run, from the installed robustness.models.architectures"
    assert said.line("code") == f"{whose}; a card runs what it names, with your rights"
    assert said.line("window") == "16000 samples at 16000 Hz, 1000 ms, recordings at its center"
    assert said.line("front-end") == "log-mel: rate_hz 16000, n_fft 320, hop_samples 160, n_mels 64, top_db 80.0"
    assert said.line("features").startswith("[clips 1 64 101], ")
    assert f"{sum(p.numel() for p in module_of(classifier().network).parameters()):,} parameters" in said.line("network")
    assert re.fullmatch(r"log-probabilities, -[\d.e+]+ to -[\d.e-]+; probabilities sum to 1 within \de-0[6-9]", said.line("output"))
    assert re.search(
        r"dynamic-int8 .*\n +int8: fc1 fc2, 92\.8% of the parameters\n +float: conv1 conv2\n +independent of its batch", said.out
    )
    assert "nothing shows that this front-end is the one of the training" in said.line("none")
    assert all(line == line.rstrip() and "\x1b" not in line for line in said.out.splitlines())


def test_recordings_are_answered(card: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    words = write_recordings(tmp_path / "words", 3)
    soundfile.write(words / "stray.wav", recording("stray").samples.numpy(), RATE_HZ)
    said = Said(monkeypatch, capsys, card, "--recordings", words, "--answers", 4, "--variant", "dynamic-int8")
    assert said.status == DONE
    each = r"\w+ 0\.\d{3} (right|WRONG \((missed|substituted)\))"
    assert re.fullmatch(rf"yes: float32 {each}, dynamic-int8 {each}", said.line("yes/yes-0.wav"))
    assert re.fullmatch(r"no word known: float32 \w+ 0\.\d{3}, dynamic-int8 \w+ 0\.\d{3}", said.line("stray.wav"))
    assert "on 4 recordings" in said.line("features")
    assert "words of 3 recordings taken from the names of their folders" in said.out


def test_a_bad_recording_ends_it_or_is_skipped(
    card: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = write_recordings(tmp_path / "words", 2)
    soundfile.write(words / "silent.wav", np.zeros(800), RATE_HZ)
    refused = Said(monkeypatch, capsys, card, "--recordings", words)
    assert (refused.status, refused.out) == (USER_ERROR, "")
    assert "silent.wav is digital silence" in refused.err
    skipped = Said(monkeypatch, capsys, card, "--recordings", words, "--skip-bad")
    assert skipped.status == DONE
    assert "silent.wav is digital silence" in skipped.out


@pytest.mark.parametrize(("off", "status", "verdict"), [(0.0, DONE, "logits agree"), (0.3, USER_ERROR, "logits DIFFER")])
def test_a_golden_vector_is_compared(
    card: Path, off: float, status: int, verdict: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    samples = recording("golden", 1000).samples
    soundfile.write(card.parent / "golden.wav", samples.numpy(), RATE_HZ, subtype="FLOAT")
    logits = classifier().logits(samples[None])[0].tolist()
    logits[5] += off
    with card.open("a", encoding="utf-8") as file:
        file.write(f'[golden]\nsamples = "golden.wav"\nlogits = {logits}\n')
    said = Said(monkeypatch, capsys, card)
    assert said.status == status
    assert said.line(verdict).startswith("by up to ")
    assert "labels" in said.out  # what was understood is said all the same
    if off:
        assert said.line(verdict).endswith(f"expected {logits[5]:.4f}")
        assert "differ by up to 0.3 (tolerance 0.001): the front-end computes other features" in said.err
        assert "[frontend]" in said.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--variant", "int7"], "there is no variant 'int7'"),
        (["--weights", "absent.pt"], "absent.pt are not there"),
        (["--recordings", "absent"], "absent does not exist"),
        (["--device", "sideways"], "no such device"),
        (["--answers", "0"], "Invalid value for '--answers'"),
    ],
)
def test_a_mistake_is_a_sentence_and_nothing_else(
    card: Path, arguments: list[str], words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = Said(monkeypatch, capsys, card, *arguments)
    assert (said.status, said.out) == (USER_ERROR, "")
    assert words in said.err
    assert said.err.count("\n") == 1


def test_a_network_that_depends_on_its_batch_is_said_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    card = write_card(tmp_path)
    (tmp_path / "mixing.py").write_text(
        "import torch\n"
        "class Net(torch.nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.linear = torch.nn.Linear(64, 11)\n"
        "    def forward(self, features):\n"
        "        return self.linear((features - features.mean()).mean(dim=(1, 3)))\n"
    )
    weights = tmp_path / "small.pt"
    old = hashlib.sha256(weights.read_bytes()).hexdigest()
    torch.save({"linear.weight": torch.linspace(-1, 1, 704).reshape(11, 64), "linear.bias": torch.zeros(11)}, weights)
    text = card.read_text().replace(old, hashlib.sha256(weights.read_bytes()).hexdigest()).replace("labels = 11", "")
    card.write_text(text.replace("robustness.models.architectures:TutorialNet", "mixing:Net").replace("log-probabilities", "logits"))
    said = Said(monkeypatch, capsys, card, "--variant", "float32")
    assert said.status == DONE
    assert "DEPENDS ON ITS BATCH, give --batch 1" in said.out


def test_a_fault_is_named_with_what_to_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    fault = replace(next(one for one in FAULTS if one.name == "two digits exchanged"), voices=VOICES)
    made = faulty(fault, tmp_path)
    said = Said(monkeypatch, capsys, made.card, "--recordings", made.recordings, "--variant", "float32", "--answers", 1)
    assert said.status == DONE
    assert said.line("label-order").startswith("the labels eight and three are exchanged: 30 of 40 recordings are recognised")
    assert '"two", "three", "four"' in said.out
    assert said.line("recognised").startswith("30 of 40 (")
    assert "eight as three 2 of 2" in said.line("most confused")
    as_json = Said(monkeypatch, capsys, made.card, "--recordings", made.recordings, "--variant", "float32", "--json")
    told = json.loads(as_json.out)
    assert [one["kind"] for one in told["findings"]] == ["label-order"]
    assert told["findings"][0]["evidence"]["labels"][:4] == ["zero", "one", "two", "three"]
    assert told["counts"]["right"]["value"] == 0.75


def test_a_golden_vector_is_written_that_a_card_takes(
    card: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    soundfile.write(tmp_path / "clip.wav", recording("clip", 700).samples.numpy(), RATE_HZ)
    printed = Said(monkeypatch, capsys, card, "--print-golden", tmp_path / "clip.wav", "--golden-dir", card.parent)
    assert printed.status == DONE
    assert printed.line("features").startswith("[64 101], ")
    with card.open("a", encoding="utf-8") as file:
        file.write((card.parent / "golden.toml").read_text(encoding="utf-8"))
    said = Said(monkeypatch, capsys, card, "--variant", "float32")
    assert said.status == DONE
    assert all(said.line(f"{stage} agree").startswith("by up to") for stage in ("features", "logits"))


def test_a_finding_of_one_file_of_a_card_names_it() -> None:
    order, weights = Finding("label-order", "labels are exchanged", "…"), Finding("weight-precision", "they are half", "…", cause=False)
    found = of_all_files({"float32": [order, weights], "int8": [order]})
    assert [one.says for one in found] == ["labels are exchanged", "float32 alone: they are half"]
    assert found[1].evidence["variants"] == ["float32"]
    assert [one.says for one in of_all_files({"float32": [], "int8": [order]})] == ["int8 alone: labels are exchanged"]
