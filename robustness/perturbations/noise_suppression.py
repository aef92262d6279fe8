"""What does a device's own noise suppression do to a word? WebRTC's, from its mildest to its strongest setting.

A level is the setting, 1 to 4. The suppressor hears the window twice and is listened to the second time, as one that has been running; its
delay is measured and undone. It works at 16 kHz on 16-bit samples, between two resamplings for a window of another rate. How strong it is
in a room is not measured: it depends on the noise.
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
class NoiseSuppression(WindowPerturbation):
    """WebRTC's noise suppression in the path."""

    name: ClassVar[str] = "noise-suppression"
    family: ClassVar[Family] = "microphone"
    axis: ClassVar[Axis] = Axis("setting of the suppressor", "of 4", (1.0, 2.0, 3.0, 4.0), neutral=0.0, neutral_says="no suppression")
    source: ClassVar[str] = "WebRTC's audio processing (Google, 2011), by webrtc-noise-gain"
    extra: ClassVar[Extra | None] = Extra("webrtc_noise_gain", "device")

    def perturb(self, clean: Windows, level: float, random: Tensor | None) -> Changed:
        """The windows after the suppressor at that setting."""
        return Changed(processed(clean.samples, clean.rate_hz, Processing(suppression=round(level))))
