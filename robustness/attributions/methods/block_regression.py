"""What does each block add to the score, on average over which of the others are there? A regression on random coalitions.

Blocks are kept or replaced by the baseline at random: how many are kept is uniform, and each coalition comes with its complement. A ridge
regression of the score on what is kept gives a value a block, and the residuals its error bar. It sees what blocks do together, where
occlusion sees the slope at the whole clip alone. The coalitions depend on the seed alone, so variants and targets are asked the same ones;
a network needs no gradient. The values need not sum to the change of the score.
Source: Lundberg & Lee 2017, arXiv:1705.07874 (kernel SHAP); Ribeiro et al. 2016, arXiv:1602.04938 (a ridge on random masks).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Final, NamedTuple

import torch
from torch import Tensor

from robustness.attributions.base import ATTRIBUTIONS, Asked, Attribution, MethodKind, Relevance
from robustness.attributions.coalitions import Parts, SharedScore, coalition_scores, relevances_of, spread
from robustness.attributions.masking import BATCH, Masked, each_clip
from robustness.errors import UsageError
from robustness.seeds import generator_of

ROUGH: Final = 4  # times fewer passes, for what compares many maps of one clip


class RidgeFit(NamedTuple):
    """A value of each block and its standard error, [blocks targets] each."""

    values: Tensor
    errors: Tensor


@ATTRIBUTIONS.register
@dataclass(frozen=True)
class BlockRegression(Attribution):
    """A ridge over blocks of segments × bands, on random coalitions and their complements."""

    name: ClassVar[str] = "block-regression"
    kind: ClassVar[MethodKind] = "perturbation"
    source: ClassVar[str] = "Lundberg & Lee 2017, arXiv:1705.07874; Ribeiro et al. 2016, arXiv:1602.04938"
    segments: int = 10
    bands: int = 8
    coalitions: int = 1000
    ridge: float = 1.0
    seed: int = 0
    batch: int = BATCH

    @property
    def rough(self) -> BlockRegression:
        """A quarter of the coalitions."""
        return replace(self, coalitions=max(2, self.coalitions // ROUGH))

    def relevances(self, scores: Asked, features: Tensor, baseline: Tensor) -> list[Relevance]:
        """The value of each block, with its standard error."""
        if self.coalitions < 2:
            raise UsageError(f"a regression needs two coalitions at least and {self.coalitions} is given; give more")
        parts = Parts.of(features, self.bands, self.segments)
        with torch.inference_mode():
            found = [self._clip(masked, parts) for masked in each_clip(scores, features, baseline, self.batch)]
        made = relevances_of(found, parts, {"coalitions": self.coalitions, "ridge": self.ridge, "seed": self.seed})
        return [replace(one, gap=None) for one in made]

    def _clip(self, masked: Masked, parts: Parts) -> SharedScore:
        blocks, differs = parts.blocks().to(masked.clips.device), masked.differs[0]
        active = (blocks & differs).flatten(1).any(1).cpu()
        kept = random_coalitions(active, self.coalitions // 2, generator_of(self.seed, self.name))
        fit = fitted(kept[:, active], coalition_scores(masked, blocks, kept.to(blocks.device)).double().cpu(), self.ridge)
        values, errors = (torch.zeros(len(blocks), one.shape[1], dtype=torch.float64) for one in fit)
        values[active], errors[active] = fit.values, fit.errors
        maps = spread(values, blocks.cpu(), differs.cpu())
        return SharedScore(values, maps, (masked.known - masked.replaced)[0].cpu(), masked.passes, errors)


def random_coalitions(active: Tensor, pairs: int, rng: torch.Generator) -> Tensor:
    """Coalitions of the active blocks, each followed by its complement: how many are kept is uniform, [2 pairs blocks], bool.

    Args:
        active: which blocks there are, [blocks]; of the others nothing is asked.
        pairs: how many coalitions, without their complements.
        rng: of the coalitions.
    """
    count = int(active.sum())
    kept = torch.zeros(2 * pairs, len(active), dtype=torch.bool)
    if count == 0:
        return kept
    order = torch.rand(pairs, count, generator=rng).argsort(1).argsort(1)
    sizes = torch.randint(1, max(2, count), (pairs, 1), generator=rng)
    some = order < sizes
    kept[0::2, active], kept[1::2, active] = some, ~some
    return kept


def fitted(kept: Tensor, scores: Tensor, ridge: float) -> RidgeFit:
    """A ridge regression with an intercept that is not penalised.

    Args:
        kept: [coalitions blocks], bool.
        scores: [coalitions targets].
        ridge: added to the diagonal of the normal equations.
    """
    x, y = kept.double(), scores.double()
    x, y = x - x.mean(0), y - y.mean(0)
    inverse = torch.linalg.inv(x.T @ x + ridge * torch.eye(x.shape[1], dtype=x.dtype))
    values = inverse @ (x.T @ y)
    freedom = max(1, len(x) - x.shape[1] - 1)
    noise = (y - x @ values).square().sum(0) / freedom
    spread_of = (inverse @ (x.T @ x) @ inverse).diagonal().clamp_min(0)
    return RidgeFit(values, (spread_of[:, None] * noise[None]).sqrt())
