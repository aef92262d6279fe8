"""How much hard clipping does the model bear? The share of the word's samples that an overdriven input has cut off.

A level is that share in %, of the samples in the word. The window is as loud as it was below the threshold; it is not turned up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from robustness.audio.placement import Windows
from robustness.conditions import Axis, Family, Preset
from robustness.perturbations.base import PERTURBATIONS, Changed, WindowPerturbation


@PERTURBATIONS.register
@dataclass(frozen=True)
class Clipping(WindowPerturbation):
    """Samples above a threshold are cut to it."""

    name: ClassVar[str] = "clipping"
    family: ClassVar[Family] = "microphone"
    axis: ClassVar[Axis] = Axis(
        "share of the word's samples that are cut off", "%", (1.0, 5.0, 10.0, 20.0, 40.0), neutral=0.0, neutral_says="nothing clipped"
    )
    source: ClassVar[str] = "Záviška et al. (2021), IEEE J. Sel. Top. Signal Process. 15: hard clipping at a threshold"
    preset: ClassVar[Preset] = "standard"

    def perturb(self, clean: Windows, level: float, random: Tensor | None) -> Changed:
        """The windows, that share of the word's samples cut off."""
        sizes = clean.samples.abs()
        spans = clean.speech.clamp(0, sizes.shape[1]).tolist()
        thresholds = torch.stack([threshold(clip[start:end], level) for clip, (start, end) in zip(sizes, spans, strict=True)])[:, None]
        samples = torch.minimum(torch.maximum(clean.samples, -thresholds), thresholds)
        return Changed(
            samples, torch.stack([share_at_top(clip[start:end]) for clip, (start, end) in zip(samples.abs(), spans, strict=True)])
        )


def threshold(sizes: Tensor, percent: float) -> Tensor:
    """The size that this share of samples reach, [time] → []; full scale where there is none."""
    if not len(sizes):
        return torch.ones(())
    least = max(1, len(sizes) - math.ceil(len(sizes) * percent / 100) + 1)
    return sizes.kthvalue(min(least, len(sizes))).values


def share_at_top(sizes: Tensor) -> Tensor:
    """The share of samples that are as large as the largest, in %, [time] → []."""
    return 100 * (sizes >= sizes.max()).double().mean() if len(sizes) else torch.zeros((), dtype=torch.float64)
