"""How few bits a sample of ADPCM does the model bear? Differences in steps that adapt: a voice recorder, a cordless phone.

A level is kbit/s: 4, 3 or 2 bits for each of 8000 samples a second; what is measured is the rate of each window's file, without its
header. The codec's delay is measured and undone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from robustness.audio.placement import Windows
from robustness.conditions import Axis, Family
from robustness.perturbations.base import PERTURBATIONS, Changed, WindowPerturbation
from robustness.perturbations.coding import Codec, telephoned


@PERTURBATIONS.register
@dataclass(frozen=True)
class Adpcm(WindowPerturbation):
    """Adaptive differences of 4, 3 or 2 bits."""

    name: ClassVar[str] = "adpcm"
    family: ClassVar[Family] = "channel"
    axis: ClassVar[Axis] = Axis("bit rate", "kbit/s", (32.0, 24.0, 16.0), neutral=float("inf"), neutral_says="no codec")
    source: ClassVar[str] = "NMS ADPCM after ITU-T G.726 (1990), by libsndfile"

    def perturb(self, clean: Windows, level: float, random: Tensor | None) -> Changed:
        """The windows at that many kbit/s."""
        codec = Codec("WAV", f"NMS_ADPCM_{round(level)}")
        return Changed(*telephoned(clean.samples, clean.rate_hz, codec))
