"""How few bits a second of a recorder's simplest codec does the model bear? IMA ADPCM, 4 bits a sample, at lower and lower rates.

A level is kbit/s: four times the rate in kHz at which the codec runs, between two resamplings. What is measured is the rate of the file
without its header; the codec pads its last block, and what is padded is cut.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from torch import Tensor

from robustness.audio.placement import Windows
from robustness.conditions import Axis, Family
from robustness.perturbations.base import PERTURBATIONS, Changed, WindowPerturbation
from robustness.perturbations.coding import Codec, coded_at

BITS: Final = 4


@PERTURBATIONS.register
@dataclass(frozen=True)
class ImaAdpcm(WindowPerturbation):
    """IMA ADPCM at a bit rate."""

    name: ClassVar[str] = "ima-adpcm"
    family: ClassVar[Family] = "channel"
    axis: ClassVar[Axis] = Axis("bit rate", "kbit/s", (64.0, 48.0, 32.0, 24.0), neutral=float("inf"), neutral_says="no codec")
    source: ClassVar[str] = "IMA Digital Audio Focus and Technical Working Groups (1992): 4 bits a sample, by libsndfile"

    def perturb(self, clean: Windows, level: float, random: Tensor | None) -> Changed:
        """The windows at that many kbit/s."""
        return Changed(*coded_at(clean.samples, clean.rate_hz, Codec("WAV", "IMA_ADPCM"), round(1000 * level / BITS)))
