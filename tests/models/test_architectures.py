"""The networks that a card can name: their sizes, and what moving a word does to each."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from robustness.models.architectures import AntiAliasedPool, PooledNet, TimeDelay, TimeDelayNet, TutorialNet
from tests.networks import GruNet, SeparableNet

HALVINGS_FRAMES = 4  # two poolings of 2: a word that moves by 4 frames moves by one position of the last layer
MOST_BYTES = 1_000_000


def seeded(network: type[nn.Module], labels: int = 11) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return network(labels).eval()


def word_amid_silence(lead_frames: int, frames: int = 101) -> Tensor:
    """Features of a word of 30 frames in silence, [1 1 mels frames]."""
    features = torch.full((1, 1, 64, frames), -80.0)
    word = torch.randn(64, 30, generator=torch.Generator().manual_seed(1)) * 15 - 30
    features[..., lead_frames : lead_frames + 30] = word.clamp_min(-80.0)
    return features


@pytest.mark.parametrize("network", [TutorialNet, PooledNet, TimeDelayNet, GruNet, SeparableNet])
@pytest.mark.parametrize("labels", [11, 21])
def test_outputs_are_log_probabilities(network: type[nn.Module], labels: int) -> None:
    answer = seeded(network, labels)(torch.randn(3, 1, 64, 101, generator=torch.Generator().manual_seed(0)) * 20 - 30)
    assert answer.shape == (3, labels)
    assert torch.allclose(answer.exp().sum(1), torch.ones(3), atol=1e-5)


@pytest.mark.parametrize("network", [TutorialNet, PooledNet, TimeDelayNet])
def test_weights_stay_under_a_megabyte(network: type[nn.Module]) -> None:
    buffer = io.BytesIO()
    torch.save(seeded(network).state_dict(), buffer)
    assert buffer.tell() < MOST_BYTES


def test_the_tutorials_checkpoint_fits(shared: Path) -> None:
    state = torch.load(shared / "tutorial" / "speech_commands_model.pt", map_location="cpu", weights_only=True)
    seeded(TutorialNet).load_state_dict(state, strict=True)


def test_the_pool_is_a_maximum_and_a_binomial_low_pass_along_time() -> None:
    hidden = torch.randn(2, 3, 8, 21, generator=torch.Generator().manual_seed(0))
    dense = nn.functional.max_pool2d(hidden, 2, stride=(2, 1))
    expected = torch.stack([(dense[..., at] + 2 * dense[..., at + 1] + dense[..., at + 2]) / 4 for at in range(0, 18, 2)], dim=-1)
    assert torch.allclose(AntiAliasedPool()(hidden), expected, atol=1e-6)


@pytest.mark.parametrize("lead", [84, 104, 140])
@pytest.mark.parametrize("network", [PooledNet, TimeDelayNet])
def test_pooling_over_time_answers_alike_wherever_a_word_lies_inside_a_long_window(network: type[nn.Module], lead: int) -> None:
    net = seeded(network)
    with torch.inference_mode():
        assert torch.allclose(net(word_amid_silence(lead, 261)), net(word_amid_silence(100, 261)), atol=1e-4)


@pytest.mark.parametrize("lead", [0, 4, 8, 40, 64, 68])
def test_with_silence_around_the_window_its_edges_are_places_like_all_others(lead: int) -> None:
    net = seeded(TimeDelayNet)
    with torch.inference_mode():
        assert torch.allclose(net(word_amid_silence(lead)), net(word_amid_silence(36)), atol=1e-5)


def test_one_weight_a_position_does_not() -> None:
    net = seeded(TutorialNet)
    with torch.inference_mode():
        moved = net(word_amid_silence(40 + HALVINGS_FRAMES)) - net(word_amid_silence(40))
    assert moved.abs().max() > 1e-2


def test_the_wide_one_is_wide_and_mostly_recurrent() -> None:
    sizes = {name: parameter.numel() for name, parameter in seeded(GruNet).named_parameters()}
    assert sum(size for name, size in sizes.items() if name.startswith("gru")) > 0.9 * sum(sizes.values())
    assert seeded(GruNet)(word_amid_silence(60, 261)).shape == (1, 11)


def test_the_depthwise_separable_one_has_a_filter_a_channel_and_then_a_weight_a_pair() -> None:
    convolutions = [module for module in seeded(SeparableNet).modules() if isinstance(module, nn.Conv2d)][1:]
    assert len(convolutions) == 8
    for depthwise, pointwise in zip(convolutions[::2], convolutions[1::2], strict=True):
        assert depthwise.groups == depthwise.in_channels == depthwise.out_channels
        assert pointwise.kernel_size == (1, 1)
        assert pointwise.weight.numel() == pointwise.in_channels * pointwise.out_channels


def test_pooling_over_time_takes_windows_of_other_lengths() -> None:
    assert seeded(PooledNet)(torch.full((1, 1, 64, 151), -40.0)).shape == (1, 11)


def test_a_time_delay_is_a_convolution_over_time_that_spans_all_bands() -> None:
    hidden = torch.randn(2, 3, 4, 9, generator=torch.Generator().manual_seed(0))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layer = TimeDelay(3 * 4, 6, frames=5)
    weight = layer.dense.weight.reshape(6, 5, 3, 4).permute(0, 2, 3, 1)
    expected = nn.functional.conv2d(hidden, weight, layer.dense.bias)
    assert torch.allclose(layer(hidden), expected, atol=1e-5)
