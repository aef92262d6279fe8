"""What does a device's automatic gain control do to a word? WebRTC's, which turns quiet words up and presses loud ones down.

A level is for how many s the same talker has spoken before: the control hears the word again and again, without pauses, and then the
window. Its gain starts at 7 dB and settles in about 8 s, where a quiet word comes out 12 dB louder and one near full scale as it was,
pressed by the limiter. The package has no other control; its delay is measured and undone. It works at 16 kHz on 16-bit samples, between
two resamplings for a window of another rate. The seconds are counted, not measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from robustness.audio.placement import Windows
from robustness.conditions import Axis, Family
from robustness.perturbations.base import PERTURBATIONS, Changed, Extra, WindowPerturbation
from robustness.perturbations.processing import Processing, processed


@PERTURBATIONS.register
@dataclass(frozen=True)
class GainControl(WindowPerturbation):
    """WebRTC's automatic gain control in the path."""

    name: ClassVar[str] = "gain-control"
    family: ClassVar[Family] = "level"
    axis: ClassVar[Axis] = Axis(
        "speech that a gain control has heard before", "s", (1.0, 2.0, 4.0, 8.0), neutral=0.0, neutral_says="no gain control"
    )
    source: ClassVar[str] = "WebRTC's audio processing (Google, 2011), by webrtc-noise-gain; our choice of levels"
    extra: ClassVar[Extra | None] = Extra("webrtc_noise_gain", "device")

    def perturb(self, clean: Windows, level: float, random: Tensor | None) -> Changed:
        """The windows after the gain control that has heard the talker for so many s."""
        count = clean.samples.shape[1]
        spans = [(max(0, start), min(count, end)) for start, end in clean.speech.tolist()]
        words = [clip[start:end] if start < end else clip for clip, (start, end) in zip(clean.samples, spans, strict=True)]
        length = round(level * clean.rate_hz)
        spoken = [word.repeat(-(-length // len(word)))[-length:] for word in words]
        return Changed(processed(clean.samples, clean.rate_hz, Processing(gain_control=True), spoken))
