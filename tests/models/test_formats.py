"""Which format does a card choose, and what of a callable is refused in a sentence?"""

from __future__ import annotations

import sys
from pathlib import Path
from threading import Barrier, Thread

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from robustness.attributions.base import Target
from robustness.attributions.methods.integrated_gradients import IntegratedGradients
from robustness.errors import CardError, UsageError
from robustness.frontends.log_mel import LogMel
from robustness.models.card import load_classifier, read_card
from robustness.models.formats.base import FORMATS, Capabilities, format_of
from robustness.models.formats.callable import CallableNetwork
from robustness.models.formats.torch_module import TorchNetwork
from robustness.quantization.base import quantized
from robustness.quantization.variants import variants
from robustness.sweep.engine import Engine
from tests.cards import CARD, write_card

CALLABLE = """
import numpy as np


def answer(features):
    return features.mean((1, 2, 3))[:, None] * np.arange(11)


def wide(features):
    return np.zeros((len(features), 12))


def flat(features):
    return np.zeros(len(features))


def fails(features):
    raise ValueError("no such device")


def words(features):
    return [["yes"] * 11] * len(features)


three = 3
"""


def write_callable(folder: Path, name: str = "answer", more: str = "") -> Path:
    """A card whose network is a function beside it, with its name."""
    sys.modules.pop("answering", None)
    (folder / "answering.py").write_text(CALLABLE, encoding="utf-8")
    head, _, tail = CARD.format(name="called", labels=list(map(str, range(11))), sha256="").replace("'", '"').partition("[weights]")
    head = head.replace('unknown = "unknown"\n', "").replace("log-probabilities", "logits")
    card = folder / "called.toml"
    network = f'[network]\ncallable = "answering:{name}"\n{more}\n'
    card.write_text(head + network + tail[tail.index("[frontend]") :], encoding="utf-8")
    return card


def test_a_key_or_a_suffix_chooses(tmp_path: Path) -> None:
    assert {"callable", "command", "exported", "onnx", "tflite", "torch-module"} == set(FORMATS.names())
    card = write_card(tmp_path)
    assert format_of(card, read_card(card)).name == "torch-module"
    called = write_callable(tmp_path)
    assert format_of(called, read_card(called)).name == "callable"


def test_a_callable_is_asked_as_it_says(tmp_path: Path) -> None:
    model = load_classifier(write_callable(tmp_path, more="batch = 2\ncopies = true"))
    assert model.network.can == Capabilities(copies=True, batch=2, kernels="a callable")
    features = torch.randn(5, 1, 64, 101, generator=torch.Generator().manual_seed(0))
    expected = features.mean((1, 2, 3))[:, None] * torch.arange(11)
    torch.testing.assert_close(model.forward(features), expected)
    engine = Engine.ready([model], torch.zeros(2, 16_000), workers=2)
    assert (engine.workers, engine.batch) == (2, 2)


def test_one_thread_at_a_time_asks_what_cannot_be_copied() -> None:
    inside: list[int] = []
    most: list[int] = []

    def count(features: object) -> object:
        inside.append(1)
        most.append(len(inside))
        found = np.zeros((len(features), 2))  # type: ignore[arg-type]
        inside.pop()
        return found

    network, start = CallableNetwork(count, LogMel()), Barrier(4)

    def ask() -> None:
        start.wait()
        for _ in range(200):
            network(torch.zeros(1, 1, 4, 4))

    threads = [Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1
    assert len(most) == 800


def test_what_a_callable_has_not_is_said(tmp_path: Path) -> None:
    model = load_classifier(write_callable(tmp_path))
    with pytest.raises(UsageError, match=r"called \(float32\) has no layer 'fc1': the network is a callable and has no layers"):
        model.activations(torch.zeros(1, 1, 64, 101), ["fc1"])
    with pytest.raises(
        UsageError, match=r"needs gradients and float32 has none: the network is a callable and gives no gradients; take occ"
    ):
        IntegratedGradients().attribute(model, torch.zeros(1, 1, 64, 101), Target(0))
    with pytest.raises(UsageError, match=r"called cannot be quantized as dynamic-int8: the network is a callable and has no weights"):
        quantized(model, "dynamic-int8")
    with pytest.raises(UsageError, match=r"dynamic-int8 is left out, because the network is a callable .*; no variant of called remains"):
        variants(model, ["dynamic-int8"])
    made, left_out = variants(model, ["float32", "dynamic-int8", "static-int8"])
    assert [one.variant for one in made] == ["float32"]
    assert [one.variant for one in left_out] == ["dynamic-int8", "static-int8"]


@pytest.mark.parametrize(
    ("name", "more", "words"),
    [
        ("wide", "", r"the network gives \[1, 12\] for 1 clips; expected \[clips labels\] = \[1, 11\]"),
        ("flat", "", r"answering:flat gives \[1\] for 1 clips; expected scores \[clips labels\]"),
        ("fails", "", r"answering:fails fails on features \[1, 1, 64, 101\] with ValueError: no such device"),
        ("words", "", r"answering:words fails on features .* with ValueError: could not convert"),
        ("three", "", r"network\.callable: answering has no callable three"),
        ("answr", "", r"network\.callable: answering has no callable answr; did you mean answer\?"),
        ("answer", "batch = 0", r"`network\.batch` is 0; expected a whole number"),
        ("answer", 'copies = "yes"', r"`network\.copies` is 'yes'; expected true or false"),
        ("answer", "arguments = { labels = 11 }", r"network\.arguments does not go with `callable`"),
        ("answer", 'factory = "a:B"', r"network has both `factory` and `callable`"),
        ("answer", '[weights]\nfile = "a.pt"\nsha256 = "' + 64 * "0" + '"', r"network\.callable has no weights of its own"),
    ],
)
def test_a_mistake_with_a_callable_is_named(tmp_path: Path, name: str, more: str, words: str) -> None:
    with pytest.raises(CardError, match=words):
        load_classifier(write_callable(tmp_path, name, more))


def test_weights_for_a_callable_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CardError, match=r"--weights .* is given, and network\.callable has no weights"):
        load_classifier(write_callable(tmp_path), weights=tmp_path / "a.pt")


def test_copies_and_batch_are_the_callables(tmp_path: Path) -> None:
    card = write_card(tmp_path)
    text = card.read_text(encoding="utf-8").replace("arguments = { labels = 11 }", "arguments = { labels = 11 }\nbatch = 1")
    card.write_text(text, encoding="utf-8")
    with pytest.raises(CardError, match=r"network\.batch does not go with `factory`"):
        read_card(card)


class Leaving(nn.Module):
    """Takes its values out of torch, in one of the ways there are."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way = way

    def forward(self, features: Tensor) -> Tensor:
        getattr(features, self.way)() if self.way != "item" else features.sum().item()
        return features.flatten(1)[:, :11]


@pytest.mark.parametrize("way", ["numpy", "__array__", "tolist", "item", "data_ptr", "__dlpack__", "untyped_storage"])
def test_a_module_whose_values_leave_torch_is_not_traced(way: str) -> None:
    found = TorchNetwork(Leaving(way)).tried(torch.zeros(2, 1, 4, 4)).can
    assert (found.graph, found.gradients) == (False, False)
    assert (found.layers, found.copies) == (True, True)
