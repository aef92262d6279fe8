"""Are the layers of an ONNX file those of its network, and is an int8 file compared with the float one layer by layer?"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from robustness.audio.reading import read_recordings
from robustness.audit.evidence import compared_pairs
from robustness.audit.files import audited_files
from robustness.audit.measurement import Listening
from robustness.errors import UsageError
from robustness.models.classifier import Classifier
from robustness.models.formats.onnx import OnnxNetwork, network_of
from robustness.models.formats.torch_module import module_of
from tests.models.formats.test_programs import digits, exported

__all__ = ["digits"]
CLIPS = 4
MADE = ("static", "dynamic")


@pytest.fixture(scope="module")
def features(root: Path, digits: Classifier) -> Tensor:
    read = read_recordings([root / "recordings" / "joe"], rate_hz=16_000, longest_samples=16_000, skip_bad=True)
    windows = torch.stack([nn.functional.pad(one.samples, (0, 16_000 - len(one.samples))) for one in read.recordings[:CLIPS]])
    return digits.features(windows).clone()


@pytest.fixture(scope="module")
def networks(digits: Classifier, features: Tensor, tmp_path_factory: pytest.TempPathFactory) -> dict[str, OnnxNetwork]:
    quantization: Any = pytest.importorskip("onnxruntime.quantization")
    folder, content = tmp_path_factory.mktemp("onnx"), exported(digits, ".onnx")
    (folder / "float.onnx").write_bytes(content)
    name = network_of(content, digits.frontend).session.get_inputs()[0].name
    clips: Iterator[dict[str, Any]] = iter([{name: one[None].numpy()} for one in features])

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
        def get_next(self) -> dict[str, Any] | None:
            return next(clips, None)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the quantizer says of itself
        quantization.quantize_static(folder / "float.onnx", folder / "static.onnx", Reader(), quant_format=quantization.QuantFormat.QDQ)
        quantization.quantize_dynamic(folder / "float.onnx", folder / "dynamic.onnx", weight_type=quantization.QuantType.QUInt8)
    return {one: network_of((folder / f"{one}.onnx").read_bytes(), digits.frontend) for one in ("float", *MADE)}


def test_layers_are_those_of_the_network(digits: Classifier, features: Tensor, networks: dict[str, OnnxNetwork]) -> None:
    network = networks["float"]
    assert [layer.kind for layer in network.file_layers()] == ["Conv", "Conv", "MatMul", "MatMul"]
    assert sum(layer.parameters for layer in network.file_layers()) == network.parameters
    heard: dict[str, Tensor] = {}
    net = module_of(digits.network)
    for name in ("conv1", "fc2"):
        net.get_submodule(name).register_forward_hook(lambda _module, _given, made, name=name: heard.__setitem__(name, made.detach()))
    with torch.inference_mode():
        net(features)
    given = network.activations(features, network.layer_names())
    assert [given[name].shape[0] for name in network.layer_names()] == [CLIPS] * 4
    with torch.inference_mode():
        normed = net.get_submodule("bn1")(heard["conv1"])  # the export folds it into the convolution
    torch.testing.assert_close(given[network.layer_names()[0]], normed, rtol=0, atol=1e-4)
    torch.testing.assert_close(given[network.layer_names()[-1]], heard["fc2"], rtol=0, atol=1e-4)
    conv = network.file_layers()[0]
    assert conv.multiplications == heard["conv1"][0].numel() * net.get_submodule("conv1").weight[0].numel()  # type: ignore[index]


@pytest.mark.parametrize("made", MADE)
def test_an_int8_file_is_compared_layer_by_layer(made: str, digits: Classifier, root: Path, networks: dict[str, OnnxNetwork]) -> None:
    variants = [classifier_of(digits, "float", networks["float"]), classifier_of(digits, made, networks[made])]
    (pair,) = compared_pairs({}, variants)
    assert pair.original.variant == "float"
    read = read_recordings([root / "recordings" / "joe"], rate_hz=16_000, longest_samples=16_000, skip_bad=True)
    (audit,) = audited_files(pair.original, pair.variants, Listening(digits, read.recordings[:CLIPS], 35.0))
    assert len(audit.layers) == 4
    assert all(layer.quantized for layer in audit.layers)
    found = [layer.activations.sqnr_db for layer in audit.layers if layer.activations is not None]
    assert len(found) == 4
    assert all(isinstance(sqnr_db, float) and 20 < sqnr_db < 60 for sqnr_db in found)


def classifier_of(digits: Classifier, variant: str, network: OnnxNetwork) -> Classifier:
    return replace(digits, variant=variant, network=network)


def test_a_layer_that_is_not_there_is_named(features: Tensor, networks: dict[str, OnnxNetwork]) -> None:
    wanted: Sequence[str] = ["conv9"]
    with pytest.raises(UsageError, match=r"has no layer 'conv9'; it has /conv1/Conv_output_0, "):
        networks["float"].activations(features, wanted)
