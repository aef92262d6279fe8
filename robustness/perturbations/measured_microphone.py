"""How much of a real microphone's sound does the model bear? Impulse responses of microphones, from the folder `--input microphones=DIR`.

A level is the share of the response in dB: 1 is the microphone as it was measured, 0.5 has half of each rise and dip, 1.5 half as much
again. Its mean level from 300 to 3,400 Hz is taken out, and so is its delay. What is measured is the share that is found in the windows:
the slope of what became of their spectrum, in dB, over the response's.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

import torch
from torch import Tensor

from robustness.audio.levels import SMALLEST_POWER
from robustness.audio.placement import Windows
from robustness.conditions import Axis, Family
from robustness.perturbations.base import PERTURBATIONS, Changed
from robustness.perturbations.filtering import frequencies, shaped
from robustness.perturbations.responses import ResponsePerturbation

DEEPEST_DB: Final = -60.0
SEEN_DB: Final = -20.0  # below it a spectrum holds what the ends of the window smear
SPEECH_HZ: Final = (300.0, 3400.0)
SHARES: Final = Axis(
    "share of the microphone's response", "share", (0.25, 0.5, 1.0, 1.5), neutral=0.0, neutral_says="no microphone of the folder"
)


@PERTURBATIONS.register
@dataclass(frozen=True)
class MeasuredMicrophone(ResponsePerturbation):
    """A microphone of the folder, another for each recording, the same at every level."""

    name: ClassVar[str] = "measured-microphone"
    family: ClassVar[Family] = "microphone"
    axis: ClassVar[Axis] = SHARES
    source: ClassVar[str] = "torch.fft: the gain of a response without its delay; our choice of levels; given by --input microphones=DIR"
    inputs: ClassVar[tuple[str, ...]] = ("microphones",)
    microphones: Path | None = None

    def realization(self, count: int, rate_hz: int, rng: torch.Generator) -> Tensor:
        """The gain of a microphone in dB, at `frequencies`, [count + 1]."""
        samples = self.one_of(rate_hz, rng).double()[: 2 * count]
        return gain_db(samples, count, rate_hz)

    def perturb(self, clean: Windows, level: float, random: Tensor | None) -> Changed:
        """The windows through that share of the microphone."""
        if random is None:
            raise TypeError("a microphone has a response")
        samples = shaped(clean.samples, 10 ** (level * random / 20))
        return Changed(samples, found_share(clean.samples, samples, random))


def gain_db(response: Tensor, count: int, rate_hz: int) -> Tensor:
    """The gain of a response over its mean level in the band of speech, in dB at `frequencies`, [time] → [count + 1]."""
    power = torch.fft.rfft(response, n=2 * count).abs().square()
    hz = frequencies(count, rate_hz)
    band = (hz >= SPEECH_HZ[0]) & (hz <= SPEECH_HZ[1])
    levels = 10 * (power / power[band].mean().clamp_min(SMALLEST_POWER)).clamp_min(SMALLEST_POWER).log10()
    bounded: Tensor = levels.clamp_min(DEEPEST_DB)
    return bounded


def found_share(before: Tensor, after: Tensor, gain: Tensor) -> Tensor:
    """The slope of what became of the spectrum over the gain of the microphone, both in dB, [clips time] … → [clips].

    Weighted by the power of the windows before, so that what holds no sound says nothing.
    """
    count = before.shape[1]
    powers = [torch.fft.rfft(some.double(), n=2 * count).abs().square() for some in (before, after)]
    became = 10 * (powers[1].clamp_min(SMALLEST_POWER) / powers[0].clamp_min(SMALLEST_POWER)).log10()
    weight = powers[0] * (gain > SEEN_DB)
    slope: Tensor = (weight * gain * became).sum(1) / (weight * gain.square()).sum(1).clamp_min(SMALLEST_POWER)
    return slope
