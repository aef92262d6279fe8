from __future__ import annotations

import pytest
import torch
from torch import nn

from robustness.models.architectures import PooledNet, TutorialNet
from robustness.sweep.inference.folding import folded
from robustness.sweep.inference.overlapping import columns_of, edge_of, once_a_column
from robustness.sweep.inference.pooling import with_sliced_pools
from tests.networks import GruNet, SeparableNet


class Strided(nn.Module):
    """Strides, averages, dilation and a padding of bands: what a trunk may hold."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 3, (5, 4), stride=(2, 3), padding=(2, 0)),
            nn.BatchNorm2d(3),
            nn.ReLU6(),
            nn.AvgPool2d((2, 3), stride=(2, 2)),
            nn.Conv2d(3, 4, (3, 2), dilation=(1, 2)),
            nn.MaxPool2d((2, 1)),
        )
        self.head = nn.Linear(4 * 7 * 14, 11)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        hidden: torch.Tensor = self.head(self.body(features).flatten(1))
        return hidden


def windows(count: int, hop: int, bands: int = 64, columns: int = 101) -> torch.Tensor:
    """Windows over one long stretch of features, with a first and a last column of their own, and a ceiling that changes once."""
    rng = torch.Generator().manual_seed(0)
    long = torch.randn(bands, columns + hop * count, generator=rng)
    found = long.unfold(1, columns, hop)[:, :count].permute(1, 0, 2)[:, None].clone()
    found[..., [0, -1]] = torch.randn(count, 1, bands, 2, generator=rng)
    found[count // 2 :] = found[count // 2 :].clamp_min(-1.0)
    return found


@pytest.mark.parametrize("hop", [1, 2, 5, 10])
def test_answers_are_those_of_each_window_alone(hop: int) -> None:
    net = TutorialNet().eval()
    features = windows(24, hop)
    with torch.inference_mode():
        alone = torch.cat([net(one[None]) for one in features])
        made = once_a_column(with_sliced_pools(folded(net)), features[:8], (hop,))
        assert made is not None
        assert made(features).sub(alone).abs().max() < 1e-5
        assert made(features[:1]).sub(alone[:1]).abs().max() < 1e-5  # of one window nothing is shared


@pytest.mark.parametrize("hop", [1, 5, 10])
def test_its_own_layers_keep_every_bit(hop: int) -> None:
    net = with_sliced_pools(nn.Sequential(*list(TutorialNet().eval().children())[:8]))
    features = windows(24, hop)
    with torch.inference_mode():
        made = once_a_column(net, features[:8], (hop,), exact=True)
        assert made is not None
        assert torch.equal(made(features), torch.cat([net(one[None]) for one in features]))
        next(made.wide[0].parameters()).mul_(1 + 1e-6)  # a few bits are enough
        assert torch.equal(made(features), net(features))


@pytest.mark.parametrize("edges", [True, False], ids=["edges of their own", "no edges"])
def test_windows_apart_by_several_steps_share_every_stage(edges: bool) -> None:
    steps = [1] * 20 + [300] + [2] * 8 + [1, 1] + [2] * 8
    starts = torch.tensor([0, *steps]).cumsum(0).tolist()
    long = torch.randn(64, starts[-1] + 101, generator=torch.Generator().manual_seed(0))
    features = torch.stack([long[:, start : start + 101] for start in starts])[:, None].clone()
    if edges:
        features[..., [0, -1]] = torch.randn(len(features), 1, 64, 2, generator=torch.Generator().manual_seed(1))
    net = TutorialNet().eval()
    with torch.inference_mode():
        made = once_a_column(with_sliced_pools(folded(net)), features, (2, 1))
        assert made is not None
        assert (made.edge, len(made.sizes)) == (int(edges), 4)
        alone = torch.cat([net(one[None]) for one in features])
        own = made.net(features)
        found = made(features)
        assert found.sub(alone).abs().max() < 1e-5
        assert not torch.equal(found, own)  # it is computed in another way, and not handed on to the network


@pytest.mark.parametrize("net", [Strided(), GruNet()], ids=lambda net: type(net).__name__)
def test_networks_with_steps_dilation_and_memory_share_what_they_can(net: nn.Module) -> None:
    net.eval()
    features = windows(24, 1)
    with torch.inference_mode():
        made = once_a_column(with_sliced_pools(folded(net)), features, (1,))
        assert made is not None
        torch.testing.assert_close(made(features), torch.cat([net(one[None]) for one in features]), rtol=0, atol=1e-4)


def test_a_network_that_pads_time_shares_nothing() -> None:
    assert once_a_column(SeparableNet().eval(), windows(24, 1), (1,)) is None


def test_columns_are_shared_up_to_a_window_that_differs() -> None:
    features = windows(24, 10)
    assert edge_of(features, (10,)) == 1
    columns = columns_of(features, (10,), 1, 4)
    assert columns.starts.tolist()[11:13] == [110, 212]  # 101 - 1 + 11 · 10 columns, and then a multiple of 4
    assert torch.equal(columns.windows(), features)


def test_windows_whose_answers_would_change_are_computed_as_the_network_is() -> None:
    net, features = TutorialNet().eval(), windows(16, 10)
    with torch.inference_mode():
        made = once_a_column(net, features, (10,))
        assert made is not None
        made.wide[0] = nn.Sequential(made.wide[0], nn.Hardtanh(-0.1, 0.1))
        assert torch.equal(made(features), net(features))


def test_nothing_is_shared_by_windows_apart_or_by_a_network_that_looks_at_the_edge_first() -> None:
    assert once_a_column(TutorialNet().eval(), torch.randn(8, 1, 64, 101, generator=torch.Generator().manual_seed(1)), (10,)) is None
    assert once_a_column(PooledNet().eval(), windows(8, 10), (10,)) is None
