"""How much steady noise with the word's own spectrum does the model bear? What masks a word the most at a given power.

The noise is the window itself with random phases: its long-term spectrum is the word's, and nothing of its course in time is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from robustness.audio.placement import Windows
from robustness.perturbations.base import PERTURBATIONS, Changed
from robustness.perturbations.noise import AdditiveNoise


@PERTURBATIONS.register
@dataclass(frozen=True)
class SpeechShapedNoise(AdditiveNoise):
    """Noise with the spectrum of the window that it is added to."""

    name: ClassVar[str] = "speech-shaped-noise"
    source: ClassVar[str] = "Festen & Plomp (1990), JASA 88: noise with the long-term spectrum of the speech"

    draws: ClassVar[int] = 3

    def noise(self, count: int, rate_hz: int, rng: torch.Generator) -> Tensor:
        """White noise, whose phases the noise has, [count]."""
        return torch.randn(count, generator=rng)

    def perturb(self, clean: Windows, level: float, random: Tensor | None) -> Changed:
        """The windows in noise with their own spectrum at that SNR in dB."""
        if random is None:
            raise TypeError("noise has phases")
        phases = torch.fft.rfft(random, dim=1).angle().double()
        own = torch.fft.irfft(torch.polar(torch.fft.rfft(clean.samples.double()).abs(), phases), n=clean.samples.shape[1])
        return super().perturb(clean, level, own.float())
