"""Does a network whose first layer is asked apart answer what it answers whole, and is its map the same?"""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from robustness.attributions.base import Target
from robustness.attributions.methods.integrated_gradients import IntegratedGradients
from robustness.attributions.randomization import forgotten
from robustness.models.architectures import PooledNet, TutorialNet
from robustness.models.formats.torch_module import TorchNetwork, module_of, with_module
from robustness.sweep.inference.first_layer import with_first_layer_apart
from tests.attributions.networks import LABELS, TARGET, Flat, classifier_of, right_padded, tutorial_like
from tests.sweep import networks


class FromLinear(nn.Module):
    """Begins with a linear layer over frames."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(101, 7), nn.Linear(64 * 7, 3)

    def forward(self, features: Tensor) -> Tensor:
        logits: Tensor = self.last(torch.relu(self.first(features)).flatten(1))
        return logits


class InputSeenTwice(networks.Small):
    """What goes into its first layer is used behind it as well."""

    def forward(self, features: Tensor) -> Tensor:
        return self.head(self.pool(self.bn(self.conv(features)) + features.mean()))


class Doubled(networks.Small):
    """Its features are changed before its first layer."""

    def forward(self, features: Tensor) -> Tensor:
        return super().forward(features * features)


def features_of(clips: int) -> Tensor:
    return torch.randn(clips, 1, 64, 101, generator=torch.Generator().manual_seed(4))


def hooked() -> nn.Module:
    net = networks.Small()
    net.conv.register_forward_hook(lambda module, inputs, output: output * 2)
    return net


@pytest.mark.parametrize("make", [TutorialNet, networks.Small, FromLinear])
def test_both_parts_together_are_the_network(make: type[nn.Module]) -> None:
    network = with_first_layer_apart(TorchNetwork(make().eval()))
    assert network.first_layer is not None
    with torch.inference_mode():
        together = network.behind_first(network.first_layer(features_of(3)))
        torch.testing.assert_close(together, network(features_of(3)), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("make", [networks.SharedNorm, InputSeenTwice, Doubled, PooledNet, hooked, lambda: Flat(64, 101)])
def test_a_network_that_does_not_begin_so_is_left_as_it_is(make: type[nn.Module]) -> None:
    network = TorchNetwork(make().eval())
    assert with_first_layer_apart(network) is network
    assert network.first_layer is None
    with pytest.raises(TypeError, match="first layer"):
        network.behind_first(features_of(1))


def test_another_network_of_the_same_layers_is_asked_by_its_own_weights() -> None:
    network = with_first_layer_apart(TorchNetwork(networks.Small().eval()))
    other = forgotten(networks.Small().eval(), ["conv", "fc"], 1)
    same = with_module(network, other)
    assert same.first_layer is not None
    with torch.inference_mode():
        torch.testing.assert_close(same.behind_first(same.first_layer(features_of(2))), other(features_of(2)), rtol=1e-5, atol=1e-5)
    assert with_module(network, FromLinear()).first_layer is None


@pytest.mark.parametrize("length_ms", [500, 1000])
def test_the_map_behind_the_first_layer_is_the_map_of_the_whole(length_ms: int) -> None:
    """In double precision: which of two values that are nearly the same is the larger one, rounding says otherwise in each way."""
    whole = tutorial_like()
    module_of(whole.network).double()
    apart = replace(whole, network=with_first_layer_apart(whole.network))
    features = torch.cat([right_padded(whole, length_ms), right_padded(whole, 300) + 12.0]).double()
    targets = [TARGET, *(Target(i) for i in range(len(LABELS)))]
    one, two = (IntegratedGradients().attribute_all(each, features, targets) for each in (whole, apart))
    for expected, found in zip(one, two, strict=True):
        largest = float(expected.map.abs().max())
        assert largest > 1e-3
        torch.testing.assert_close(found.map, expected.map, rtol=0, atol=1e-9 * largest)
        assert found.passes == expected.passes


def test_a_linear_network_behind_a_linear_layer_has_the_closed_form() -> None:
    net = FromLinear()
    with torch.no_grad():
        net.first.bias.fill_(100.0)  # never below 0 in these features, so that all of it is linear
        net.first.weight.mul_(0.01)
    classifier = replace(classifier_of(net.eval()), network=with_first_layer_apart(TorchNetwork(net)))
    found = IntegratedGradients(steps=(5,)).attribute(classifier, features_of(1), TARGET, torch.zeros(1))
    weight = (net.last.weight[TARGET.label] - net.last.weight[2]).detach().view(64, 7) @ net.first.weight.detach()
    torch.testing.assert_close(found.map[0], weight * features_of(1)[0, 0], rtol=1e-4, atol=1e-6)
