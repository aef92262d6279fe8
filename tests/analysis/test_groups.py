"""Is a group hit hardest where the perturbation costs it most, and not where it is low anyway?"""

from __future__ import annotations

import numpy as np
import pytest

from robustness.analysis.groups import group_costs, hardest_hit
from robustness.analysis.intervals import paired_difference, wilson


def scores(before: int, after: int, count: int = 20) -> tuple[list[float], list[float]]:
    """So many good before, and of these so many after."""
    return [1.0] * before + [0.0] * (count - before), [1.0] * after + [0.0] * (count - after)


def test_the_group_that_loses_most_comes_first_and_one_that_is_low_anyway_is_told_as_that() -> None:
    """`go` is 20 % whatever is done; `off` falls from 100 % to 40 %; a group of four is left out."""
    groups = {"go": scores(4, 4), "off": scores(20, 8), "up": scores(20, 19), "few": scores(4, 0, 4)}
    before = np.concatenate([np.asarray(first) for first, _ in groups.values()])
    after = np.concatenate([np.asarray(then) for _, then in groups.values()])
    names = [name for name, (first, _) in groups.items() for _ in first]
    found = group_costs(before, after, names)
    assert found[0].name == "off"
    assert {group.name: group.low_before for group in found} == {"off": False, "go": True, "up": False}
    off = found[0]
    change = paired_difference(0, 12, 20)
    assert off.cost == pytest.approx((0.6, -change.high, -change.low, 20))
    assert (off.before, off.after) == (wilson(20, 20), wilson(8, 20))
    assert hardest_hit(found) == off


def test_what_is_not_known_is_left_out_and_no_group_is_hit_where_none_surely_loses() -> None:
    before = np.asarray([1.0] * 12 + [np.nan])
    after = np.asarray([1.0] * 5 + [0.0] + [1.0] * 6 + [1.0])
    found = group_costs(before, after, [*(["a"] * 6), *(["b"] * 5), None, "b"])
    assert {group.name: group.recordings for group in found} == {"a": 6, "b": 5}
    assert hardest_hit(found) is None
    assert hardest_hit(found[:1]) is None


def test_groups_of_one_speaker_have_no_interval_and_go_by_their_cost() -> None:
    """`quiet` is low anyway, and by Wilson's interval of his own recordings surely below the others."""
    groups = {"quiet": scores(2, 1), "loud": scores(20, 8), "other": scores(20, 15)}
    before = np.concatenate([np.asarray(first) for first, _ in groups.values()])
    after = np.concatenate([np.asarray(then) for _, then in groups.values()])
    names = [name for name, (first, _) in groups.items() for _ in first]
    found = group_costs(before, after, names, names)
    assert [group.name for group in found] == ["loud", "other", "quiet"]
    assert [group.name for group in found if group.low_before] == ["quiet"]
    assert all(np.isnan([*group.cost[1:3], *group.before[1:3], *group.after[1:3]]).all() for group in found)
    assert hardest_hit(found) == found[0]
    assert hardest_hit(group_costs(before, before, names, names)) is None


def test_a_group_with_an_interval_comes_before_one_of_a_single_speaker() -> None:
    before, after = np.ones(40), np.asarray([0.0] * 20 + [1.0] * 8 + [0.0] * 12)
    found = group_costs(before, after, ["one"] * 20 + ["many"] * 20, ["a"] * 20 + [f"s{i}" for i in range(20)])
    assert [group.name for group in found] == ["many", "one"]
    assert found[0].cost.low > 0
