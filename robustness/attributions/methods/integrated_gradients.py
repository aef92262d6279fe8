"""How the score builds up along the straight path from silence to the clip.

A cell's value is (x − b) times the mean gradient on the path; the map sums to f(x) − f(b) up to the gap δ that finite steps leave.
A first layer that is affine maps the path to a straight path of what it gives: the gradients are asked behind it, and their mean goes back
through it once.
The gap is held to 5 % of |f(x) − f(b)| or 0.05 logits, whichever is more, with more steps where needed; where even these leave
more, the gap is there to be said.
Source: Sundararajan et al. 2017, arXiv:1703.01365; captum.attr.IntegratedGradients.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, Final

import torch
from torch import Tensor

from robustness.attributions.base import ATTRIBUTIONS, Asked, Attribution, MethodKind, Relevance, ScoreFunction, within_bound
from robustness.threads import worker_threads

BATCH: Final = 13  # steps a pass and thread: 50 take four; much larger ones fall out of the cache
ROUGH: Final = 20  # steps where maps are compared with each other alone


def _gradient(scores: ScoreFunction, features: Tensor) -> Tensor:
    """The gradient of every target's score in one pass forward, [steps …] → [steps targets …]."""
    with torch.enable_grad():
        asked = features.detach().requires_grad_()
        sums = scores(asked).sum(0)
        each = [torch.autograd.grad(one, asked, retain_graph=i + 1 < len(sums))[0] for i, one in enumerate(sums)]
    return torch.stack(each, 1)


@dataclass(frozen=True)
class _Gradients:
    """What Captum calls for the gradients of some steps: a share of them in each thread."""

    workers: int
    pool: Executor | None

    def __call__(self, forward_fn: ScoreFunction, inputs: tuple[Tensor, ...], **_: object) -> tuple[Tensor, ...]:
        one = partial(_gradient, forward_fn)
        each = map(one, inputs) if self.pool is None else self.pool.map(one, inputs[0].chunk(self.workers))
        return (torch.cat(list(each)),)


@ATTRIBUTIONS.register
@dataclass(frozen=True)
class IntegratedGradients(Attribution):
    """Gauss–Legendre steps on the path; `steps` are tried in turn until the gap is within its bound."""

    name: ClassVar[str] = "integrated-gradients"
    kind: ClassVar[MethodKind] = "gradient"
    source: ClassVar[str] = "Sundararajan et al. 2017, arXiv:1703.01365"
    steps: tuple[int, ...] = (50, 100, 200)
    batch: int = BATCH

    @property
    def rough(self) -> IntegratedGradients:
        """With few steps, whatever gap they leave."""
        return replace(self, steps=(ROUGH,))

    def relevances(self, scores: Asked, features: Tensor, baseline: Tensor) -> list[Relevance]:
        """The path integral of each clip with the fewest steps that suffice; all targets that need so many share their passes forward."""
        with torch.no_grad():
            change = scores(features) - scores(baseline)  # [clips targets]
        maps = features.new_zeros(*change.shape, *features.shape[2:])
        gap, used = torch.full_like(change, torch.inf), torch.zeros(change.shape, dtype=torch.long)
        passes = 2 * len(features)
        for steps in self.steps:
            open_ = ~within_bound(gap, change)
            clips, targets = open_.any(1).nonzero().flatten(), open_.any(0).nonzero().flatten()
            if not len(clips):
                break
            found = self._path(scores, targets, features[clips], baseline[clips], steps)
            for at, clip in enumerate(clips.tolist()):
                mine = open_[clip, targets]
                maps[clip, targets[mine]], used[clip, targets[mine].cpu()] = found[at, mine], steps
            gap, passes = maps.sum(dim=(2, 3)) - change, passes + steps * len(clips)
        said = {"steps": list(self.steps)}
        return [Relevance(maps[:, i].cpu(), change[:, i].cpu(), passes, said, gap[:, i].cpu(), used[:, i]) for i in range(change.shape[1])]

    def _path(self, scores: Asked, targets: Tensor, features: Tensor, baseline: Tensor, steps: int) -> Tensor:
        """The maps of some targets, [clips targets bands frames]."""
        first = scores.first_layer
        if first is None:
            mean = self._mean_gradient(partial(_of, scores, targets), features, baseline, steps, scores.workers)[:, :, 0]
        else:
            with torch.no_grad():
                here, there = first(features), first(baseline)
            behind = self._mean_gradient(partial(_of, scores.behind_first, targets), here, there, steps, scores.workers)
            mean = _through(first, features, behind)
        return mean * (features - baseline)

    def _mean_gradient(self, scores: ScoreFunction, here: Tensor, there: Tensor, steps: int, workers: int) -> Tensor:
        """The mean of each score's gradient on the path from there to here, [clips …] each → [clips targets …]."""
        from captum.attr import IntegratedGradients as CaptumIntegratedGradients  # it loads matplotlib, and not every map is by gradients

        method: Any = CaptumIntegratedGradients(scores, multiply_by_inputs=False)
        batch = max(self.batch * workers, len(here))
        with worker_threads(workers) if workers > 1 else nullcontext() as pool:
            method.gradient_func = _Gradients(workers, pool)
            found: Tensor = method.attribute(here, baselines=there, n_steps=steps, internal_batch_size=batch)
        return found.detach()


def _through(first: Callable[[Tensor], Tensor], features: Tensor, gradient: Tensor) -> Tensor:
    """Gradients behind an affine layer, [clips targets …], as gradients before it, [clips targets bands frames]."""
    with torch.enable_grad():
        asked = features.detach().requires_grad_()
        given = first(asked)
        each = [torch.autograd.grad(given, asked, one, retain_graph=True)[0] for one in gradient.unbind(1)]
    return torch.cat(each, 1)


def _of(scores: ScoreFunction, targets: Tensor, features: Tensor) -> Tensor:
    return scores(features)[:, targets]
