"""Static int8: which layers it quantizes, that a clip's answer is its own, and what it refuses."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from robustness.errors import CardError, UsageError
from robustness.quantization.base import quantized
from robustness.quantization.fx import KernelEngine
from robustness.quantization.schemes.static_int8 import StaticInt8
from robustness.sweep.engine import answers
from tests.builders import RATE_HZ, calibration, classifier
from tests.quantization.networks import Deciding, Recurrent, Viewing, with_net


@pytest.fixture(scope="module")
def windows() -> Tensor:
    """Clips of very different levels."""
    rng = torch.Generator().manual_seed(3)
    return torch.randn(19, RATE_HZ, generator=rng) * torch.logspace(-3, -0.5, 19)[:, None]


def test_all_layers_are_int8_and_the_weights_a_quarter() -> None:
    about = quantized(classifier(), "static-int8", calibration()).about
    assert about["quantized_layers"] == ["conv1", "conv2", "fc1", "fc2"]
    assert about["float_layers"] == []
    assert about["quantized_share"] == 1.0  # what BatchNorm had is in the convolutions
    assert about["bytes"] < 0.3 * quantized(classifier(), "float32").about["bytes"]
    assert about["results"] == {"conv1": "bn1", "conv2": "bn2", "fc1": "relu3", "fc2": "fc2"}


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("network", [None, Recurrent])
def test_a_clips_answer_is_its_own_in_any_batch_and_on_any_number_of_threads(
    windows: Tensor, network: type[nn.Module] | None, threads: int
) -> None:
    int8 = quantized(classifier() if network is None else with_net(network), "static-int8", calibration())
    alone = torch.cat([int8.logits(clip[None]) for clip in windows])
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        for batch in (2, 7, 19):
            assert torch.equal(answers([int8], windows, batch)[0], alone)
    finally:
        torch.set_num_threads(before)


def test_its_activations_are_those_of_the_float_network_to_a_few_percent() -> None:
    original = classifier()
    int8 = quantized(original, "static-int8", calibration())
    features = original.features(calibration().samples[:8])
    results = int8.about["results"]
    ours = int8.activations(features, list(results))
    theirs = original.activations(features, list(results.values()))
    for layer, last in results.items():
        error = (ours[layer] - theirs[last]).norm() / theirs[last].norm()
        assert error < 0.05, layer


@pytest.mark.parametrize("layer", ["conv1", "conv2", "fc1", "fc2"])
def test_a_layer_can_be_quantized_alone(windows: Tensor, layer: str) -> None:
    original = classifier()
    alone = quantized(original, "static-int8", calibration(), only=[layer])
    assert alone.about["quantized_layers"] == [layer]
    assert len(alone.about["float_layers"]) == 3
    assert 0 < (alone.logits(windows) - original.logits(windows)).abs().max() < 0.5
    one_by_one = torch.cat([alone.logits(clip[None]) for clip in windows])
    assert torch.equal(alone.logits(windows), one_by_one)


def test_each_layer_left_in_float(windows: Tensor) -> None:
    names = ["conv1", "conv2", "fc1", "fc2"]
    for left in names:
        rest = [name for name in names if name != left]
        about = quantized(classifier(), "static-int8", calibration(), only=rest).about
        assert (about["quantized_layers"], about["float_layers"]) == (rest, [left])


def test_a_recurrent_layer_stays_in_float_and_is_named() -> None:
    about = quantized(with_net(Recurrent), "static-int8", calibration()).about
    assert about["quantized_layers"] == ["conv", "fc"]
    assert about["float_layers"] == ["gru", "lstm"]
    assert about["notes"] == ["no kernel for gru (GRU), lstm (LSTM): they stay in float"]


def test_without_recordings_to_learn_from_it_is_refused() -> None:
    with pytest.raises(UsageError, match=r"static-int8 learns from recordings.*--calibration DIR.*dynamic-int8"):
        quantized(classifier(), "static-int8")


def test_a_layer_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(UsageError, match="no layer fc9 to quantize; it has conv1, conv2, fc1, fc2"):
        quantized(classifier(), "static-int8", calibration(), only=["fc9"])


def test_a_network_that_cannot_be_traced_is_refused_with_its_line_and_the_schemes_that_work() -> None:
    with pytest.raises(CardError, match=r"traced.*networks\.py, line \d+ \(`if features\.mean\(\) > 0:`\).*dynamic-int8"):
        quantized(with_net(Deciding), "static-int8", calibration())
    assert quantized(with_net(Deciding), "dynamic-int8").about["quantized_layers"] == ["fc"]


def test_view_is_refused_with_its_line_and_its_remedy() -> None:
    with pytest.raises(CardError, match=r"`view` fails in networks\.py, line \d+ \(`logits: .*hidden\.view.*flatten"):
        quantized(with_net(Viewing), "static-int8", calibration())


def test_an_engine_that_is_not_there_is_refused_with_those_that_are() -> None:
    absent: KernelEngine = "no-such-engine"  # type: ignore[assignment]
    with pytest.raises(UsageError, match=r"no int8 engine 'no-such-engine'; it has .*x86"):
        StaticInt8(engine=absent).quantize(classifier(), calibration())
