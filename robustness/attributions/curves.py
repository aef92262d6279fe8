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

from robustness.attributions.masking import Masked
from robustness.attributions.parts import Parts, coalition_scores
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
    deletion_spread: float
    insertion_spread: float

    @property
    def beyond(self) -> dict[str, bool]:
        """Whether each lift is more than what random orders reach."""
        return {
            "deletion": self.deletion > SPREADS * self.deletion_spread,
            "insertion": self.insertion > SPREADS * self.insertion_spread,
        }


class Curves:
    """One clip and target, whose random orders serve every map of it.

    Args:
        masked: of one clip and one target.
        seed: of the random orders.
    """

    def __init__(self, masked: Masked, seed: int = 0) -> None:
        self.masked = masked
        self.seed = seed
        blocks = Parts.of(masked.clips, BANDS, SEGMENTS).blocks().to(masked.clips.device)
        self.blocks = blocks[(blocks & masked.differs[0]).flatten(1).any(1)]

    def lift(self, relevance: Tensor) -> Lift | None:
        """The lift of a map [bands frames]; None where fewer than two blocks differ from the baseline, so that there is no order."""
        if len(self.blocks) < 2:
            return None
        sums = self.blocks.flatten(1).double() @ relevance.to(self.blocks.device).flatten().double()
        order = sums.argsort(descending=True, stable=True)
        mine, chance = self._areas(order), self._random
        deletion, insertion = chance.mean(0)
        spreads = chance.std(0)
        return Lift(float(deletion - mine[0]), float(mine[1] - insertion), float(spreads[0]), float(spreads[1]))

    @cached_property
    def _random(self) -> Tensor:
        """The areas of random orders, [orders 2]."""
        rng = generator_of(self.seed, "deletion and insertion")
        return torch.stack([self._areas(torch.randperm(len(self.blocks), generator=rng)) for _ in range(ORDERS)])

    def _areas(self, order: Tensor) -> Tensor:
        """The mean score while blocks go in this order, and while they come, [2]."""
        count = len(self.blocks)
        gone = torch.zeros(STEPS + 1, count, dtype=torch.bool, device=self.blocks.device)
        for step in range(STEPS + 1):
            gone[step, order[: round(step * count / STEPS)].to(gone.device)] = True
        with torch.inference_mode():
            deletion, insertion = (coalition_scores(self.masked, self.blocks, kept)[:, 0].double().cpu() for kept in (~gone, gone))
        return torch.stack([torch.trapezoid(scores) / STEPS for scores in (deletion, insertion)])
