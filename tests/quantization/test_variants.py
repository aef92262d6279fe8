from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from robustness.errors import UsageError
from robustness.models.formats.torch_module import TorchNetwork, module_of
from robustness.quantization.base import QUANTIZERS, quantized
from robustness.quantization.variants import spelled
from robustness.sweep.engine import answers
from tests.builders import RATE_HZ, calibration, classifier


class Mixed(nn.Module):
    """A network that mixes its batch: its linear layer sees [time clips features], so that a row is no clip."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(64, 11)

    def forward(self, features: Tensor) -> Tensor:
        logits: Tensor = self.linear(features.squeeze(1).permute(2, 0, 1))
        return logits.mean(0)


@pytest.fixture(scope="module")
def beside_a_loud_clip() -> Tensor:
    """Quiet clips and one 60 dB louder."""
    rng = torch.Generator().manual_seed(3)
    samples = torch.randn(9, RATE_HZ, generator=rng) * 0.001
    samples[4] *= 900
    return samples


def test_float_logits_beside_a_loud_clip_are_those_alone(beside_a_loud_clip: Tensor) -> None:
    float32 = quantized(classifier(), "float32")
    alone = torch.cat([float32.logits(clip[None]) for clip in beside_a_loud_clip])
    assert torch.allclose(float32.logits(beside_a_loud_clip), alone, atol=1e-4, rtol=0)


def test_the_features_of_a_clip_do_not_depend_on_a_loud_clip(beside_a_loud_clip: Tensor) -> None:
    made = classifier()
    alone = torch.cat([made.features(clip[None]) for clip in beside_a_loud_clip])
    assert torch.equal(made.features(beside_a_loud_clip), alone)


@pytest.mark.parametrize("net", [None, Mixed()])
def test_int8_logits_beside_a_loud_clip_are_those_alone_bit_for_bit(beside_a_loud_clip: Tensor, net: nn.Module | None) -> None:
    made = classifier()
    int8 = quantized(made if net is None else replace(made, network=TorchNetwork(net), output="logits"), "dynamic-int8")
    alone = torch.cat([int8.logits(clip[None]) for clip in beside_a_loud_clip])
    for batch in (2, 5, 9):
        assert torch.equal(answers([int8], beside_a_loud_clip, batch)[0], alone)


def test_what_torch_does_in_a_batch_is_not_what_it_does_alone(beside_a_loud_clip: Tensor) -> None:
    """The trap is real: without row by row, a loud clip moves the others."""
    from torch.ao.quantization import quantize_dynamic

    from robustness.quantization.base import torch_deprecations_filtered

    made = classifier()
    with torch_deprecations_filtered():
        plain = replace(made, network=TorchNetwork(quantize_dynamic(module_of(made.network), {nn.Linear}, dtype=torch.qint8)))
    alone = torch.cat([plain.logits(clip[None]) for clip in beside_a_loud_clip])
    assert not torch.equal(plain.logits(beside_a_loud_clip), alone)


def test_the_variant_says_which_layers_are_int8() -> None:
    about = quantized(classifier(), "dynamic-int8").about
    assert about["quantized_layers"] == ["fc1", "fc2"]
    assert about["float_layers"] == ["conv1", "conv2"]
    assert about["quantized_share"] == pytest.approx((1536 * 128 + 128 + 128 * 11 + 11) / 214_000, rel=0.01)


def test_int8_weights_are_a_quarter_of_the_size() -> None:
    sizes = {name: quantized(classifier(), name).about["bytes"] for name in ("float32", "dynamic-int8")}
    assert sizes["dynamic-int8"] / sizes["float32"] == pytest.approx(0.271 / 0.864, rel=0.02)


def test_int8_stays_on_the_cpu_and_has_no_gradient() -> None:
    int8 = quantized(classifier(), "dynamic-int8")
    assert int8.device.type == "cpu"
    assert not int8.differentiable


def test_quantizing_leaves_the_float_network_as_it_was() -> None:
    made = classifier()
    before = {name: value.clone() for name, value in module_of(made.network).state_dict().items()}
    quantized(made, "dynamic-int8")
    after = module_of(made.network).state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_an_unknown_variant_is_refused_with_those_that_exist() -> None:
    with pytest.raises(UsageError, match=r"no variant 'int8'.*dynamic-int8"):
        quantized(classifier(), "int8")


@pytest.mark.parametrize("name", QUANTIZERS.names())
def test_every_variant_says_what_it_is(name: str) -> None:
    variant = quantized(classifier(), name, calibration())
    assert variant.variant == name
    assert {"engine", "quantized_layers", "float_layers", "quantized_share", "bytes"} <= set(variant.about)


@pytest.mark.parametrize(
    ("given", "asked", "expected"),
    [
        ([], ["float32", "int8"], ["float32", "dynamic-int8"]),
        (["float32", "static-int8"], ["int8"], ["static-int8"]),
        (["int8"], ["int8"], ["int8"]),
        (["int8-xnnpack", "int8"], ["int8", "dynamic-int8"], ["int8", "dynamic-int8"]),
        (["as-it-ships"], ["int8"], ["dynamic-int8"]),
    ],
)
def test_int8_is_the_card_s_own_variant_or_the_one_that_is_made_by_default(given: list[str], asked: list[str], expected: list[str]) -> None:
    assert spelled(asked, given) == expected
