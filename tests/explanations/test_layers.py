"""Whether a layer's axis of time and its stride are found: against the first output that changes when one frame of the features does."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from robustness.explanations.layers import Layer, layers_of, noise_of, paths_of
from robustness.frontends.waveform import Waveform
from robustness.models.architectures import TimeDelayNet
from robustness.models.classifier import Classifier
from robustness.models.formats.torch_module import TorchNetwork, module_of
from robustness.quantization.base import quantized
from robustness.quantization.one_by_one import RowByRow
from tests.builders import calibration, classifier
from tests.networks import GruNet


class Strided(nn.Module):
    """Convolutions over time of given strides, then a mean over time."""

    def __init__(self, *strides: int, kernel: int = 3) -> None:
        super().__init__()
        for i, stride in enumerate(strides):
            setattr(self, f"conv{i}", nn.Conv1d(64 if i == 0 else 8, 8, kernel, stride=stride))
        self.fc = nn.Linear(8, 11)
        self.count = len(strides)

    def forward(self, features: Tensor) -> Tensor:
        hidden = features[:, 0] / 50 + 1
        for i in range(self.count):
            hidden = torch.relu(getattr(self, f"conv{i}")(hidden))
        outputs: Tensor = self.fc(hidden.mean(2))
        return outputs


class Upsampled(nn.Module):
    """Two frames out for one in."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.ConvTranspose1d(64, 4, 4, stride=2)
        self.fc = nn.Linear(4, 11)

    def forward(self, features: Tensor) -> Tensor:
        outputs: Tensor = self.fc(self.up(features[:, 0] / 50 + 1).mean(2))
        return outputs


class Shuffled(nn.Module):
    """Layers that run in another order than they were made in; one runs twice, one never."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(8, 11)
        self.twice = nn.Linear(8, 8)
        self.never = nn.Linear(3, 3)
        self.first = nn.Linear(64, 8)

    def forward(self, features: Tensor) -> Tensor:
        outputs: Tensor = self.last(self.twice(self.twice(self.first(features[:, 0].mean(2)))))
        return outputs


def of(net: nn.Module, seed: int = 3) -> Classifier:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for module in net.modules():
            if hasattr(module, "reset_parameters"):
                module.reset_parameters()  # type: ignore[operator]
    return replace(classifier(), network=TorchNetwork(net.eval()), output="logits")


def strides(found: tuple[Layer, ...]) -> dict[str, float | None]:
    return {layer.name: None if layer.time is None else float(layer.time.stride) for layer in found}


def first_changed(model: Classifier, layer: Layer, frame: int) -> int:
    """The first frame of the layer's outputs that changes with one frame of the features."""
    features = noise_of(model)
    changed = features.clone()
    changed[..., frame] += 30
    before, after = (model.activations(x, [layer.path])[layer.path] for x in (features, changed))
    assert layer.time is not None
    differs = (before != after).movedim(layer.time.axis, 0).flatten(1).any(1)
    return int(differs.nonzero()[0])


@pytest.mark.parametrize("given", [(1,), (2,), (3,), (1, 2), (2, 2), (2, 3), (4, 2)])
def test_strides_are_those_of_the_first_output_that_changes(given: tuple[int, ...]) -> None:
    model = of(Strided(*given, kernel=5))
    for layer in layers_of(model)[:-1]:
        assert layer.time is not None
        stride = int(layer.time.stride)
        assert first_changed(model, layer, 30 + 6 * stride) - first_changed(model, layer, 30) == 6
        assert layer.time.stride == math.prod(given[: int(layer.name[-1]) + 1])


def test_a_frame_is_centered_on_the_frames_it_hears() -> None:
    (conv, _) = layers_of(of(Strided(2, kernel=5)))
    assert conv.time is not None
    assert conv.time.origin == pytest.approx(2, abs=0.7)  # frames 0 to 4, weighted by the filters


def test_the_tutorials_network_has_time_up_to_its_linear_layers() -> None:
    found = layers_of(classifier())
    assert strides(found) == {"conv1": 1, "conv2": 2, "fc1": None, "fc2": None}
    assert [layer.time.axis for layer in found if layer.time] == [3, 3]


@pytest.mark.parametrize("scheme", ["dynamic-int8", "static-int8"])
def test_quantized_variants_have_the_users_names_and_strides(scheme: str) -> None:
    model = quantized(classifier(), scheme, calibration() if scheme == "static-int8" else None)
    assert strides(layers_of(model)) == {"conv1": 1, "conv2": 2, "fc1": None, "fc2": None}


def test_a_network_that_runs_row_by_row_is_looked_into() -> None:
    model = classifier()
    whole = replace(model, network=TorchNetwork(RowByRow(module_of(model.network))))
    assert paths_of(whole) == {name: f"one_row.{name}" for name in ("conv1", "conv2", "fc1", "fc2")}
    assert strides(layers_of(whole)) == strides(layers_of(model))


@pytest.mark.parametrize(
    ("net", "expected"),
    [
        (TimeDelayNet(), {"conv1": 1, "conv2": 2, "conv3.dense": 4, "fc1": None, "fc2": None}),
        (GruNet(), {"conv1": 2, "gru": 2, "fc1": None, "fc2": None}),
        (Upsampled(), {"up": 0.5, "fc": None}),
        (Shuffled(), {"first": None, "last": None}),
        (nn.Sequential(nn.Flatten(), nn.Linear(64 * 101, 11)), {"1": None}),
        (nn.Sequential(nn.Flatten(), nn.Softmax(1)), {}),
    ],
)
def test_any_network_can_be_asked(net: nn.Module, expected: dict[str, float | None]) -> None:
    found = layers_of(of(net))
    assert strides(found) == expected
    assert [layer.name for layer in found] == list(expected)


def test_time_of_a_linear_and_a_recurrent_layer_is_the_axis_before_the_last() -> None:
    for net, name in ((TimeDelayNet(), "conv3.dense"), (GruNet(), "gru")):
        layer = next(layer for layer in layers_of(of(net)) if layer.name == name)
        assert layer.time is not None
        assert (layer.time.axis, layer.channel_axis(3)) == (1, 2)


def test_strides_of_a_network_that_takes_samples() -> None:
    class Samples(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.wide = nn.Conv1d(1, 8, 80, stride=16)
            self.narrow = nn.Conv1d(8, 8, 3, stride=4)
            self.fc = nn.Linear(8, 11)

        def forward(self, samples: Tensor) -> Tensor:
            outputs: Tensor = self.fc(self.narrow(self.wide(samples).relu()).mean(2))
            return outputs

    frontend = Waveform()
    model = of(frontend.fitted(Samples()))
    assert strides(layers_of(replace(model, frontend=frontend))) == {"wide": 16, "narrow": 64, "fc": None}
