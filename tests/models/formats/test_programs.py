"""Do an ONNX file and an exported program of a network give its answers, and is each mistake a sentence?"""

from __future__ import annotations

import hashlib
import io
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from robustness.attributions.base import Target
from robustness.attributions.methods.integrated_gradients import IntegratedGradients
from robustness.errors import CardError, UsageError
from robustness.models.card import load_classifier
from robustness.models.classifier import Classifier
from robustness.models.formats.torch_module import module_of
from robustness.seeds import generator_of

LIBRARIES = {".onnx": "onnxruntime", ".pt2": "torch"}


@pytest.fixture(scope="session")
def digits(root: Path) -> Classifier:
    return load_classifier(root / "models" / "digits.toml")


def exported(classifier: Classifier, suffix: str) -> bytes:
    features = classifier.features(torch.zeros(1, classifier.frame.samples)).clone()
    net, content = module_of(classifier.network), io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what exporters say of themselves
        if suffix == ".pt2":
            torch.export.save(torch.export.export(net, (features,)), content)
        else:
            torch.onnx.export(net, (features,), content, dynamo=False)  # type: ignore[arg-type]  # it takes buffers too
    return content.getvalue()


@pytest.fixture(scope="session")
def contents(digits: Classifier) -> dict[str, bytes]:
    for library in LIBRARIES.values():
        pytest.importorskip(library)
    return {suffix: exported(digits, suffix) for suffix in LIBRARIES}


def card_of(folder: Path, root: Path, suffix: str, content: bytes, *, more: str = "") -> Path:
    """The card of `digits`, for a file in place of its network and weights."""
    (folder / f"digits{suffix}").write_bytes(content)
    text = (root / "models" / "digits.toml").read_text(encoding="utf-8")
    parts = [f"[{part}" for part in text.partition("[about]")[0].split("\n[")]
    head, kept = parts[0][1:], [part for part in parts[1:] if part.startswith(("[frontend", "[window"))]
    name = suffix.removeprefix(".")
    file = f'\n[variants.{name}]\nfile = "digits{suffix}"\nsha256 = "{hashlib.sha256(content).hexdigest()}"\n{more}\n'
    card = folder / f"digits-{name}.toml"
    card.write_text("\n".join([head, file, *kept]), encoding="utf-8")
    return card


@pytest.mark.parametrize("suffix", LIBRARIES)
def test_the_answers_are_those_of_the_state_dict(
    tmp_path: Path, root: Path, digits: Classifier, contents: dict[str, bytes], suffix: str
) -> None:
    found = load_classifier(card_of(tmp_path, root, suffix, contents[suffix]))
    levels = torch.tensor([0.0, 0.01, 0.1, 0.5])[:, None]
    windows = torch.randn(4, digits.frame.samples, generator=generator_of("programs")) * levels
    assert (found.logits(windows) - digits.logits(windows)).abs().max() < 1e-4
    assert torch.equal(found.network.copied()(found.features(windows)), found.network(found.features(windows)))
    assert found.variant == suffix.removeprefix(".")
    assert found.deployed
    assert found.differentiable == (suffix == ".pt2")
    assert found.about["float_layers"]
    assert not found.about["quantized_layers"]


def test_a_program_gives_the_gradients_of_the_state_dict(
    tmp_path: Path, root: Path, digits: Classifier, contents: dict[str, bytes]
) -> None:
    found = load_classifier(card_of(tmp_path, root, ".pt2", contents[".pt2"]))
    features = digits.features(torch.randn(2, digits.frame.samples, generator=generator_of("gradients")) * 0.1)
    method = IntegratedGradients()
    wanted, maps = (method.attribute(one, features, Target(3)) for one in (digits, found))
    assert (maps.map - wanted.map).abs().max() < 1e-4 * wanted.map.abs().max()
    assert maps.surrogate is None


def test_what_works_instead_of_gradients_is_named(tmp_path: Path, root: Path, contents: dict[str, bytes]) -> None:
    found = load_classifier(card_of(tmp_path, root, ".onnx", contents[".onnx"]))
    features = found.features(torch.zeros(1, found.frame.samples))
    words = (
        r"onnx has none: the network is an ONNX file and gives no gradients; take occlusion, which runs the file itself, or give .* \.pt2"
    )
    with pytest.raises(UsageError, match=words):
        IntegratedGradients().attribute(found, features, Target(0))


