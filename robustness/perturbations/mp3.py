"""How few bits a second of MP3 does the model bear?

A level is kbit/s, asked of libsndfile by its setting with the nearest rate on noise that sounds like speech; what is measured is the rate
of each window's file, without its header. The codec's delay is measured and undone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from robustness.audio.placement import Windows
from robustness.conditions import Axis, Family
from robustness.perturbations.base import PERTURBATIONS, Changed, WindowPerturbation
from robustness.perturbations.coding import codec_at, coded


@PERTURBATIONS.register
@dataclass(frozen=True)
class Mp3(WindowPerturbation):
    """MP3 at a constant bit rate."""

    name: ClassVar[str] = "mp3"
    family: ClassVar[Family] = "channel"
    axis: ClassVar[Axis] = Axis("bit rate", "kbit/s", (64.0, 32.0, 24.0, 16.0, 8.0), neutral=float("inf"), neutral_says="no codec")
    source: ClassVar[str] = "ISO/IEC 11172-3 (1993), MPEG layer III, by libsndfile"

    def perturb(self, clean: Windows, level: float, random: Tensor | None) -> Changed:
        """The windows at that many kbit/s."""
        codec = codec_at("MP3", "MPEG_LAYER_III", level, clean.rate_hz)
        return Changed(*coded(clean.samples, clean.rate_hz, codec))
