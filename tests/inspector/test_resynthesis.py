"""Whether masks of the time-frequency plane do what they say, and a waveform-in model is explained by them like any other."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from robustness.attributions.base import Target
from robustness.attributions.methods.occlusion import Occlusion
from robustness.frontends.log_mel import LogMel
from robustness.frontends.waveform import Waveform
from robustness.models.classifier import Classifier
from robustness.models.formats.torch_module import TorchNetwork
from robustness.models.resynthesis import Resynthesis, between, explainable
from tests.builders import FRAME, RATE_HZ, tone


class HearsBand(nn.Module):
    """Two logits: the power below 1 kHz, and above 2 kHz, of samples [clips 1 time]."""

    def forward(self, samples: Tensor) -> Tensor:
        power = torch.fft.rfft(samples[:, 0]).abs().square() / samples.shape[-1]
        edge = samples.shape[-1] / RATE_HZ
        return torch.stack([power[:, : int(1000 * edge)].sum(1), power[:, int(2000 * edge) :].sum(1)], 1)


def hears_band() -> Classifier:
    frontend = Waveform()
    return Classifier("bands", "float32", ("low", "high"), frontend, TorchNetwork(frontend.fitted(HearsBand())), "logits", FRAME)


def two_tones() -> Tensor:
    """400 Hz early, 3,000 Hz late."""
    window = torch.zeros(RATE_HZ)
    window[2000:5200] += tone(400, 200)
    window[9600:12800] += tone(3000, 200)
    return window


def test_gains_of_one_give_the_very_same_samples() -> None:
    window = two_tones()
    made = Resynthesis(window, LogMel())(torch.ones(2, 64, 101))
    assert torch.equal(made, window.expand(2, -1))


def test_gains_of_zero_leave_silence() -> None:
    made = Resynthesis(two_tones(), LogMel())(torch.zeros(1, 64, 101))
    assert float(made.abs().max()) < 1e-5


def test_a_band_taken_out_is_gone_and_the_other_stays() -> None:
    picture = LogMel()
    keep = (torch.tensor(picture.band_hz) > 1500).float()[None, :, None].expand(1, 64, 101)
    made = Resynthesis(two_tones(), picture)(keep)[0]
    assert float(made[2500:4700].abs().max()) < 0.01 * float(two_tones()[2500:4700].abs().max())
    assert torch.allclose(made[10_000:12_400], two_tones()[10_000:12_400], atol=2e-3)


def test_bins_share_the_bands_as_triangular_filters_that_sum_to_one() -> None:
    weights = between(torch.tensor([0.0, 100.0, 150.0, 200.0, 900.0]), torch.tensor([100.0, 200.0, 400.0]))
    assert weights.tolist() == [[1, 0, 0], [1, 0, 0], [0.5, 0.5, 0], [0, 1, 0], [0, 0, 1]]


@pytest.mark.parametrize(("channel", "shape"), [(True, [2, 1, 8]), (False, [2, 8])])
def test_a_network_gets_samples_in_its_own_shape(channel: bool, shape: list[int]) -> None:
    seen: list[list[int]] = []

    class Sees(nn.Module):
        def forward(self, samples: Tensor) -> Tensor:
            seen.append(list(samples.shape))
            return samples.flatten(1)[:, :2]

    frontend = Waveform(channel=channel)
    frontend.fitted(Sees())(frontend.features(torch.zeros(2, 8)))
    assert seen == [shape]


def test_a_waveform_model_is_explained_where_it_listens() -> None:
    window, model = two_tones(), hears_band()
    seen = explainable(model, window)
    features = seen.features(window[None])
    assert torch.allclose(seen.logits_from(features), model.logits(window[None]), rtol=1e-6)
    low, high = Occlusion().attribute_all(seen, features, [Target(0), Target(1)])
    hertz, hop_ms = torch.tensor(seen.frontend.band_hz), 10
    for found, band, start, end in ((low, hertz < 1000, 125, 325), (high, hertz > 2000, 600, 800)):
        strongest = divmod(int(found.map[0].abs().argmax()), found.map.shape[2])
        assert bool(band[strongest[0]])
        assert start <= strongest[1] * hop_ms <= end
        assert float(found.map[0].max()) > 0


def test_a_model_with_a_picture_is_explained_as_it_is() -> None:
    model = replace(hears_band(), frontend=LogMel())
    assert explainable(model, two_tones()) is model
