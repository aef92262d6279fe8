"""For whom is a perturbation worst? Groups of recordings by what it costs them, paired, and not by how well they are recognised anyway.

A recording's score is the share of its draws with a good outcome, or the mean of these over conditions; its cost is the score at the
reference minus the score when perturbed. Groups of fewer than five recordings are left out. A group of one speaker has counts and no
interval. Loads no torch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from robustness.analysis.intervals import Estimate, mean_change, mean_score, wilson

FEWEST: Final = 5  # recordings of a group that is spoken of
Floats = NDArray[np.float64]
SpeakerNames = Sequence[object] | None


class GroupCost(NamedTuple):
    """What a perturbation costs one group.

    Attributes:
        name: the group's.
        recordings: in it.
        before: the share that is good at the reference.
        after: the share that is good when perturbed.
        cost: before minus after, paired; positive is a loss.
        low_before: whether the group is surely below the other recordings at the reference too: then `after` is not the perturbation's
            doing alone.
    """

    name: str
    recordings: int
    before: Estimate
    after: Estimate
    cost: Estimate
    low_before: bool


def paired_cost(lost: Floats, speakers: SpeakerNames = None) -> Estimate:
    """The mean loss of score, [recordings], with the interval of paired differences; NaN is left out."""
    change = mean_change(-lost, speakers)
    return Estimate(-change.value, -change.high, -change.low, change.total)


def group_costs(before: Floats, after: Floats, names: Sequence[Any], speakers: SpeakerNames = None) -> list[GroupCost]:
    """The groups, the surely costliest first: by the lower end of the interval of the cost; then those without one, by their cost.

    Args:
        before: scores at the reference, [recordings]; NaN is left out.
        after: scores when perturbed, [recordings]; NaN is left out.
        names: of each recording's group; a missing one is left out.
        speakers: of each recording; None where not all are known.
    """
    frame = pd.DataFrame({"name": pd.Series(list(names), dtype=object), "before": before, "after": after}).dropna()
    found, total = [], float(frame["before"].sum())
    for name, rows in frame.groupby("name", observed=True, sort=True):
        if len(rows) < FEWEST:
            continue
        who = None if speakers is None else [speakers[int(i)] for i in rows.index]
        first, then = rows["before"].to_numpy(), rows["after"].to_numpy()
        others = len(frame) - len(rows)
        share = mean_score(first, who)
        low = others > 0 and _most(share) < (total - float(first.sum())) / others
        found.append(GroupCost(str(name), len(rows), share, mean_score(then, who), paired_cost(first - then, who), bool(low)))
    return sorted(found, key=_costliest_first)


def _most(share: Estimate) -> float:
    """The high end of a share; of one speaker that of Wilson's interval, for other recordings of this speaker alone."""
    return wilson(share.value * share.total, share.total).high if math.isnan(share.high) else share.high


def _costliest_first(group: GroupCost) -> tuple[bool, float, float, str]:
    low = group.cost.low
    return math.isnan(low), 0.0 if math.isnan(low) else -low, -group.cost.value, group.name


def hardest_hit(groups: Sequence[GroupCost]) -> GroupCost | None:
    """The group that loses most, where it surely loses something; None where no group does, or there is one alone.

    Where no group has an interval, as each is of one speaker, it is that of these recordings that lost most.
    """
    if len(groups) < 2:
        return None
    first = groups[0]
    least = first.cost.value if math.isnan(first.cost.low) else first.cost.low
    return first if least > 0 else None
