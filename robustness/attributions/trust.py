"""Can a map be trusted? What was checked, and what it failed.

Three checks: it sums to what it claims to; cells in its order move the score sooner than in random orders; it changes when the
network forgets what it learnt. A map that fails one says so wherever it is shown.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from robustness.attributions.base import Attribution, Relevance, within_bound
from robustness.attributions.deletion import DeletionCurves, Lift
from robustness.attributions.masking import Explainable
from robustness.attributions.randomization import MOST_ALIKE, RandomizedStage, cascade


@dataclass(frozen=True)
class TrustBox:
    """The checks of one map.

    Attributes:
        gap: Σ φ − (f(x) − f(b)); None where the method does not claim that this is 0.
        change: f(x) − f(b).
        lift: over random orders; None where fewer than two blocks differ from the baseline.
        stages: with weights drawn anew from the last layer down; empty where they cannot be reached.
        seed: of the random orders and weights.
        passes: of the map and of its checks.
        failed: what it failed, in words; empty where it passed.
    """

    gap: float | None
    change: float
    lift: Lift | None
    stages: list[RandomizedStage]
    seed: int
    passes: int
    failed: list[str]


class Checks:
    """The checks of the maps of one clip and target on one variant; their random orders are shared.

    Args:
        case: what is explained.
        seed: of the random orders and weights.
        stages: at how many depths the network forgets.
        curves: of the same clip, target and variant, whose random orders are known already; None draws them.
    """

    def __init__(self, case: Explainable, seed: int = 0, stages: int = 3, curves: DeletionCurves | None = None) -> None:
        self.case, self.seed, self.stages = case, seed, stages
        self.curves = curves or DeletionCurves(case, seed)

    def of_map(self, method: Attribution, found: Relevance) -> TrustBox:
        """The trust box of a map that this method made of the clip."""
        spent = self.curves.masked.passes
        lift = self.curves.lift(found.map[0])
        stages, forgetting = cascade(method, self.case, self.seed, self.stages)
        passes = found.passes + forgetting + self.curves.masked.passes - spent
        gap = None if found.gap is None else float(found.gap[0])
        failed = _failed(gap, float(found.change[0]), lift, stages)
        return TrustBox(gap, float(found.change[0]), lift, stages, self.seed, passes, failed)


def _failed(gap: float | None, change: float, lift: Lift | None, stages: list[RandomizedStage]) -> list[str]:
    words = []
    if gap is not None and not bool(within_bound(torch.tensor(gap), torch.tensor(change))):
        words.append("does not sum to the change of the score")
    if lift is not None and not all(lift.beyond.values()):
        worse = [name for name, beyond in lift.beyond.items() if not beyond]
        words.append(f"{' and '.join(worse)} not clearly better than in a random order")
    last = stages[-1].spearman if stages else None
    if last is not None and abs(last) > MOST_ALIKE:
        words.append("much the same with random weights")
    return words
