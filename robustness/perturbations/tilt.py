"""How bright or dull may a microphone be? A straight slope over the octaves; the word's power stays as it was.

A level is dB an octave, counted up (+, brighter) or down; below 62.5 Hz the gain stays. What is measured is the slope of a line through
the gains of the octaves from 125 Hz on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Final

import torch
from torch import Tensor

from robustness.audio.levels import span_power
from robustness.audio.placement import Windows
from robustness.conditions import Axis, Family, Preset
from robustness.perturbations.base import PERTURBATIONS, Changed, WindowPerturbation
from robustness.perturbations.filtering import FLOOR, frequencies, shaped

LOWEST_HZ: Final = 62.5
PIVOT_HZ: Final = 1000.0


@PERTURBATIONS.register
@dataclass(frozen=True)
class Tilt(WindowPerturbation):
    """A slope over frequency."""

    name: ClassVar[str] = "tilt"
    family: ClassVar[Family] = "microphone"
    axis: ClassVar[Axis] = Axis("tilt", "dB an octave", (-1.5, 1.5, -3.0, 3.0, -6.0, 6.0), neutral=0.0, says="{name} of {signed}")
    source: ClassVar[str] = "torch.fft: a straight line in dB over log frequency; levels from 1.5 dB an octave on, doubled"
    preset: ClassVar[Preset] = "standard"

    def perturb(self, clean: Windows, level: float, random: Tensor | None) -> Changed:
        """The windows with that slope in dB an octave."""
        hz = frequencies(clean.samples.shape[1], clean.rate_hz)
        tilted = shaped(clean.samples, 10 ** (level * (hz.clamp_min(LOWEST_HZ) / PIVOT_HZ).log2() / 20))
        powers = [span_power(some, clean.speech).clamp_min(FLOOR) for some in (clean.samples, tilted)]
        samples = tilted * (powers[0] / powers[1]).sqrt()[:, None].float()
        return Changed(samples, slope_db(clean.samples, samples, clean.rate_hz))


def slope_db(before: Tensor, after: Tensor, rate_hz: int) -> Tensor:
    """The slope of what a filter did in dB an octave, [clips time], [clips time] → [clips]: a line through the gains of octaves."""
    hz = frequencies(before.shape[1], rate_hz)
    centers = [125.0 * 2**octave for octave in range(int(math.log2(rate_hz / 2 / 125)) + 1) if 125.0 * 2**octave * 1.1 < rate_hz / 2]
    bands = torch.stack([((hz > center / 1.1) & (hz < center * 1.1)).double() for center in centers], 1)
    powers = [torch.fft.rfft(some.double(), n=2 * before.shape[1]).abs().square() @ bands for some in (before, after)]
    gains = 10 * (powers[1].clamp_min(FLOOR) / powers[0].clamp_min(FLOOR)).log10()
    octaves = torch.arange(len(centers), dtype=torch.float64)
    octaves = octaves - octaves.mean()
    slopes: Tensor = (gains * octaves).sum(1) / octaves.square().sum()
    return slopes
