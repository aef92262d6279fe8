"""Does every command end in a sentence or an answer on networks that can less than torch's own: no gradients, no layers, no copies?

A callable, a module that asks ONNX Runtime inside its forward, one without gradients, one that cannot be copied, one without layers.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
import torch

from robustness.errors import CANNOT_JUDGE, DONE, RULE_FAILED, USER_ERROR
from robustness.models.card import load_classifier
from robustness.models.formats.base import Capabilities
from robustness.run.folder import Run
from tests.builders import LABELS
from tests.commands import Said, run_here
from tests.waveforms import write_known_words

CODE: Final = """
import threading

import numpy as np
import torch
from torch import nn

WEIGHTS = np.random.default_rng(0).standard_normal((64 * 101, 11)).astype(np.float32) / 400


def answer(features):
    return features.reshape(len(features), -1) @ WEIGHTS


def one_sample(samples):
    assert samples.shape == (1, 16000), samples.shape
    return (samples[:, : 64 * 101] @ WEIGHTS * 4000).tolist()


class Flat(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("weights", torch.from_numpy(WEIGHTS))

    def forward(self, features):
        return features.flatten(1) @ self.weights


class Detached(Flat):
    def forward(self, features):
        return super().forward(features.detach())


class Locked(Flat):
    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()


class Native(Flat):
    def __init__(self):
        super().__init__()
        import onnx
        import onnxruntime
        from onnx import TensorProto, helper, numpy_helper

        given = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["clips", 64 * 101])
        scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["clips", 11])
        step = helper.make_node("MatMul", ["features", "weights"], ["scores"])
        graph = helper.make_graph([step], "flat", [given], [scores], [numpy_helper.from_array(WEIGHTS, "weights")])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        self.session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])

    def forward(self, features):
        return torch.from_numpy(self.session.run(None, {"features": features.flatten(1).numpy()})[0])
"""
CARD: Final = """
name = "foreign"
labels = {labels}
unknown = "unknown"
output = "logits"
{weights}
[network]
{network}

[frontend]
{frontend}
rate_hz = 16000

[window]
duration_ms = 1000.0
"""
RULES: Final = """
[rule.placement]
metric = "right_to_wrong"
perturbation = "padding-placement"
max = 1.0

[rule.int8]
metric = "accuracy_drop"
variant = "dynamic-int8"
against = "float32"
max = 0.05
{if_variant}
"""
ALL: Final = Capabilities(gradients=True, layers=True, modules=True, weights=True, graph=True, copies=True, kernels="torch")
NETWORKS: Final = {
    "callable": ('callable = "foreign:answer"', Capabilities(kernels="a callable")),
    "one-sample": ('callable = "foreign:one_sample"\nbatch = 1\ncopies = true', Capabilities(copies=True, batch=1, kernels="a callable")),
    "no-layer": ('factory = "foreign:Flat"', ALL),
    "no-gradient": (
        'factory = "foreign:Detached"',
        Capabilities(layers=True, modules=True, weights=True, graph=True, copies=True, kernels="torch"),
    ),
    "no-copy": ('factory = "foreign:Locked"', Capabilities(gradients=True, layers=True, modules=True, kernels="torch")),
    "native": ('factory = "foreign:Native"', Capabilities(layers=True, modules=True, kernels="torch")),
}
INSTALLED: Final = importlib.util.find_spec("onnxruntime") is not None
WHICH: Final = [
    pytest.param(name, marks=pytest.mark.skipif(name == "native" and not INSTALLED, reason="needs the extra onnx")) for name in NETWORKS
]


def write_foreign_card(folder: Path, network: str) -> Path:
    """A card of that network, with the module that it is in."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "foreign.py").write_text(CODE, encoding="utf-8")
    weights = ""
    if "factory" in network:
        spec = importlib.util.spec_from_file_location("written", folder / "foreign.py")
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        torch.save(module.Flat().state_dict(), folder / "foreign.pt")
        weights = f'[weights]\nfile = "foreign.pt"\nsha256 = "{hashlib.sha256((folder / "foreign.pt").read_bytes()).hexdigest()}"\n'
    frontend = 'kind = "waveform"\nchannel = false' if "sample" in network else 'kind = "log-mel"'
    text = CARD.format(labels=json.dumps(LABELS), weights=weights, network=network, frontend=frontend)
    card = folder / "foreign.toml"
    card.write_text(text, encoding="utf-8")
    return card


