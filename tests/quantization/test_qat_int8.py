"""Quantization-aware training: which layers it quantizes, and that it is the same each time."""

from __future__ import annotations

import torch

from robustness.quantization.base import quantized
from tests.builders import calibration, classifier


def test_all_layers_are_int8_as_after_static_quantization() -> None:
    about = quantized(classifier(), "qat-int8", calibration()).about
    assert about["quantized_layers"] == ["conv1", "conv2", "fc1", "fc2"]
    assert about["quantized_share"] == 1.0
    assert about["results"]["conv1"] == "bn1"


def test_the_same_twice_and_the_float_network_as_it_was() -> None:
    original, learned = classifier(), calibration(8)
    before = {name: value.clone() for name, value in original.net.state_dict().items()}
    once, again = (quantized(original, "qat-int8", learned) for _ in range(2))
    assert torch.equal(once.logits(learned.samples), again.logits(learned.samples))
    assert all(torch.equal(value, before[name]) for name, value in original.net.state_dict().items())


def test_a_layer_can_be_left_in_float() -> None:
    about = quantized(classifier(), "qat-int8", calibration(8), only=["conv1", "fc2"]).about
    assert (about["quantized_layers"], about["float_layers"]) == (["conv1", "fc2"], ["conv2", "fc1"])
