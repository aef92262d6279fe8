"""Noises that are made: white and pink, at an RMS of 1."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

LOWEST_HZ: Final = 20.0  # below hearing, where 1/f would put most of the power


def white(count: int, rate_hz: int, rng: torch.Generator) -> Tensor:
    """Gaussian noise with equal power at every frequency, [count]."""
    samples = torch.randn(count, generator=rng)
    return samples / samples.square().mean().sqrt()


def pink(count: int, rate_hz: int, rng: torch.Generator) -> Tensor:
    """Gaussian noise with a power of 1/f from 20 Hz on, [count].

    Source: Timmer & König (1995), shaped by f^(−1/2) in the frequency domain.
    """
    spectrum = torch.fft.rfft(torch.randn(count, generator=rng, dtype=torch.float64))
    hz = torch.fft.rfftfreq(count, 1 / rate_hz, dtype=torch.float64)
    samples = torch.fft.irfft(spectrum * torch.where(hz < LOWEST_HZ, 0.0, hz.clamp_min(LOWEST_HZ) ** -0.5), n=count)
    scaled: Tensor = samples / samples.square().mean().sqrt()
    return scaled.float()
