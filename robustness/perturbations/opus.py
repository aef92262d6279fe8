"""How few bits a second of Opus does the model bear?

A level is kbit/s, asked of libsndfile by its setting with the nearest rate on noise that sounds like speech; what is measured is the rate
of each window's file, without its header. The codec's delay is measured and undone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from robustness.audio.placement import Windows
from robustness.conditions import Axis, Everyday, Family
from robustness.perturbations.base import PERTURBATIONS, Changed, WindowPerturbation
from robustness.perturbations.coding import codec_at, coded


@PERTURBATIONS.register
@dataclass(frozen=True)
class Opus(WindowPerturbation):
    """Opus at a bit rate, without loss."""

    name: ClassVar[str] = "opus"
    family: ClassVar[Family] = "channel"
    axis: ClassVar[Axis] = Axis("bit rate", "kbit/s", (64.0, 32.0, 16.0, 10.0, 6.0), neutral=float("inf"), neutral_says="no codec")
    source: ClassVar[str] = "RFC 6716 (2012), Opus, by libsndfile"
    everyday: ClassVar[Everyday | None] = Everyday(
        16.0, 64.0, "RFC 7587 (2015), section 3.1.1: 16 to 20 kbit/s for wideband speech; more is our choice"
    )

    def perturb(self, clean: Windows, level: float, random: Tensor | None) -> Changed:
        """The windows at that many kbit/s."""
        codec = codec_at("OGG", "OPUS", level, clean.rate_hz)
        return Changed(*coded(clean.samples, clean.rate_hz, codec))
