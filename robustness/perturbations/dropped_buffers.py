"""What if a driver drops buffers? Buffers of 10 ms are cut out, and what follows comes sooner.

A level is how many buffers of the word are dropped; the window is filled up with silence at its end. What is measured is how many samples
are gone, in buffers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import torch
from torch import Tensor

from robustness.audio.placement import Windows
from robustness.conditions import Axis, Family
from robustness.perturbations.base import PERTURBATIONS, Changed, WindowPerturbation

BUFFER_S: Final = 0.01


@PERTURBATIONS.register
@dataclass(frozen=True)
class DroppedBuffers(WindowPerturbation):
    """Buffers cut out of the word."""

    name: ClassVar[str] = "dropped-buffers"
    family: ClassVar[Family] = "channel"
    axis: ClassVar[Axis] = Axis(
        "buffers of 10 ms dropped", "buffers", (1.0, 2.0, 4.0, 8.0, 16.0), neutral=0.0, neutral_says="no buffer dropped"
    )
    source: ClassVar[str] = "torch: whole buffers cut out, as an overrun of a sound driver loses periods"

    draws: ClassVar[int] = 3

    def realization(self, count: int, rate_hz: int, rng: torch.Generator) -> Tensor:
        """In which order the buffers of a window are dropped, [buffers]."""
        return torch.rand(count // round(BUFFER_S * rate_hz), generator=rng, dtype=torch.float64)

    def perturb(self, clean: Windows, level: float, random: Tensor | None) -> Changed:
        """The windows without so many buffers of the word."""
        if random is None:
            raise TypeError("buffers are dropped in an order")
        size = round(BUFFER_S * clean.rate_hz)
        first = torch.arange(random.shape[1]) * size
        inside = (first >= clean.speech[:, :1]) & (first + size <= clean.speech[:, 1:])
        order = torch.where(inside, random, 2.0).argsort(1).argsort(1)
        kept = ~((order < level) & inside)
        samples = torch.zeros_like(clean.samples)
        for clip, window, keep in zip(clean.samples, samples, kept, strict=True):
            rest = torch.cat([clip[: len(keep) * size].reshape(-1, size)[keep].flatten(), clip[len(keep) * size :]])
            window[: len(rest)] = rest
        return Changed(samples, (~kept).sum(1).double())
