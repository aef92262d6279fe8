"""How strong a reflection next to the microphone does the model bear? A table or a wall, 1 ms later: peaks and dips every 1 kHz.

A level is the amplitude of the reflection as a share of the direct sound; what is measured is the reflection that a fit finds in the
window.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import torch
from torch import Tensor

from robustness.audio.placement import Windows
from robustness.conditions import Axis, Family
from robustness.perturbations.base import PERTURBATIONS, Changed, WindowPerturbation
from robustness.perturbations.filtering import FLOOR

DELAY_S: Final = 0.001


@PERTURBATIONS.register
@dataclass(frozen=True)
class Comb(WindowPerturbation):
    """One early reflection."""

    name: ClassVar[str] = "comb"
    family: ClassVar[Family] = "microphone"
    axis: ClassVar[Axis] = Axis(
        "reflection's share of the direct sound", "share", (0.25, 0.5, 0.7, 0.9), neutral=0.0, neutral_says="no reflection"
    )
    source: ClassVar[str] = "Kuttruff (2016), Room Acoustics: the comb of one reflection"

    def perturb(self, clean: Windows, level: float, random: Tensor | None) -> Changed:
        """The windows with that reflection."""
        later = round(DELAY_S * clean.rate_hz)
        reflected = torch.nn.functional.pad(clean.samples, (later, 0))[:, : clean.samples.shape[1]]
        samples = clean.samples + level * reflected
        found = ((samples - clean.samples).double() * reflected).sum(1) / reflected.double().square().sum(1).clamp_min(FLOOR)
        return Changed(samples, found)
