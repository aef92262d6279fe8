"""Does the score fall sooner when cells go in the map's order than in a random one, and rise sooner when they come?

Blocks of the features are replaced by the baseline from the most supporting one on (deletion), or put back into the baseline in that order
(insertion); the area under the score is its mean over the path. On its own it depends on the clip, so it is given as the lift over random
orders of the same blocks by the same operator: positive is better than chance, in logits.
Source: Petsiuk et al. 2018, RISE, arXiv:1806.07421.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import torch
from torch import Tensor

from robustness.attributions.coalitions import Parts, coalition_scores
from robustness.attributions.masking import Explainable
from robustness.seeds import generator_of

BANDS: Final = 8  # blocks a column; with ten segments, 80 blocks
SEGMENTS: Final = 10
STEPS: Final = 8  # of a path
ORDERS: Final = 10  # random ones
SPREADS: Final = 2.0  # a lift beyond so many standard deviations of the random orders is more than chance


@dataclass(frozen=True)
class Lift:
    """How much better than random orders a map's is, in logits, and how far random orders lie apart (one standard deviation)."""

    deletion: float
    insertion: float
    spread: float

    @property
    def beyond(self) -> dict[str, bool]:
        """Whether each lift is more than what random orders reach."""
        return {"deletion": self.deletion > SPREADS * self.spread, "insertion": self.insertion > SPREADS * self.spread}


class DeletionCurves:
    """One clip and target on one variant, whose random orders serve every map of it.

    Args:
        case: what is explained.
        seed: of the random orders.
    """

    def __init__(self, case: Explainable, seed: int = 0) -> None:
        self.case, self.seed = case, seed
        with case.classifier.network.evaluating(), torch.inference_mode():
            self.masked = case.masked()
        blocks = Parts.of(case.features, BANDS, SEGMENTS).blocks().to(case.features.device)
        self.blocks = blocks[(blocks & self.masked.differs[0]).flatten(1).any(1)]

    def lift(self, relevance: Tensor) -> Lift | None:
        """The lift of a map [bands frames]; None where fewer than two blocks differ from the baseline, so that there is no order."""
        if len(self.blocks) < 2:
            return None
        sums = self.blocks.flatten(1).double() @ relevance.to(self.blocks.device).flatten().double()
        order = sums.argsort(descending=True, stable=True)
        chance, spread = float(self._random.mean()), float(self._random.std())
        return Lift(chance - self._area(order, deleting=True), self._area(order) - chance, spread)

    @cached_property
    def _random(self) -> Tensor:
        """The areas of random orders, [orders]: what comes in one order goes in its reverse, so that one path serves both."""
        rng = generator_of(self.seed, "deletion and insertion")
        return torch.tensor([self._area(torch.randperm(len(self.blocks), generator=rng)) for _ in range(ORDERS)], dtype=torch.float64)

    def _area(self, order: Tensor, *, deleting: bool = False) -> float:
        """The mean score while blocks come in this order, or go."""
        count = len(self.blocks)
        there = torch.zeros(STEPS + 1, count, dtype=torch.bool, device=self.blocks.device)
        for step in range(STEPS + 1):
            there[step, order[: round(step * count / STEPS)].to(there.device)] = True
        with self.case.classifier.network.evaluating(), torch.inference_mode():
            scores = coalition_scores(self.masked, self.blocks, ~there if deleting else there)[:, 0].double().cpu()
        return float(torch.trapezoid(scores) / STEPS)
