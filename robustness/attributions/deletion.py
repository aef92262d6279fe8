"""Does the score fall sooner when cells go in the map's order than in a random one, and rise sooner when they come?

Blocks of the features are replaced by the baseline from the most supporting one on (deletion), or put back into the baseline in that order
(insertion); the area under the score is its mean over the path. On its own it depends on the clip, so it is given as the lift over random
orders of the same blocks by the same operator: positive is better than chance, in logits.

A map is tested by what it was not made by: on another grid than that of block regression, by random orders of its own, and with the mean of
each band in place of silence. Where that fill changes the score by no more than half a logit, no order could be better than another.
Source: Petsiuk et al. 2018, RISE, arXiv:1806.07421.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import torch
from torch import Tensor

from robustness.attributions.coalitions import Parts, coalition_scores
from robustness.attributions.masking import Explainable
from robustness.seeds import generator_of

BANDS: Final = 6  # blocks a column: 78 blocks, whose edges are not those of block regression
SEGMENTS: Final = 13
STEPS: Final = 8  # of a path
ORDERS: Final = 10  # random ones
SPREADS: Final = 2.5  # both lifts together beyond so many standard deviations, of ten orders, are more than chance: 3 % of random maps
LEAST_CHANGE: Final = 0.5  # logits from the clip to the fill


@dataclass(frozen=True)
class Lift:
    """How much better than random orders a map's is, in logits, and how far random orders lie apart (one standard deviation)."""

    deletion: float
    insertion: float
    spread: float

    @property
    def both(self) -> float:
        """Both lifts together."""
        return self.deletion + self.insertion

    @property
    def chance(self) -> float:
        """What both lifts of a random order seldom exceed: the spread of a sum of two."""
        return SPREADS * math.sqrt(2) * self.spread

    @property
    def beyond(self) -> bool:
        """Whether both lifts together are more than what random orders reach."""
        return self.both > self.chance


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
        """The lift of a map [bands frames]; None where there is no order: fewer than two blocks differ, or the score hardly changes."""
        if len(self.blocks) < 2 or float((self.masked.known - self.masked.replaced).abs().max()) <= LEAST_CHANGE:
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
