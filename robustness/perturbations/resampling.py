"""How low a sampling rate does the model bear? To that rate and back.

A level is the rate in Hz in between; what is measured is how many samples a second there were. A rate that is not below the model's
changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import torch
import torchaudio.functional as audio
from torch import Tensor

from robustness.audio.placement import Windows
from robustness.conditions import Axis, Family
from robustness.perturbations.base import PERTURBATIONS, Changed, WindowPerturbation

WIDTH: Final = 32  # zero crossings of the sinc on each side


@PERTURBATIONS.register
@dataclass(frozen=True)
class Resampling(WindowPerturbation):
    """A lower sampling rate on the way."""

    name: ClassVar[str] = "resampling"
    family: ClassVar[Family] = "channel"
    axis: ClassVar[Axis] = Axis(
        "sampling rate on the way", "Hz", (12000.0, 8000.0, 6000.0, 4000.0), neutral=float("inf"), neutral_says="no resampling"
    )
    source: ClassVar[str] = "torchaudio.functional.resample: windowed sinc, Smith (1984)"

    def perturb(self, clean: Windows, level: float, random: Tensor | None) -> Changed:
        """The windows at that rate and back."""
        count, rate_hz = clean.samples.shape[1], clean.rate_hz
        if level >= rate_hz:
            return Changed(clean.samples, torch.full((len(clean.ids),), float(rate_hz), dtype=torch.float64))
        narrow = audio.resample(clean.samples, rate_hz, round(level), lowpass_filter_width=WIDTH)
        samples = audio.resample(narrow, round(level), rate_hz, lowpass_filter_width=WIDTH)
        samples = torch.nn.functional.pad(samples, (0, max(0, count - samples.shape[1])))[:, :count]
        return Changed(samples, torch.full((len(clean.ids),), narrow.shape[1] * rate_hz / count, dtype=torch.float64))
