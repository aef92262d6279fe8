"""How much brown noise does the model bear? Power falls by 6 dB an octave: ventilation, engines, a road far away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from robustness.audio.colours import LOWEST_HZ
from robustness.perturbations.base import PERTURBATIONS
from robustness.perturbations.noise import AdditiveNoise


@PERTURBATIONS.register
@dataclass(frozen=True)
class BrownNoise(AdditiveNoise):
    """Gaussian noise with a power of 1/f² from 20 Hz on."""

    name: ClassVar[str] = "brown-noise"
    source: ClassVar[str] = "Timmer & König (1995): Gaussian noise shaped by 1/f in the frequency domain"

    def noise(self, count: int, rate_hz: int, rng: torch.Generator) -> Tensor:
        """A piece of brown noise, [count]."""
        spectrum = torch.fft.rfft(torch.randn(count, generator=rng, dtype=torch.float64))
        hz = torch.fft.rfftfreq(count, 1 / rate_hz, dtype=torch.float64)
        samples = torch.fft.irfft(spectrum * torch.where(hz < LOWEST_HZ, 0.0, 1 / hz.clamp_min(LOWEST_HZ)), n=count)
        scaled: Tensor = samples / samples.square().mean().sqrt()
        return scaled.float()
