"""How much of the spectrum may be missing? A gap of some octaves around a random frequency, 40 dB down.

A level is octaves; the center lies between 300 Hz and 3 kHz, the same at every level. What is measured is over how many octaves what came
out is at least 20 dB down.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import torch
from torch import Tensor

from robustness.audio.levels import from_decibels
from robustness.audio.placement import Windows
from robustness.conditions import Axis, Family
from robustness.perturbations.base import PERTURBATIONS, Changed, WindowPerturbation
from robustness.perturbations.filtering import frequencies, shaped

LOWEST_HZ: Final = 300.0
HIGHEST_HZ: Final = 3000.0
DEPTH_DB: Final = 40.0


@PERTURBATIONS.register
@dataclass(frozen=True)
class BandMask(WindowPerturbation):
    """A gap in frequency."""

    name: ClassVar[str] = "band-mask"
    family: ClassVar[Family] = "mask"
    axis: ClassVar[Axis] = Axis("gap in the spectrum", "octaves", (0.25, 0.5, 1.0, 1.5, 2.0), neutral=0.0, neutral_says="no gap")
    source: ClassVar[str] = "Park et al. (2019), SpecAugment, arXiv:1904.08779: masking in frequency"

    draws: ClassVar[int] = 3

    def realization(self, count: int, rate_hz: int, rng: torch.Generator) -> Tensor:
        """The gap's center, in Hz, []."""
        return LOWEST_HZ * (HIGHEST_HZ / LOWEST_HZ) ** torch.rand((), generator=rng, dtype=torch.float64)

    def perturb(self, clean: Windows, level: float, random: Tensor | None) -> Changed:
        """The windows with a gap of so many octaves."""
        if random is None:
            raise TypeError("a gap has a place")
        hz = frequencies(clean.samples.shape[1], clean.rate_hz)
        gap = (hz.clamp_min(1.0) / random[:, None]).log2().abs() <= level / 2
        gain = torch.where(gap, from_decibels(-DEPTH_DB), 1.0)
        edges = torch.stack([hz[(row < 0.1).nonzero().flatten()[[0, -1]]] for row in gain])
        return Changed(shaped(clean.samples, gain), (edges[:, 1] / edges[:, 0]).log2())