Command = Callable[..., Said]
APART: Final = """
import json, sys
from tests.commands import run_here

answers = sys.stdout
for line in sys.stdin:
    print(json.dumps(run_here(*json.loads(line))), file=answers, flush=True)
"""


@pytest.fixture
def command(name: str) -> Iterator[Command]:
    """Runs a command: in a process that is not the tests' where native code could end it."""
    if name != "native":
        yield run_here
        return
    with subprocess.Popen([sys.executable, "-c", APART], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        asks, answers = process.stdin, process.stdout
        assert asks
        assert answers

        def asked(*arguments: str | Path) -> Said:
            asks.write(json.dumps([str(argument) for argument in arguments]) + "\n")
            asks.flush()
            answer = answers.readline()
            return Said(*json.loads(answer)) if answer else Said(process.wait(), "", "native code has ended the process")

        yield asked
        asks.close()


@pytest.mark.parametrize("name", WHICH)
def test_it_declares_what_it_can(name: str, tmp_path: Path) -> None:
    network, can = NETWORKS[name]
    assert load_classifier(write_foreign_card(tmp_path, network)).network.can == can


@pytest.mark.slow
@pytest.mark.parametrize("name", WHICH)
def test_every_command_ends_with_an_answer_or_a_sentence(name: str, tmp_path: Path, command: Command) -> None:
    card = write_foreign_card(tmp_path / "model", NETWORKS[name][0])
    words = write_known_words(tmp_path / "words", card)
    rules = tmp_path / "gates.toml"
    rules.write_text(RULES.format(if_variant='if_variant = "present"'), encoding="utf-8")
    shift = ("--perturbation", "padding-placement")

    checked = command("check", card, "--recordings", words)
    assert checked.returncode == DONE, checked.stderr
    assert "dynamic-int8 is left out" in checked.stdout
    left_out = load_classifier(card).network.left_out
    assert left_out is None or f"note: {left_out}" in checked.stdout

    reported = command("report", "--model", card, "--recordings", words, *shift, "--cards", "1", "--out", tmp_path / "run")
    assert reported.returncode == DONE, reported.stderr
    folder = Run.open(tmp_path / "run")
    assert json.loads((folder.evidence / "failures.json").read_text(encoding="utf-8"))["failures"], "recordings fail, so that maps are made"
    page = (folder.path / "index.html").read_text(encoding="utf-8")
    assert left_out is None or left_out in page
    (model,) = folder.manifest["models"]
    assert [variant["name"] for variant in model["variants"]] == ["float32"]
    assert model["left_out"]["dynamic-int8"]

    first = sorted(words.glob("*/*.wav"))[0]
    explained = command("explain", first, "--model", card, "--placement", "start", "--out", tmp_path / "explained")
    assert explained.returncode == DONE, explained.stderr

    audited = command("audit", "--model", card, "--recordings", words, "--out", tmp_path / "audit")
    assert audited.returncode == USER_ERROR
    assert "\nrobustness: there is nothing to audit: foreign: dynamic-int8 is left out, because " in audited.stderr

    asked = ("--model", card, "--recordings", words, "--rules", rules)
    gated = command("gate", *asked, "--out", tmp_path / "gate")
    assert gated.returncode in (DONE, RULE_FAILED), gated.stderr
    assert "skipped" in gated.stdout
    again = command("gate", "--from", tmp_path / "run", "--rules", rules)
    assert again.returncode in (DONE, RULE_FAILED), again.stderr
    rules.write_text(RULES.format(if_variant=""), encoding="utf-8")
    unjudged = command("gate", "--from", tmp_path / "run", "--rules", rules)
    assert unjudged.returncode == CANNOT_JUDGE
    assert "has no variant 'dynamic-int8', for " in unjudged.stdout
