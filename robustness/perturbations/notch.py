"""How deep a hole may a microphone's response have? A dip of an octave around 2 kHz.

A level is the depth of the dip in dB at its center, a raised cosine over log frequency; what is measured is the loss of a twelfth of an
octave there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Final

import torch
from torch import Tensor

from robustness.audio.placement import Windows
from robustness.conditions import Axis, Family
from robustness.perturbations.base import PERTURBATIONS, Changed, WindowPerturbation
from robustness.perturbations.filtering import frequencies, gain_db, shaped

CENTER_HZ: Final = 2000.0


@PERTURBATIONS.register
@dataclass(frozen=True)
class Notch(WindowPerturbation):
    """A dip in the response."""

    name: ClassVar[str] = "notch"
    family: ClassVar[Family] = "microphone"
    axis: ClassVar[Axis] = Axis("depth of a dip at 2 kHz", "dB", (6.0, 12.0, 20.0, 40.0), neutral=0.0, neutral_says="no dip")
    source: ClassVar[str] = "torch.fft: a raised cosine in dB over log frequency"

    def perturb(self, clean: Windows, level: float, random: Tensor | None) -> Changed:
        """The windows with a dip of that depth in dB."""
        hz = frequencies(clean.samples.shape[1], clean.rate_hz)
        octaves = (hz.clamp_min(1.0) / CENTER_HZ).log2()
        depth = torch.where(octaves.abs() < 0.5, (1 + (2 * math.pi * octaves).cos()) / 2, 0.0)
        samples = shaped(clean.samples, 10 ** (-level * depth / 20))
        return Changed(samples, -gain_db(clean.samples, samples, (octaves.abs() < 1 / 24).double()))
