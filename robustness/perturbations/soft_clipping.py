"""How much soft clipping does the model bear? A loudspeaker, a limiter or an amplifier that gives way: y = a·tanh(x/a).

A level is by how many dB the window's peak is pressed down; quiet samples stay as they are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import scipy.optimize
from torch import Tensor

from robustness.audio.levels import from_decibels
from robustness.audio.placement import Windows
from robustness.conditions import Axis, Family
from robustness.perturbations.base import PERTURBATIONS, Changed, WindowPerturbation
from robustness.perturbations.filtering import FLOOR


@PERTURBATIONS.register
@dataclass(frozen=True)
class SoftClipping(WindowPerturbation):
    """The peaks pressed down by a hyperbolic tangent."""

    name: ClassVar[str] = "soft-clipping"
    family: ClassVar[Family] = "microphone"
    axis: ClassVar[Axis] = Axis("peak pressed down by", "dB", (1.0, 3.0, 6.0, 10.0, 15.0), neutral=0.0, neutral_says="nothing pressed down")
    source: ClassVar[str] = "Yeh (2009), Digital implementation of musical distortion circuits: tanh as a memoryless saturation"

    def perturb(self, clean: Windows, level: float, random: Tensor | None) -> Changed:
        """The windows, their peaks pressed down by so many dB."""
        peaks = clean.samples.abs().amax(1, keepdim=True).double().clamp_min(FLOOR)
        knees = peaks / drive(from_decibels(-level))
        samples = (knees * (clean.samples.double() / knees).tanh()).float()
        return Changed(samples, 20 * (peaks[:, 0] / samples.abs().amax(1).double().clamp_min(FLOOR)).log10())


@lru_cache
def drive(ratio: float) -> float:
    """U with tanh(u) / u = ratio, for a ratio below 1."""
    return float(scipy.optimize.brentq(lambda u: math.tanh(u) / u - ratio, 1e-6, 1 / ratio))
