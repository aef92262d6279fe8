"""Which perturbation costs the model most, at which level, and whom: means over recordings, from the sums.

What a perturbation costs a recording is its score at the reference less the mean of its scores over the perturbation's conditions. The
score is the share of draws in which a user of the device gets what is right. Intervals go by speakers where all are known.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from robustness.analysis.groups import GroupCost, group_costs, paired_cost
from robustness.analysis.groups import hardest_hit as hardest
from robustness.analysis.intervals import Estimate, mean_score
from robustness.conditions import NONE, Condition
from robustness.report.view import Variant, View
from robustness.report.words import number

Floats = NDArray[np.float64]


class Cost(NamedTuple):
    """What one perturbation costs one variant, in shares of the recordings."""

    perturbation: str
    variant: Variant
    mean: Estimate
    levels: tuple[Level, ...]  # mild → harsh, as they turned out

    @property
    def worst(self) -> Level:
        """The condition that costs most."""
        return self.levels[-1]


class Level(NamedTuple):
    """How many are right under one condition."""

    condition: Condition
    right: Estimate


@dataclass(frozen=True, eq=False)
class Costs:
    """What every perturbation of a run costs.

    Attributes:
        view: the run.
    """

    view: View

    @property
    def counted(self) -> NDArray[np.bool_]:
        """The recordings that are counted: known words, or where there are none those with a label; [recordings]."""
        sums = self.view.sums
        known = np.asarray([label not in self.view.first.point.rejections for label in sums.labels])
        labelled: NDArray[np.bool_] = sums.truth >= 0
        words = labelled & known[sums.truth]
        return words if words.any() else labelled

    @property
    def movable(self) -> NDArray[np.bool_]:
        """The recordings that can be moved, [recordings]."""
        return ~self.view.sums.table["untestable"].to_numpy(dtype=bool)

    def conditions(self, perturbation: str) -> list[int]:
        """The places of a perturbation's conditions, but the leads of the atlas and those that change nothing."""
        sums, neutral = self.view.sums, float(self.view.grids[perturbation]["neutral"])
        found = [(i, sums.conditions[i]) for i in sums.among(perturbation)]
        return [i for i, c in found if c.level != neutral or c.fill != "zeros"]

    def clean(self, variant: Variant) -> Floats:
        """The scores at the reference, [recordings]; NaN where one is not counted."""
        at = self.view.sums.clean
        assert at is not None  # noqa: S101 - a view without clean rows is refused when it is made
        return self.score(variant, at)

    def score(self, variant: Variant, condition: int) -> Floats:
        """The scores under a condition, [recordings]; NaN where one is not counted, or cannot be moved where it would be."""
        sums = self.view.sums
        kind = self.view.kinds.get(sums.conditions[condition].perturbation or NONE)
        counted = self.counted & self.movable if kind is not None and kind.moves else self.counted
        return np.where(counted, sums.share(sums.good, variant.mark, condition), np.nan)

    def mean(self, variant: Variant, conditions: list[int]) -> Floats:
        """The mean of the scores over conditions, [recordings]; NaN where a recording was heard under none of them."""
        scores = np.stack([self.score(variant, i) for i in conditions])
        there = ~np.isnan(scores)
        nothing = np.full(scores.shape[1], np.nan)
        means: Floats = np.divide(np.nansum(scores, axis=0), there.sum(axis=0), out=nothing, where=there.any(axis=0))
        return means

    def estimate(self, values: Floats) -> Estimate:
        """The mean of scores, [recordings], with its interval."""
        return mean_score(values, self.speakers)

    @property
    def speakers(self) -> list[str] | None:
        """Who says each recording, in the order of the sums; None where one is not known."""
        return self.view.sums.speakers

    def cost(self, perturbation: str, variant: Variant) -> Cost | None:
        """What a perturbation costs a variant; None where it was not run under any condition that changes something."""
        conditions = self.conditions(perturbation)
        if not conditions:
            return None
        lost = self.clean(variant) - self.mean(variant, conditions)
        if np.isnan(lost).all():
            return None
        levels = [Level(self.view.sums.conditions[i], self.estimate(self.score(variant, i))) for i in conditions]
        levels.sort(key=lambda level: -level.right.value)
        return Cost(perturbation, variant, paired_cost(lost, self.speakers), tuple(levels))

    def groups(self, names: pd.Series[Any], variant: Variant, perturbation: str | None = None) -> list[GroupCost]:
        """The recordings by what a column says of them, the group that surely loses most first; small groups are left out.

        Args:
            names: of each recording's group, in the order of the sums; missing ones are left out.
            variant: whose outcomes.
            perturbation: the one that counts; None for all.
        """
        kinds = [perturbation] if perturbation else [name for name in self.view.grids if self.conditions(name)]
        clean = self.clean(variant)
        perturbed = self.mean(variant, [i for name in kinds for i in self.conditions(name)]) if kinds else np.full(len(clean), np.nan)
        return group_costs(clean, perturbed, list(names), self.speakers)


def cost_ends(cost: Estimate) -> str:
    """The ends of the interval of a cost, in points; `–` where there are none."""
    low, high = (number(100 * end, 1) for end in (cost.low, cost.high))
    return low if low == "–" else f"{low} to {high}"


@lru_cache(maxsize=1)
def costs_of(view: View) -> tuple[Cost, ...]:
    """Every perturbation's cost to each variant, the costliest to the first variant first."""
    costs = Costs(view)
    found = {(name, v.name): cost for name in sorted(view.grids) if name != NONE for v in view.variants if (cost := costs.cost(name, v))}
    first = {name: cost.mean.value for (name, variant), cost in found.items() if variant == view.first.name}
    return tuple(sorted(found.values(), key=lambda cost: (-first[cost.perturbation], cost.perturbation, cost.variant.mark)))


def hardest_hit(view: View, column: str, perturbation: str) -> GroupCost | None:
    """The speaker or label that loses most to a perturbation with the first variant; None where none surely loses, or there is one."""
    names = view.sums.table[column]
    return None if names.isna().any() else hardest(Costs(view).groups(names, view.first, perturbation))
