"""Does a BatchNorm behind the pooling give the bits that it gives before it, and stay where it is where it would not?"""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn
from torch.fx import GraphModule

from robustness.models.architectures import TutorialNet
from robustness.sweep.inference.norms import with_late_norms
from robustness.sweep.inference.paired import with_paired_columns
from robustness.sweep.inference.pooling import with_sliced_pools
from tests.sweep import networks


def signed(make: type[nn.Module]) -> nn.Module:
    """A network whose norms turn some channels upside down and leave one at nothing."""
    net = networks.seeded(make)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            with torch.no_grad():
                module.weight.copy_(torch.randn(module.num_features, generator=torch.Generator().manual_seed(1)))
                module.weight[0] = 0
    return net


def late(net: nn.Module) -> list[str]:
    """The norms that come behind a pooling."""
    made = with_late_norms(net)
    assert isinstance(made, GraphModule)
    nodes = list(made.graph.nodes)
    return [str(b.target) for a, b in pairwise(nodes) if "bn" in str(b.target) and "pool" in str(a.target)]


@pytest.mark.parametrize("make", [TutorialNet, networks.Small])
def test_every_bit_stays_whatever_the_sign_of_a_channel(make: type[nn.Module]) -> None:
    net, images = signed(make), torch.randn(3, 1, 64, 101, generator=torch.Generator().manual_seed(2))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    for lean in (net, with_sliced_pools(net), with_paired_columns(with_sliced_pools(net))):
        assert late(lean) == (["bn1", "bn2"] if make is TutorialNet else ["bn"])
        with torch.inference_mode():
            assert torch.equal(with_late_norms(lean)(images), net(images))
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


@pytest.mark.parametrize("make", [networks.SharedNorm, networks.SeenTwice, networks.FunctionalNorm, networks.NoNorm])
def test_a_norm_that_something_else_sees_stays(make: type[nn.Module]) -> None:
    net, images = signed(make), torch.randn(3, 1, 64, 101, generator=torch.Generator().manual_seed(2))
    assert late(net) == []
    with torch.inference_mode():
        assert torch.equal(with_late_norms(net)(images), net(images))


def test_a_mean_in_place_of_the_largest_stays_behind_the_norm() -> None:
    class Mean(networks.Small):
        def __init__(self) -> None:
            super().__init__()
            self.pool = nn.AvgPool2d((4, 4))  # type: ignore[assignment]

    assert late(signed(Mean)) == []


def test_a_network_that_cannot_be_traced_is_as_it_is() -> None:
    class Branching(networks.Small):
        def forward(self, features: Tensor) -> Tensor:
            return super().forward(features) if features.sum() > 0 else super().forward(-features)

    net = signed(Branching)
    assert with_late_norms(net) is net
