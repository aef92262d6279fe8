"""How much of a constant offset does the model bear? A microphone whose rest is not at zero.

A level is the offset in % of full scale, added to the whole window.
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
class ConstantOffset(WindowPerturbation):
    """A constant added to every sample."""

    name: ClassVar[str] = "constant-offset"
    family: ClassVar[Family] = "microphone"
    axis: ClassVar[Axis] = Axis("constant offset", "% of full scale", (0.3, 1.0, 3.0, 10.0, 30.0), neutral=0.0, neutral_says="no offset")
    source: ClassVar[str] = "torch.add of a constant; levels in half decades of full scale"

    def perturb(self, clean: Windows, level: float, random: Tensor | None) -> Changed:
        """The windows with that offset."""
        added = torch.full_like(clean.samples, level / 100)
        samples = clean.samples + added
        return Changed(samples, 100 * (samples.double() - clean.samples.double()).mean(1), added)
