"""Quantization-aware training: which layers it quantizes, that it learns, and that it is the same each time."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from robustness.models.classifier import Classifier
from robustness.models.formats.torch_module import TorchNetwork, module_of
from robustness.quantization.base import quantized
from robustness.quantization.schemes.qat_int8 import QatInt8
from tests.builders import calibration, classifier


def test_all_layers_are_int8_as_after_static_quantization() -> None:
    about = quantized(classifier(), "qat-int8", calibration()).about
    assert about["quantized_layers"] == ["conv1", "conv2", "fc1", "fc2"]
    assert about["quantized_share"] == 1.0
    assert about["results"]["conv1"] == "bn1"


def test_the_same_twice_and_the_float_network_as_it_was() -> None:
    original, learned = classifier(), calibration(8)
    before = {name: value.clone() for name, value in module_of(original.network).state_dict().items()}
    once, again = (quantized(original, "qat-int8", learned) for _ in range(2))
    assert torch.equal(once.logits(learned.samples), again.logits(learned.samples))
    assert all(torch.equal(value, before[name]) for name, value in module_of(original.network).state_dict().items())


def test_a_layer_can_be_left_in_float() -> None:
    about = quantized(classifier(), "qat-int8", calibration(8), only=["conv1", "fc2"]).about
    assert (about["quantized_layers"], about["float_layers"]) == (["conv1", "fc2"], ["conv2", "fc1"])


@pytest.mark.parametrize("seed", [0, 1])
def test_what_coarse_steps_cost_is_learned_back(seed: int) -> None:
    """One column of fc1 is a hundred times the rest, so that the others fall on few steps: learning must win back more than half."""
    original, learned = spoiled(seed), calibration(32)
    settled = divergence(original, QatInt8(learning_rate=0.0).quantize(original, learned), learned.samples)
    tuned = divergence(original, quantized(original, "qat-int8", learned), learned.samples)
    assert settled > 1e-4
    assert tuned < settled / 2


def spoiled(seed: int) -> Classifier:
    original = classifier(seed)
    net = copy.deepcopy(module_of(original.network))
    with torch.no_grad():
        net.get_submodule("fc1").get_parameter("weight")[:, 5] *= 100
    return replace(original, network=TorchNetwork(net))


def divergence(original: Classifier, variant: Classifier, samples: Tensor) -> float:
    """The mean KL of the variant's answers from the float ones, in nats."""
    wanted, given = (one.logits(samples).log_softmax(1) for one in (original, variant))
    return float((wanted.exp() * (wanted - given)).sum(1).mean())
