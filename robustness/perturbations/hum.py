"""How much mains hum does the model bear? The mains' frequency and nine harmonics, each weaker by its number, at random phases."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Final

import torch
from torch import Tensor

from robustness.conditions import Preset
from robustness.perturbations.base import PERTURBATIONS
from robustness.perturbations.noise import AdditiveNoise

HARMONICS: Final = 10


@PERTURBATIONS.register
@dataclass(frozen=True)
class Hum(AdditiveNoise):
    """Mains hum at 50 Hz; at 60 Hz where `mains_hz` says so."""

    name: ClassVar[str] = "hum"
    source: ClassVar[str] = "IEC 60038 (2009): mains at 50 or 60 Hz; a harmonic is weaker by its number"
    preset: ClassVar[Preset] = "standard"

    draws: ClassVar[int] = 3
    mains_hz: float = 50.0

    def noise(self, count: int, rate_hz: int, rng: torch.Generator) -> Tensor:
        """A piece of hum, [count]."""
        phases = 2 * math.pi * torch.rand(HARMONICS, generator=rng, dtype=torch.float64)
        number = torch.arange(1, HARMONICS + 1, dtype=torch.float64)
        seconds = torch.arange(count, dtype=torch.float64) / rate_hz
        waves = (2 * math.pi * self.mains_hz * number[:, None] * seconds + phases[:, None]).sin() / number[:, None]
        return waves[number * self.mains_hz < rate_hz / 2].sum(0).float()
