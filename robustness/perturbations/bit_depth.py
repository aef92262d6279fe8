"""How few bits a sample does the model bear? Uniform quantization of the window, rounded to the nearest step.

A level is bits a sample of a converter whose steps go from −1 to 1; what is measured is the smallest step between two samples that came
out.
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
class BitDepth(WindowPerturbation):
    """Samples rounded to fewer bits."""

    name: ClassVar[str] = "bit-depth"
    family: ClassVar[Family] = "microphone"
    axis: ClassVar[Axis] = Axis("bits a sample", "bits", (12.0, 10.0, 8.0, 6.0, 5.0, 4.0), neutral=float("inf"), neutral_says="all bits")
    source: ClassVar[str] = "Widrow & Kollár (2008), Quantization Noise: uniform quantization, rounded"

    def perturb(self, clean: Windows, level: float, random: Tensor | None) -> Changed:
        """The windows at that many bits."""
        steps = 2.0 ** (level - 1)
        samples = (clean.samples * steps).round().clamp(-steps, steps - 1) / steps
        return Changed(samples, torch.stack([bits_of(clip) for clip in samples]))


def bits_of(samples: Tensor) -> Tensor:
    """The bits of a converter with the smallest step found between samples, [time] → []; one for a window that has one value."""
    values = samples.unique()
    return torch.ones((), dtype=torch.float64) if len(values) < 2 else 1 - values.double().diff().min().log2()
