"""What does each tenth of the window add to the score, exactly?

Ten segments, of 100 ms in a window of one second, are kept or replaced by the baseline in every combination: 1,024 passes, fewer where
segments are silent. The values sum to f(x) − f(baseline), so those of two variants differ by what quantization changed, segment by
segment. The cells of a segment share its value.
Source: Shapley 1953; Strumbelj & Kononenko 2014, doi:10.1007/s10115-013-0679-x; exact, as in arXiv:1705.07874 (SHAP) for few players.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import torch
from torch import Tensor

from robustness.attributions.base import ATTRIBUTIONS, Asked, Attribution, MethodKind, Relevance
from robustness.attributions.coalitions import Parts, SharedScore, coalition_scores, exact_values, relevances_of, spread
from robustness.attributions.masking import BATCH, Masked, each_clip
from robustness.errors import UsageError

MOST: Final = 14  # segments: 16,384 passes


@ATTRIBUTIONS.register
@dataclass(frozen=True)
class Shapley(Attribution):
    """Exact Shapley values over segments of time."""

    name: ClassVar[str] = "shapley"
    kind: ClassVar[MethodKind] = "perturbation"
    source: ClassVar[str] = "Shapley 1953; Lundberg & Lee 2017, arXiv:1705.07874"
    segments: int = 10
    batch: int = BATCH

    def relevances(self, scores: Asked, features: Tensor, baseline: Tensor) -> list[Relevance]:
        """The value of each segment, from all coalitions."""
        if not 1 <= self.segments <= MOST:
            raise UsageError(f"exact Shapley values over {self.segments} segments take 2^{self.segments} passes; give 1 to {MOST}")
        parts = Parts.of(features, 1, self.segments)
        with torch.inference_mode():
            found = [self._clip(masked, parts) for masked in each_clip(scores, features, baseline, self.batch)]
        return relevances_of(found, parts, {"segments": parts.shape[1]})

    def _clip(self, masked: Masked, parts: Parts) -> SharedScore:
        blocks, differs = parts.blocks().to(masked.clips.device), masked.differs[0]
        active = (blocks & differs).flatten(1).any(1).nonzero().flatten()
        count = len(active)
        coalitions = torch.arange(2**count, device=blocks.device)
        kept = torch.zeros(2**count, len(blocks), dtype=torch.bool, device=blocks.device)
        for i, part in enumerate(active):
            kept[:, part] = (coalitions >> i) & 1 == 1
        values = torch.zeros(len(blocks), masked.known.shape[1], dtype=torch.float64)
        values[active.cpu()] = exact_values(coalition_scores(masked, blocks, kept).cpu(), count)
        maps = spread(values, blocks.cpu(), differs.cpu())
        return SharedScore(values, maps, (masked.known - masked.replaced)[0].cpu(), masked.passes)
