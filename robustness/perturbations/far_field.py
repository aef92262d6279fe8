"""From how far is the model spoken to? The direct sound falls with distance, the sound of the room does not.

A level is the distance in m. The recording is what a microphone hears at 0.3 m. The response has the direct sound at 0.3/distance and a
tail of Gaussian noise that decays in T60 = 0.5 s, as loud at every distance, and equal to the direct sound at 1 m, the critical distance.
What is measured is the distance at which a response has its direct-to-reverberant ratio.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import torch
from torch import Tensor

from robustness.audio.placement import Windows
from robustness.conditions import Axis, Everyday, Family, Preset
from robustness.perturbations.base import PERTURBATIONS, Changed, WindowPerturbation
from robustness.perturbations.rooms import responses_of

NEAR_M: Final = 0.3
CRITICAL_M: Final = 1.0  # where direct and diffuse sound are equally loud
T60_S: Final = 0.5
EVERYDAY: Final = Everyday(0.3, 4.0, "our choice: from an arm's length to across a room of a home")


@PERTURBATIONS.register
@dataclass(frozen=True)
class FarField(WindowPerturbation):
    """A talker at a distance in a room."""

    name: ClassVar[str] = "far-field"
    family: ClassVar[Family] = "room"
    axis: ClassVar[Axis] = Axis(
        "distance", "m", (0.5, 1.0, 2.0, 4.0, 8.0), neutral=NEAR_M, says="{name} at {level}", neutral_says="0.3 m away"
    )
    source: ClassVar[str] = "Kuttruff (2016), Room Acoustics: direct and diffuse sound; the tail is that of Polack (1988)"
    preset: ClassVar[Preset] = "standard"
    everyday: ClassVar[Everyday | None] = EVERYDAY

    draws: ClassVar[int] = 3

    def realization(self, count: int, rate_hz: int, rng: torch.Generator) -> Tensor:
        """The noise of the tail, [count]."""
        return torch.randn(count, generator=rng, dtype=torch.float64)

    def perturb(self, clean: Windows, level: float, random: Tensor | None) -> Changed:
        """The windows as they are heard at that distance in m."""
        if random is None:
            raise TypeError("a room has a tail")
        count = clean.samples.shape[1]
        responses = responses_of(random, clean.rate_hz, T60_S)
        responses = NEAR_M / CRITICAL_M * responses
        responses[:, 0] = NEAR_M / level
        spectrum = torch.fft.rfft(clean.samples.double(), n=2 * count) * torch.fft.rfft(responses, n=2 * count)
        samples = torch.fft.irfft(spectrum, n=2 * count)[:, :count].float()
        direct, diffuse = responses[:, 0].square(), responses[:, 1:].square().sum(1)
        return Changed(samples, CRITICAL_M * (diffuse / direct).sqrt())
