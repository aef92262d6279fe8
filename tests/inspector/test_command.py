"""What does `robustness explain` say to a right answer, to a stranger's int8 network, and to a network whose answers are no labels?"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile
import torch

from robustness.audio.placement import batch_of, lead_of, place
from robustness.errors import DONE, USER_ERROR
from tests.builders import FRAME, LABELS, RATE_HZ, classifier, recording
from tests.cards import write_card
from tests.commands import Said, run_here

STRANGER = """
import warnings

import torch
from torch import nn
from torch.ao import quantization


def net(labels):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        made = nn.Sequential(nn.Flatten(), quantization.QuantStub(), nn.Linear(64 * 101, labels), quantization.DeQuantStub()).eval()
        made.qconfig = quantization.get_default_qconfig("x86")
        watched = quantization.prepare(made)
        watched(torch.randn(4, 1, 64, 101) * 30 - 40)
        return quantization.convert(watched)
"""
POOLED_NOT = """
from torch import nn


def net(labels):
    return nn.Sequential(nn.Flatten(1, 2), nn.Conv1d(64, labels, 3))
"""


def explained(*arguments: str | Path) -> Said:
    return run_here("explain", *arguments)


def sound(folder: Path, label: str) -> Path:
    """A recording in the folder of its word."""
    path = folder / label / "one.wav"
    path.parent.mkdir(parents=True)
    soundfile.write(path, recording("one.wav").samples.numpy(), RATE_HZ)
    return path


def stranger(folder: Path, code: str, module: str) -> Path:
    """A card whose network is made by code beside it, with the weights that it makes itself."""
    card = write_card(folder)
    (folder / f"{module}.py").write_text(code, encoding="utf-8")
    save = f"import torch, {module}; torch.save({module}.net(11).state_dict(), 'small.pt')"
    subprocess.run([sys.executable, "-W", "ignore", "-c", save], check=True, cwd=folder)
    digest = hashlib.sha256((folder / "small.pt").read_bytes()).hexdigest()
    lines = [
        f'sha256 = "{digest}"' if line.startswith("sha256") else line.replace('"log-probabilities"', '"logits"')
        for line in card.read_text(encoding="utf-8").splitlines()
    ]
    text = "\n".join(lines).replace("robustness.models.architectures:TutorialNet", f"{module}:net")
    card.write_text(text, encoding="utf-8")
    return card


def test_a_right_answer_is_explained_and_said_to_be_right(tmp_path: Path) -> None:
    batch = batch_of([recording("one.wav")])
    window = place(batch, lead_of("center", FRAME.samples - batch.lengths), FRAME).samples
    answer = LABELS[int(classifier().logits(window)[0].argmax())]
    asked = ("--method", "occlusion", "--untested", "--variant", "float32", "--out", tmp_path / "page")
    done = explained("--model", write_card(tmp_path / "model"), sound(tmp_path, answer), *asked)
    assert done.returncode == DONE, done.stderr
    assert "it is recognised correctly; it is explained all the same" in done.stderr
    assert "That is right; it is explained all the same" in (tmp_path / "page" / "index.html").read_text(encoding="utf-8")


@pytest.mark.skipif("x86" not in torch.backends.quantized.supported_engines, reason="needs the x86 engine")
def test_a_strangers_int8_network_has_no_gradients_and_is_explained_by_itself(tmp_path: Path) -> None:
    card, heard = stranger(tmp_path / "model", STRANGER, "theirs"), sound(tmp_path, "up")
    refused = explained("--model", card, heard, "--method", "integrated-gradients", "--out", tmp_path / "page")
    assert refused.returncode == USER_ERROR
    assert "integrated-gradients needs gradients and int8 has none" in refused.stderr
    assert "take occlusion" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (tmp_path / "page").exists()
    done = explained("--model", card, heard, "--untested", "--out", tmp_path / "page")
    assert done.returncode == DONE, done.stderr
    assert "integrated-gradients, int8" not in (tmp_path / "page" / "index.html").read_text(encoding="utf-8")


def test_outputs_that_are_not_clips_by_labels_are_a_sentence(tmp_path: Path) -> None:
    card = stranger(tmp_path / "model", POOLED_NOT, "unpooled")
    done = explained("--model", card, sound(tmp_path, "up"), "--out", tmp_path / "page")
    assert done.returncode == USER_ERROR
    assert "expected [clips labels]" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_table_of_labels_may_list_recordings_that_are_not_there(tmp_path: Path) -> None:
    heard = sound(tmp_path, "up")
    (tmp_path / "words.csv").write_text("path,label\nup/one.wav,left\nup/gone.wav,go\n", encoding="utf-8")
    asked = ("--labels", tmp_path / "words.csv", "--method", "occlusion", "--untested", "--out", tmp_path / "page")
    done = explained("--model", write_card(tmp_path / "model"), heard, *asked)
    assert done.returncode == DONE, done.stderr
    assert "“left”" in (tmp_path / "page" / "index.html").read_text(encoding="utf-8")


def test_a_word_that_is_given_is_the_word(tmp_path: Path) -> None:
    asked = ("--label", "stop", "--method", "occlusion", "--untested", "--out", tmp_path / "page")
    done = explained("--model", write_card(tmp_path / "model"), sound(tmp_path, "up"), *asked)
    assert done.returncode == DONE, done.stderr
    assert "<title>“stop”" in (tmp_path / "page" / "index.html").read_text(encoding="utf-8")
