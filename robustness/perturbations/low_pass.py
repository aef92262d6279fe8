"""How much of the treble may be lost? A covered microphone, a cheap one, or one behind cloth.

A level is the frequency in Hz at which a Butterworth filter of order 4 is at −3 dB; what is measured is where its impulse response is.
Above half the sampling rate there is nothing to filter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
import scipy.signal
import torch
from torch import Tensor

from robustness.audio.placement import Windows
from robustness.conditions import Axis, Family, Preset
from robustness.perturbations.base import PERTURBATIONS, Changed, WindowPerturbation
from robustness.perturbations.filtering import corner_hz

ORDER: Final = 4


@PERTURBATIONS.register
@dataclass(frozen=True)
class LowPass(WindowPerturbation):
    """What lies above a frequency is lost."""

    name: ClassVar[str] = "low-pass"
    family: ClassVar[Family] = "microphone"
    axis: ClassVar[Axis] = Axis(
        "corner at −3 dB", "Hz", (6000.0, 4000.0, 3000.0, 2000.0, 1000.0), neutral=float("inf"), neutral_says="nothing lost"
    )
    source: ClassVar[str] = "Butterworth (1930); scipy.signal.butter of order 4"
    preset: ClassVar[Preset] = "standard"

    def perturb(self, clean: Windows, level: float, random: Tensor | None) -> Changed:
        """The windows behind the filter with that corner in Hz."""
        count, rate_hz = clean.samples.shape[1], clean.rate_hz
        if 2 * level >= rate_hz:
            return Changed(clean.samples, torch.full((len(clean.ids),), rate_hz / 2, dtype=torch.float64))
        sections = scipy.signal.butter(ORDER, level, "low", fs=rate_hz, output="sos")
        click = np.eye(1, count)
        heard = torch.from_numpy(scipy.signal.sosfilt(sections, np.concatenate([clean.samples.double().numpy(), click]), axis=1))
        corner = corner_hz(heard[-1], rate_hz, above=True)
        return Changed(heard[:-1].float(), torch.full((len(clean.ids),), corner, dtype=torch.float64))
