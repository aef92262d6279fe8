"""What does each tenth of the window add to the score, band by band?

Ten segments × four bands are forty parts; their Shapley values are estimated over random orders in which parts are put back one by one.
Each order is used forwards and backwards, and the standard error of a value is that of the mean over these pairs. The orders depend on the
seed alone, so the values of two variants are paired. They sum to f(x) − f(baseline) exactly, whatever the number of orders.
Source: Castro et al. 2009, doi:10.1016/j.cor.2008.04.004; antithetic pairs: Mitchell et al. 2022, arXiv:2104.12199.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from robustness.attributions.base import ATTRIBUTIONS, Asked, Attribution, MethodKind, Relevance
from robustness.attributions.coalitions import Parts, SharedScore, coalition_scores, relevances_of, spread
from robustness.attributions.masking import BATCH, Masked, each_clip
from robustness.errors import UsageError
from robustness.seeds import generator_of


@ATTRIBUTIONS.register
@dataclass(frozen=True)
class ShapleyBlocks(Attribution):
    """Shapley values over segments × bands, sampled over pairs of orders."""

    name: ClassVar[str] = "shapley-blocks"
    kind: ClassVar[MethodKind] = "perturbation"
    source: ClassVar[str] = "Castro et al. 2009; Mitchell et al. 2022, arXiv:2104.12199"
    segments: int = 10
    bands: int = 4
    pairs: int = 24
    seed: int = 0
    batch: int = BATCH

    def relevances(self, scores: Asked, features: Tensor, baseline: Tensor) -> list[Relevance]:
        """The mean value of each block over the orders, with its standard error."""
        if self.pairs < 2:
            raise UsageError(f"an error bar needs two pairs of orders and {self.pairs} is given; give more")
        parts = Parts.of(features, self.bands, self.segments)
        with torch.inference_mode():
            found = [self._clip(masked, parts) for masked in each_clip(scores, features, baseline, self.batch)]
        return relevances_of(found, parts, {"pairs": self.pairs, "seed": self.seed})

    def _clip(self, masked: Masked, parts: Parts) -> SharedScore:
        blocks, differs = parts.blocks().to(masked.clips.device), masked.differs[0]
        active = (blocks & differs).flatten(1).any(1).nonzero().flatten().cpu()
        rng = generator_of(self.seed, self.name)
        count = len(blocks)
        gains = []
        for _ in range(self.pairs):
            order = torch.randperm(count, generator=rng)  # over all parts: the same for clips with other silent ones
            order = order[torch.isin(order, active)]
            gains.append((self._gains(masked, blocks, order) + self._gains(masked, blocks, order.flip(0))) / 2)
        samples = torch.stack(gains)  # [pairs parts targets]
        values, errors = samples.mean(0), samples.std(0, unbiased=True) / len(samples) ** 0.5
        maps = spread(values, blocks.cpu(), differs.cpu())
        return SharedScore(values, maps, (masked.known - masked.replaced)[0].cpu(), masked.passes, errors)

    def _gains(self, masked: Masked, blocks: Tensor, order: Tensor) -> Tensor:
        """What each part adds when parts are put back in this order, [parts targets]."""
        kept = torch.zeros(len(order) + 1, len(blocks), dtype=torch.bool)
        for step, part in enumerate(order):
            kept[step + 1 :, part] = True
        scores = coalition_scores(masked, blocks, kept.to(blocks.device)).double().cpu()
        gains = torch.zeros(len(blocks), scores.shape[1], dtype=torch.float64)
        gains[order] = scores.diff(dim=0)
        return gains
