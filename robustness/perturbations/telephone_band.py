"""How narrow a band does the model bear? What lies outside the telephone's 300 to 3400 Hz, turned down.

A level is by how many dB it is turned down, without a delay; what is measured is the power outside the band over what it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import torch
from torch import Tensor

from robustness.audio.placement import Windows
from robustness.conditions import Axis, Family, Preset
from robustness.perturbations.base import PERTURBATIONS, Changed, WindowPerturbation
from robustness.perturbations.filtering import frequencies, gain_db, shaped

BAND_HZ: Final = (300.0, 3400.0)
EDGES_HZ: Final = (100.0, 300.0)  # over which the loss grows, below and above


@PERTURBATIONS.register
@dataclass(frozen=True)
class TelephoneBand(WindowPerturbation):
    """What lies outside the telephone band is turned down."""

    name: ClassVar[str] = "telephone-band"
    family: ClassVar[Family] = "channel"
    axis: ClassVar[Axis] = Axis("loss outside 300 to 3400 Hz", "dB", (6.0, 12.0, 20.0, 40.0), neutral=0.0, neutral_says="the whole band")
    source: ClassVar[str] = "ITU-T G.712 (2001): the telephone band of 300 to 3400 Hz"
    preset: ClassVar[Preset] = "standard"

    def perturb(self, clean: Windows, level: float, random: Tensor | None) -> Changed:
        """The windows, that much less of them outside the band."""
        hz = frequencies(clean.samples.shape[1], clean.rate_hz)
        below, above = (BAND_HZ[0] - hz) / EDGES_HZ[0], (hz - BAND_HZ[1]) / EDGES_HZ[1]
        outside = torch.maximum(below, above).clamp(0, 1)
        samples = shaped(clean.samples, 10 ** (-level * outside / 20))
        return Changed(samples, -gain_db(clean.samples, samples, (outside == 1).double()))
