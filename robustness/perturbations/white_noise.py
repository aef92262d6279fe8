"""How much white noise does the model bear? Gaussian, equal power at every frequency."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from robustness.audio.colours import white
from robustness.conditions import Preset
from robustness.perturbations.base import PERTURBATIONS
from robustness.perturbations.noise import AdditiveNoise


@PERTURBATIONS.register
@dataclass(frozen=True)
class WhiteNoise(AdditiveNoise):
    """Gaussian noise, flat to half the sampling rate."""

    name: ClassVar[str] = "white-noise"
    source: ClassVar[str] = "torch.randn; SNR inside the speech span"
    preset: ClassVar[Preset] = "quick"
    dhauds: ClassVar[tuple[float, float] | None] = (5.0, 7.0)

    def noise(self, count: int, rate_hz: int, rng: torch.Generator) -> Tensor:
        """A piece of white noise, [count]."""
        return white(count, rate_hz, rng)
