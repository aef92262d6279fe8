from __future__ import annotations

import pytest
import torch
from torch import nn

from robustness.models.architectures import PooledNet, TutorialNet
from robustness.sweep.inference.folding import folded
from robustness.sweep.inference.overlapping import columns_of, edge_of, once_a_column
from robustness.sweep.inference.pooling import with_sliced_pools


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
        made = once_a_column(with_sliced_pools(folded(net)), features[:8], hop)
        assert made is not None
        assert made(features).sub(alone).abs().max() < 1e-5
        assert made.able
        assert made(features[:1]).sub(alone[:1]).abs().max() < 1e-5  # of one window nothing is shared


@pytest.mark.parametrize("hop", [1, 5, 10])
def test_its_own_layers_keep_every_bit(hop: int) -> None:
    net = with_sliced_pools(nn.Sequential(*list(TutorialNet().eval().children())[:8]))
    features = windows(24, hop)
    with torch.inference_mode():
        made = once_a_column(net, features[:8], hop, exact=True)
        assert made is not None
        assert torch.equal(made(features), torch.cat([net(one[None]) for one in features]))
        assert made.able
        next(made.wide[0].parameters()).mul_(1 + 1e-6)  # a few bits are enough
        assert torch.equal(made(features), net(features))
        assert not made.able


def test_columns_are_shared_up_to_a_window_that_differs() -> None:
    features = windows(24, 10)
    assert edge_of(features, 10) == 1
    columns = columns_of(features, 10, 1, 4)
    assert columns.starts.tolist()[11:13] == [110, 212]  # 101 - 1 + 11 · 10 columns, and then a multiple of 4
    assert torch.equal(columns.windows(), features)


def test_a_network_that_changes_an_answer_is_asked_window_by_window_from_then_on() -> None:
    net, features = TutorialNet().eval(), windows(16, 10)
    with torch.inference_mode():
        made = once_a_column(net, features, 10)
        assert made is not None
        made.wide[0] = nn.Sequential(made.wide[0], nn.Hardtanh(-0.1, 0.1))
        assert torch.equal(made(features), net(features))
        assert not made.able


def test_nothing_is_shared_by_windows_apart_or_by_a_network_that_looks_at_the_edge_first() -> None:
    assert once_a_column(TutorialNet().eval(), torch.randn(8, 1, 64, 101, generator=torch.Generator().manual_seed(1)), 10) is None
    assert once_a_column(PooledNet().eval(), windows(8, 10), 10) is None
