"""Does a converted model answer as its network does, in any order of axes, and is what cannot be converted refused?"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from robustness.cli.main import run
from robustness.errors import DONE, USER_ERROR, CannotJudgeError, CardError, OutputError
from robustness.models import conversion
from robustness.models.card import load_classifier, read_card
from robustness.models.conversion import ConversionFormat, convert, probe_windows
from robustness.seeds import generator_of
from tests.cards import write_card

TARGETS: tuple[ConversionFormat, ...] = ("onnx", "pt2")
NUMPY = """
import torch
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = torch.nn.Linear(64 * 101, 11)
    def forward(self, features):
        return torch.log_softmax(self.fc(torch.from_numpy(features.detach().numpy()).flatten(1)), 1)
"""
FRAMES_FIRST = """
import torch
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = torch.nn.Linear(64, 16)
        self.fc = torch.nn.Linear(16, 11)
    def forward(self, frames):
        assert frames.shape[1:] == (101, 64), frames.shape
        weights = torch.linspace(0, 1, frames.shape[1])[None, :, None]
        return self.fc((torch.tanh(self.rnn(frames)) * weights).sum(1))
"""


@pytest.fixture(autouse=True)
def _needs_the_extra() -> None:
    for name in ("onnx", "onnxruntime", "onnxscript"):
        pytest.importorskip(name)


def own_card(folder: Path, code: str, *, layout: str = "") -> Path:
    """The card of a network in a module beside it, with seeded weights."""
    card = write_card(folder)
    (folder / "own_net.py").write_text(code, encoding="utf-8")
    space: dict[str, type[nn.Module]] = {}
    exec(code, space)
    state = space["Net"]().state_dict()
    rng = generator_of("own net")
    torch.save({name: torch.randn(value.shape, generator=rng) * 0.1 for name, value in state.items()}, folder / "small.pt")
    text = (
        card.read_text(encoding="utf-8")
        .replace("robustness.models.architectures:TutorialNet", "own_net:Net")
        .replace("{ labels = 11 }", "{}")
    )
    text = text.replace('output = "log-probabilities"', f'output = "{"logits" if layout else "log-probabilities"}"')
    text = text.replace("top_db = 80.0", f'top_db = 80.0\nlayout = "{layout}"' if layout else "top_db = 80.0")
    said = read_card(card).weights
    assert said is not None
    card.write_text(text.replace(said.sha256, sha256(folder / "small.pt")), encoding="utf-8")
    return card


def sha256(path: Path) -> str:
    from robustness.files import sha256_of

    return sha256_of(path, 10**8)


@pytest.mark.parametrize("target", TARGETS)
def test_the_answers_are_the_networks(tmp_path: Path, root: Path, target: ConversionFormat) -> None:
    card, out = root / "models" / "digits.toml", tmp_path / "exports" / f"digits.{target}"
    done = convert(card, target, out)
    original, found = load_classifier(card), load_classifier(done.card)
    windows = torch.cat([probe_windows(original), torch.randn(3, original.frame.samples, generator=generator_of("others")) * 0.1])
    assert (original.logits(windows) - found.logits(windows)).abs().max() < 1e-4
    assert (found.variant, found.deployed, found.labels, found.threshold) == (target, True, original.labels, original.threshold)
    assert done.difference <= done.allowed
    assert done.bytes == out.stat().st_size
    assert read_card(done.card).golden is None  # its samples are in another folder
    assert {path.name for path in out.parent.iterdir()} == {out.name, "digits.toml"}


@pytest.mark.parametrize("target", TARGETS)
def test_the_file_takes_the_features_in_the_networks_own_order(tmp_path: Path, target: ConversionFormat) -> None:
    card = own_card(tmp_path / "model", FRAMES_FIRST, layout="frames bands")
    done = convert(card, target, tmp_path / f"net.{target}")
    windows = probe_windows(load_classifier(card))
    assert (load_classifier(card).logits(windows) - load_classifier(done.card).logits(windows)).abs().max() <= done.allowed


def test_golden_samples_stay_where_they_are_near(tmp_path: Path, root: Path) -> None:
    for name in ("digits.toml", "digits.pt", "golden.wav"):
        (tmp_path / name).write_bytes((root / "models" / name).read_bytes())
    done = convert(tmp_path / "digits.toml", "pt2", tmp_path / "digits-program.pt2")
    assert read_card(done.card).golden == read_card(tmp_path / "digits.toml").golden


def test_what_answers_otherwise_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = write_card(tmp_path / "model")
    pt2 = conversion.WRITERS["pt2"]

    def moved(net: nn.Module, features: torch.Tensor) -> bytes:
        return pt2(nn.Sequential(net, Shifted()), features)

    monkeypatch.setitem(conversion.WRITERS, "pt2", moved)
    with pytest.raises(CannotJudgeError, match=r"small\.pt2 does not give the network's answers: a logit differs by .*nothing was kept"):
        convert(card, "pt2", tmp_path / "small.pt2")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


class Shifted(nn.Module):
    """What a faulty exporter would do: one output is a little less, and all are still log-probabilities."""

    def forward(self, outputs: torch.Tensor) -> torch.Tensor:
        return torch.log_softmax(outputs - torch.eye(outputs.shape[1])[0] * 0.01, 1)


def test_what_is_no_torch_network_in_float_is_refused(tmp_path: Path, root: Path) -> None:
    done = convert(write_card(tmp_path / "model"), "pt2", tmp_path / "small.pt2")
    with pytest.raises(CardError, match="the network is an exported program; give the card of a torch model"):
        convert(done.card, "onnx", tmp_path / "again.onnx")
    with pytest.raises(CardError, match=r"cannot be traced; its code has to stay in torch"):
        convert(own_card(tmp_path / "own", NUMPY), "onnx", tmp_path / "own.onnx")
    assert not (tmp_path / "own.onnx").exists()


def test_a_front_end_in_code_has_to_lie_beside_the_new_card(tmp_path: Path) -> None:
    card = write_card(tmp_path / "model")
    (tmp_path / "model" / "own_front.py").write_text(
        "def made():\n    return lambda samples: samples[:, : 64 * 101].reshape(-1, 1, 64, 101)\n"
    )
    head, _, rest = card.read_text(encoding="utf-8").partition("[frontend]")
    own = '[frontend]\nfactory = "own_front:made"\nrate_hz = 16000\n'
    card.write_text(head + own + rest[rest.index("[window]") :], encoding="utf-8")
    with pytest.raises(OutputError, match="another folder than the front-end's code, own_front; give an --out beside"):
        convert(card, "pt2", tmp_path / "small.pt2")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert read_card(convert(card, "pt2", tmp_path / "model" / "exported.pt2").card).frontend.factory == "own_front:made"


def test_a_missing_extra_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(CardError, match=r"--to onnx needs the package onnxscript; pip install 'speech-robustness\[onnx\]'"):
        convert(write_card(tmp_path / "model"), "onnx", tmp_path / "small.onnx")


@pytest.mark.parametrize(
    ("out", "words"),
    [
        ("small.pt", r"ends in \.pt; a card knows the format by \.pt2"),
        ("model/small.pt2", "over the card that is converted"),
        ("there.pt2", "--force"),
    ],
)
def test_where_it_may_not_be_written(tmp_path: Path, out: str, words: str) -> None:
    card = write_card(tmp_path / "model")
    (tmp_path / "there.toml").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match=words):
        convert(card, "pt2", tmp_path / out)
    assert (tmp_path / "there.toml").read_text(encoding="utf-8") == "mine"


def test_the_command_says_how_far_a_logit_is_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    card, out = write_card(tmp_path / "model"), tmp_path / "small.pt2"
    arguments = ["robustness", "convert", str(card), "--to", "pt2", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", arguments)
    assert run() == DONE
    assert "on 8 probe windows a logit differs by" in capsys.readouterr().out
    assert run() == USER_ERROR
    assert "is there already" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", [*arguments, "--force"])
    assert run() == DONE
