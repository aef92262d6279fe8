"""How the score builds up along the straight path from silence to the clip.

A cell's value is (x − b) times the mean gradient on the path; the map sums to f(x) − f(b) up to the gap δ that finite steps leave.
The gap is held to 5 % of |f(x) − f(b)| or 0.05 logits, whichever is more, with more steps where needed; where even these leave more,
the gap is there to be said.
Source: Sundararajan et al. 2017, arXiv:1703.01365; captum.attr.IntegratedGradients.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Final

import torch
from captum.attr import IntegratedGradients as CaptumIntegratedGradients
from torch import Tensor

from robustness.attributions.base import ATTRIBUTIONS, Attribution, Kind, Relevance, Scores, within_bound

BATCH: Final = 10  # steps a pass; larger ones fall out of the cache


def _one(scores: Scores, target: int, features: Tensor) -> Tensor:
    return scores(features)[:, target]


@ATTRIBUTIONS.register
@dataclass(frozen=True)
class IntegratedGradients(Attribution):
    """Gauss–Legendre steps on the path; `steps` are tried in turn until the gap is within its bound."""

    name: ClassVar[str] = "integrated-gradients"
    kind: ClassVar[Kind] = "gradient"
    source: ClassVar[str] = "Sundararajan et al. 2017, arXiv:1703.01365"
    steps: tuple[int, ...] = (50, 100, 200)
    batch: int = BATCH

    def relevances(self, scores: Scores, features: Tensor, baseline: Tensor) -> list[Relevance]:
        """The path integral of each clip with the fewest steps that suffice, target by target."""
        with torch.no_grad():
            changes = scores(features) - scores(baseline)
        return [self._relevance(partial(_one, scores, i), features, baseline, change) for i, change in enumerate(changes.T)]

    def _relevance(self, score: Scores, features: Tensor, baseline: Tensor, change: Tensor) -> Relevance:
        maps, gap, used = torch.zeros_like(features), torch.full_like(change, torch.inf), torch.zeros(len(features), dtype=torch.long)
        passes = 2 * len(features)
        for steps in self.steps:
            todo = (~within_bound(gap, change)).nonzero().flatten()
            if not len(todo):
                break
            maps[todo] = self._path(score, features[todo], baseline[todo], steps)
            gap[todo], used[todo.cpu()] = maps[todo].sum(dim=(1, 2, 3)) - change[todo], steps
            passes += steps * len(todo)
        return Relevance(maps[:, 0].cpu(), change.cpu(), passes, {"steps": list(self.steps)}, gap.cpu(), used)

    def _path(self, score: Scores, features: Tensor, baseline: Tensor, steps: int) -> Tensor:
        found: Tensor = CaptumIntegratedGradients(score).attribute(
            features, baselines=baseline, n_steps=steps, internal_batch_size=max(self.batch, len(features))
        )
        return found.detach()
