"""What of a network becomes int8: the same in both spellings, nothing of a front-end inside it, BatchNorm without weights as with such."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from robustness.audio.placement import batch_of, lead_of, place
from robustness.audio.reading import read_recordings
from robustness.errors import CardError
from robustness.frontends.waveform import TakesSamples, Waveform
from robustness.models.card import load_classifier
from robustness.models.formats.torch_module import TorchNetwork, module_of
from robustness.quantization.base import Calibration, quantized
from tests.builders import FRAME, calibration
from tests.quantization.networks import Adding, with_net


class Method(nn.Module):
    """Flattens by the method."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 8, stride=8)
        self.fc = nn.Linear(4 * 8 * 12, 11)

    def forward(self, features: Tensor) -> Tensor:
        logits: Tensor = self.fc(torch.relu(self.conv(features)).flatten(1))
        return logits


class Function(Method):
    """Flattens by the function."""

    def forward(self, features: Tensor) -> Tensor:
        logits: Tensor = self.fc(torch.flatten(torch.relu(self.conv(features)), 1))
        return logits


class Hears(nn.Module):
    """A front-end in the network: log-mel of the samples, as torch computes it step by step."""

    filters: Tensor
    hann: Tensor

    def __init__(self, net: nn.Module, filters: Tensor) -> None:
        super().__init__()
        self.net = net
        self.register_buffer("filters", filters)  # [bins mels]
        self.register_buffer("hann", torch.hann_window(320))

    def forward(self, samples: Tensor) -> Tensor:
        frames = torch.nn.functional.pad(samples, (160, 160), "reflect").unfold(-1, 320, 160) * self.hann
        power = torch.view_as_real(torch.fft.rfft(frames)).pow(2).sum(-1)
        decibels = 10 * torch.log10(torch.matmul(power, self.filters) + 1e-6)
        logits: Tensor = self.net(decibels.transpose(-1, -2) * 1.0)
        return logits


class Normed(nn.Module):
    """BatchNorm without weights: behind a convolution, behind a ReLU, and before everything."""

    def __init__(self, *, first: bool, tracked: bool = True) -> None:
        super().__init__()
        settings = {"affine": False, "track_running_stats": tracked}
        self.norm0 = nn.BatchNorm2d(1, **settings) if first else nn.Identity()
        self.conv = nn.Conv2d(1, 4, 8, stride=8)
        self.norm1 = nn.BatchNorm2d(4, **settings)
        self.norm2 = nn.BatchNorm2d(4, **settings)
        self.fc = nn.Linear(4 * 8 * 12, 11)

    def forward(self, features: Tensor) -> Tensor:
        hidden = self.norm1(self.conv(self.norm0(features)))
        logits: Tensor = self.fc(torch.flatten(self.norm2(torch.relu(hidden)), 1))
        return logits


@pytest.mark.parametrize("scheme", ["static-int8", "qat-int8"])
def test_a_method_is_taken_as_the_function_and_that_is_advised(scheme: str) -> None:
    by_method, by_function = (quantized(with_net(net), scheme, calibration()) for net in (Method, Function))
    samples = calibration(8, seed=50).samples
    assert torch.equal(by_method.logits(samples), by_function.logits(samples))
    text = " ".join(by_method.about["notes"])
    assert "`.flatten(…)` in test_tracing.py, line " in text
    assert "taken as `torch.flatten(x, …)`" in text
    assert "flatten" not in " ".join(by_function.about["notes"])


def test_functions_in_int8_are_named_beside_layers() -> None:
    assert quantized(with_net(Adding), "static-int8", calibration()).about["quantized_functions"] == ["add"]


def test_a_front_end_inside_the_network_stays_in_float(root: Path) -> None:
    digits = load_classifier(root / "models" / "digits.toml")
    net = TakesSamples(Hears(module_of(digits.network), mel_filters()).eval(), channel=True)
    hears = replace(digits, frontend=Waveform(), network=TorchNetwork(net))
    read = read_recordings([root / "recordings" / "joe"], rate_hz=16_000, longest_samples=16_000)
    batch = batch_of(read.recordings)
    windows = place(batch, lead_of(FRAME.reference, FRAME.samples - batch.lengths), FRAME)
    truth = torch.tensor([digits.labels.index(str(digits.truth(one.label))) for one in read.recordings])
    learned = Calibration("the same", windows.samples, batch.ids, (), "0" * 64)
    int8 = quantized(hears, "static-int8", learned)
    right = [int((one.logits(windows.samples).argmax(1) == truth).sum()) for one in (hears, int8)]
    assert right[0] >= 0.8 * len(truth)
    assert right[1] >= right[0] - 2
    assert int8.about["quantized_functions"] == []
    assert "flatten" not in " ".join(int8.about["notes"]), "what is ours is no advice to others"


def mel_filters() -> Tensor:
    """HTK triangles from 0 to 8,000 Hz over 161 bins, [bins mels]."""
    from torchaudio.functional import melscale_fbanks

    found: Tensor = melscale_fbanks(161, 0.0, 8000.0, 64, 16_000, mel_scale="htk")
    return found


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("scheme", ["static-int8", "qat-int8"])
def test_batch_norm_without_weights(scheme: str, first: bool) -> None:
    net = Normed(first=first)
    assert net.norm1.running_var is not None
    net.norm1.running_var.mul_(50)
    original = replace(with_net(Method), network=TorchNetwork(net.eval()))
    samples = calibration().samples
    int8 = quantized(original, scheme, calibration())
    error = (int8.logits(samples) - original.logits(samples)).norm() / original.logits(samples).norm()
    assert error < 0.1
    assert {"conv", "fc"} <= set(int8.about["quantized_layers"])
    assert "norm0" not in int8.about["quantized_layers"]


def test_batch_norm_without_statistics_is_refused() -> None:
    original = replace(with_net(Method), network=TorchNetwork(Normed(first=False, tracked=False).eval()))
    with pytest.raises(CardError, match=r"cannot be quantized as static-int8: norm1 \(BatchNorm2d\) has no running statistics"):
        quantized(original, "static-int8", calibration())
