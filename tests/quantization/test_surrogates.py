"""The float network that stands in for a variant where a gradient is asked: close to it, with its rounding, and with gradients."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from robustness.models.classifier import Classifier
from robustness.models.formats.torch_module import module_of
from robustness.quantization.base import quantized
from tests.builders import calibration, classifier
from tests.networks import GruNet, SeparableNet
from tests.quantization.networks import Adding, Recurrent, with_net


def surrogate_of(variant: Classifier) -> Classifier:
    assert variant.surrogate is not None
    return variant.surrogate


@pytest.fixture(scope="module")
def windows() -> Tensor:
    return calibration(4, seed=50).samples


@pytest.mark.parametrize("scheme", ["static-int8", "dynamic-int8", "dynamic-float16"])
@pytest.mark.parametrize("network", [None, Recurrent, Adding, SeparableNet])
def test_it_has_gradients_and_is_as_close_to_the_variant_as_rounding_is(
    windows: Tensor, network: type[nn.Module] | None, scheme: str
) -> None:
    original = classifier() if network is None else with_net(network)
    variant = quantized(original, scheme, calibration())
    surrogate = surrogate_of(variant)
    assert surrogate.differentiable
    assert not variant.differentiable
    features = variant.features(windows).clone().requires_grad_(True)
    outputs = surrogate.forward(features)
    outputs[:, 0].sum().backward()
    assert features.grad is not None
    assert all(clip.abs().sum() > 0 for clip in features.grad)
    span = original.logits(windows).std()
    assert (outputs.detach() - variant.logits(windows)).abs().max() < 0.1 * span


def test_a_static_surrogate_of_convolutions_and_linear_layers_is_the_variant_to_a_step_of_its_last_layer(windows: Tensor) -> None:
    variant = quantized(classifier(), "static-int8", calibration())
    step = module_of(variant.network).get_submodule("fc2").scale
    assert (surrogate_of(variant).logits(windows) - variant.logits(windows)).abs().max() <= 2 * float(step) + 1e-5  # type: ignore[arg-type]


def test_its_gradient_is_straight_through_the_rounding(windows: Tensor) -> None:
    """Where nothing is clipped, that of the float network with the variant's weights; here of a network with one rounded layer."""
    original = classifier()
    surrogate = surrogate_of(quantized(original, "dynamic-int8", only=["fc2"]))
    gradients = []
    for each in (surrogate, original):
        features = original.features(windows).clone().requires_grad_(True)
        each.forward(features)[:, 1].sum().backward()
        gradients.append(features.grad)
    ours, theirs = gradients
    assert ours is not None
    assert theirs is not None
    assert torch.nn.functional.cosine_similarity(ours.flatten(1), theirs.flatten(1)).min() > 0.95


def test_a_recurrent_layers_gradient_goes_back_through_time() -> None:
    variant = quantized(with_net(GruNet), "dynamic-int8")
    features = variant.features(calibration(2).samples).clone().requires_grad_(True)
    surrogate_of(variant).forward(features)[:, 0].sum().backward()
    assert features.grad is not None
    assert features.grad[..., :20].abs().sum() > 0


def test_making_one_draws_no_random_number() -> None:
    before = torch.random.get_rng_state()
    quantized(with_net(Recurrent), "dynamic-int8")
    quantized(classifier(), "qat-int8", calibration(8))
    made = torch.random.get_rng_state()
    with_net(Recurrent)
    assert torch.equal(made, before)
