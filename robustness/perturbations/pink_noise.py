"""How much pink noise does the model bear? Equal power in every octave, nearer to rooms and traffic than white noise is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from robustness.audio.colours import pink
from robustness.conditions import Preset
from robustness.perturbations.base import PERTURBATIONS
from robustness.perturbations.noise import AdditiveNoise


@PERTURBATIONS.register
@dataclass(frozen=True)
class PinkNoise(AdditiveNoise):
    """Gaussian noise with a power of 1/f from 20 Hz on."""

    name: ClassVar[str] = "pink-noise"
    source: ClassVar[str] = "Timmer & König (1995): Gaussian noise shaped by f^(−1/2) in the frequency domain"
    preset: ClassVar[Preset] = "quick"

    def noise(self, count: int, rate_hz: int, rng: torch.Generator) -> Tensor:
        """A piece of pink noise, [count]."""
        return pink(count, rate_hz, rng)
