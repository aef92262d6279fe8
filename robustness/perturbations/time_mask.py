"""How much of a word may be missing? A hole of silence at a random place in it.

A level is ms. The hole lies in the word, at the same center at every level; what is measured is how many samples it took.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from robustness.audio.placement import Windows
from robustness.conditions import Axis, Family
from robustness.perturbations.base import PERTURBATIONS, Changed, WindowPerturbation


@PERTURBATIONS.register
@dataclass(frozen=True)
class TimeMask(WindowPerturbation):
    """A hole in time."""

    name: ClassVar[str] = "time-mask"
    family: ClassVar[Family] = "mask"
    axis: ClassVar[Axis] = Axis("hole in the word", "ms", (20.0, 50.0, 100.0, 150.0, 200.0), neutral=0.0, neutral_says="no hole")
    source: ClassVar[str] = "Park et al. (2019), SpecAugment, arXiv:1904.08779: masking in time"

    draws: ClassVar[int] = 3

    def realization(self, count: int, rate_hz: int, rng: torch.Generator) -> Tensor:
        """Where in the word the hole has its center, as a share of the word, []."""
        return torch.rand((), generator=rng, dtype=torch.float64)

    def perturb(self, clean: Windows, level: float, random: Tensor | None) -> Changed:
        """The windows with a hole of so many ms."""
        if random is None:
            raise TypeError("a hole has a place")
        start, end = clean.speech.double().unbind(1)
        first = (start + random * (end - start) - level * clean.rate_hz / 2000).round()[:, None]
        places = torch.arange(clean.samples.shape[1])
        hole = (places >= first) & (places < first + round(level * clean.rate_hz / 1000))
        return Changed(clean.samples.masked_fill(hole, 0.0), hole.sum(1).double() * 1000 / clean.rate_hz)
