"""How few bits a second of a mobile phone's speech codec does the model bear? AMR narrowband at 8 kHz, between two resamplings.

A level is one of the codec's own bit rates; what is measured is the rate of the packets, each with a byte of head, so it lies up to 0.4
kbit/s and the padding to whole bytes above. The codec's delay is measured and undone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from robustness.audio.placement import Windows
from robustness.conditions import Axis, Family
from robustness.perturbations.base import PERTURBATIONS, Changed, Extra, WindowPerturbation
from robustness.perturbations.coding import FFMPEG, Codec, telephoned


@PERTURBATIONS.register
@dataclass(frozen=True)
class Amr(WindowPerturbation):
    """AMR narrowband at a bit rate, without loss."""

    name: ClassVar[str] = "amr"
    family: ClassVar[Family] = "channel"
    axis: ClassVar[Axis] = Axis("bit rate", "kbit/s", (12.2, 7.95, 4.75), neutral=float("inf"), neutral_says="no codec")
    source: ClassVar[str] = "3GPP TS 26.071 (1999), AMR narrowband, by FFmpeg with OpenCORE"
    extra: ClassVar[Extra | None] = Extra("av", "codecs")

    def perturb(self, clean: Windows, level: float, random: Tensor | None) -> Changed:
        """The windows at that many kbit/s."""
        codec = Codec(FFMPEG, "libopencore_amrnb amrnb", 1000 * level)
        return Changed(*telephoned(clean.samples, clean.rate_hz, codec))