def damaged(content: bytes) -> bytes:
    return content[: len(content) // 2]


def with_weights_in(content: bytes, file: str) -> bytes:
    """The first weights of a graph moved into a file of their own."""
    onnx = pytest.importorskip("onnx")
    model = onnx.load_from_string(content)
    moved = model.graph.initializer[0]
    onnx.external_data_helper.set_external_data(moved, file, offset=0, length=len(moved.raw_data))
    moved.ClearField("raw_data")
    return bytes(model.SerializeToString())


def with_integer_input(content: bytes) -> bytes:
    onnx = pytest.importorskip("onnx")
    model = onnx.load_from_string(content)
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.INT64
    return bytes(model.SerializeToString())


@pytest.mark.parametrize(
    ("suffix", "change", "words"),
    [
        (".onnx", damaged, "it is no ONNX file, or is truncated"),
        (".onnx", lambda _: b"\xff\xff\xff", "it is no ONNX file, or is truncated"),
        (".onnx", lambda _: b"", "it is no ONNX file, or is empty"),
        (
            ".onnx",
            lambda content: with_weights_in(content, "weights.bin"),
            r"its weights lie in another file \(.*\); export it",
        ),
        (
            ".onnx",
            lambda content: with_weights_in(content, "../weights.bin"),
            r"its weights lie in another file \(.*\); export it",
        ),
        (".onnx", with_integer_input, r"ONNX Runtime cannot run it \(.*tensor\(int64\)"),
        (".pt2", lambda _: b"", "it is no program that torch.export.save wrote, or is truncated"),
        (".pt2", damaged, "it is no program that torch.export.save wrote, or is truncated"),
    ],
)
def test_other_files_are_refused(
    tmp_path: Path, root: Path, contents: dict[str, bytes], suffix: str, change: Callable[[bytes], bytes], words: str
) -> None:
    with pytest.raises(CardError, match=words):
        load_classifier(card_of(tmp_path, root, suffix, change(contents[suffix])))


@pytest.mark.parametrize("suffix", LIBRARIES)
def test_kernels_are_for_tflite(tmp_path: Path, root: Path, contents: dict[str, bytes], suffix: str) -> None:
    with pytest.raises(CardError, match=r"kernels = 'xnnpack' is for \.tflite files"):
        load_classifier(card_of(tmp_path, root, suffix, contents[suffix], more='kernels = "xnnpack"'))


@pytest.mark.parametrize("suffix", LIBRARIES)
def test_a_window_of_another_length_is_refused(tmp_path: Path, root: Path, contents: dict[str, bytes], suffix: str) -> None:
    card = card_of(tmp_path, root, suffix, contents[suffix])
    text = card.read_text(encoding="utf-8")
    assert "duration_ms = 1000" in text
    card.write_text(text.replace("duration_ms = 1000", "duration_ms = 700"), encoding="utf-8")
    with pytest.raises(CardError, match=r"takes \[.*\] and the front-end gives \[1, .*correct \[frontend\]"):
        load_classifier(card)


def test_torchscript_is_refused(tmp_path: Path, root: Path, contents: dict[str, bytes]) -> None:
    content = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(nn.Linear(2, 2)), content)
    with pytest.raises(CardError, match="TorchScript program, which is code"):
        load_classifier(card_of(tmp_path, root, ".pt2", content.getvalue()))


def test_an_operator_that_is_not_onnxs_is_named(tmp_path: Path, root: Path, contents: dict[str, bytes]) -> None:
    onnx = pytest.importorskip("onnx")
    model = onnx.load_from_string(contents[".onnx"])
    model.graph.node[0].op_type = "HouseConv"
    with pytest.raises(CardError, match=r"ONNX Runtime cannot run it .*HouseConv"):
        load_classifier(card_of(tmp_path, root, ".onnx", model.SerializeToString()))


@pytest.mark.parametrize("missing", ["onnx", "onnxruntime"])
def test_a_missing_extra_says_what_to_install(
    tmp_path: Path, root: Path, contents: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    card = card_of(tmp_path, root, ".onnx", contents[".onnx"])
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(CardError, match=r"needs ONNX Runtime; pip install 'speech-robustness\[onnx\]'"):
        load_classifier(card)
