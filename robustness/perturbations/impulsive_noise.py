"""How much of clicks and knocks does the model bear? A click of 2 ms in every tenth of a second, somewhere in it, each of its own size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import torch
from torch import Tensor

from robustness.perturbations.base import PERTURBATIONS
from robustness.perturbations.noise import AdditiveNoise

CLICK_S: Final = 0.002
APART_S: Final = 0.1


@PERTURBATIONS.register
@dataclass(frozen=True)
class ImpulsiveNoise(AdditiveNoise):
    """Clicks, ten a second."""

    name: ClassVar[str] = "impulsive-noise"
    source: ClassVar[str] = "Vaseghi (2008), Advanced Digital Signal Processing: impulsive noise as decaying pulses at random times"

    draws: ClassVar[int] = 3

    def noise(self, count: int, rate_hz: int, rng: torch.Generator) -> Tensor:
        """Clicks, [count]."""
        length, apart = round(CLICK_S * rate_hz), round(APART_S * rate_hz)
        decay = torch.exp(-5 * torch.arange(length) / length)
        samples = torch.zeros(-(-count // apart) * apart)
        for start in range(0, len(samples), apart):
            first = start + int(torch.randint(apart - length, (), generator=rng))
            samples[first : first + length] = torch.randn(length, generator=rng) * decay * (0.5 + torch.rand((), generator=rng))
        return samples[:count]
