from __future__ import annotations

import pytest
import torch
from torch import Tensor

from robustness.attributions.agreement import MapAgreement, agreement, center, mean_of, moved_back, top
from robustness.seeds import generator_of

ALL = torch.ones(8, 20, dtype=torch.bool)


def a_map(name: str) -> Tensor:
    return torch.randn(8, 20, generator=generator_of(name))


def test_a_map_agrees_with_itself_and_disagrees_with_its_opposite() -> None:
    one = a_map("one")
    same, opposite = agreement(one, 3 * one, ALL), agreement(one, -one, ALL)
    assert same == pytest.approx((1, 1, 1, 1, 0, 0), abs=1e-6)
    assert opposite == pytest.approx((-1, 1, 1, 0, 0, 0), abs=1e-6)


def test_unrelated_maps_agree_by_chance() -> None:
    found = [agreement(a_map(f"a{i}"), a_map(f"b{i}"), ALL) for i in range(40)]
    mean = mean_of(found)
    assert mean is not None
    assert mean.spearman == pytest.approx(0, abs=0.05)
    assert mean.sign == pytest.approx(0.5, abs=0.03)
    assert mean.top_iou == pytest.approx(1 / 19, abs=0.03)  # a tenth met by a tenth


def test_center_moves_with_the_map() -> None:
    one = torch.zeros(8, 20)
    one[2, 3], one[4, 5] = 1.0, -1.0
    assert center(one).tolist() == [4.0, 3.0]
    moved = agreement(one, one.roll((1, 6), (0, 1)), ALL)
    assert (moved.shift_frames, moved.shift_bands) == (6.0, 1.0)
    assert agreement(one.roll(6, 1), one, ALL).shift_frames == -6.0


def test_only_the_given_cells_count() -> None:
    one, other = a_map("one"), a_map("other")
    cells = torch.zeros_like(ALL)
    cells[:, :10] = True
    other[:, :10] = one[:, :10]
    assert agreement(one, other, cells).spearman == pytest.approx(1.0)
    assert agreement(one, other, ALL).spearman != pytest.approx(1.0)


@pytest.mark.parametrize("other", [torch.zeros(8, 20), torch.full((8, 20), 2.0)])
def test_where_a_map_is_constant_there_is_no_rank(other: Tensor) -> None:
    found = agreement(a_map("one"), other, ALL)
    assert (found.spearman, found.spearman_abs) == (None, None)
    empty = agreement(torch.zeros(8, 20), torch.zeros(8, 20), ALL)
    assert empty == MapAgreement(None, None, None, None, None, None)


@pytest.mark.parametrize(("values", "strongest"), [([3.0, 1, 2, 0, 0, 0, 0, 0, 0, 0], [0]), ([0.0] * 10, []), ([5.0], [0])])
def test_the_strongest_tenth(values: list[float], strongest: list[int]) -> None:
    assert top(torch.tensor(values)).nonzero().flatten().tolist() == strongest


@pytest.mark.parametrize("frames", [-3, -1, 0, 1, 2])
def test_moving_back_undoes_a_move(frames: int) -> None:
    one = a_map("one")
    one[:, :4] = one[:, -4:] = 0
    assert torch.equal(moved_back(one.roll(frames, 1), frames), one)


def test_the_mean_leaves_out_what_is_not_there() -> None:
    found = mean_of([MapAgreement(0.5, None, 1.0, None, -2.0, None), MapAgreement(None, None, 0.0, None, 4.0, None)])
    assert found == MapAgreement(0.5, None, 0.5, None, 3.0, None)
    assert mean_of([]) is None
