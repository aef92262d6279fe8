"""How much of a room does the model bear? The recording as a room with that reverberation time gives it back.

A level is T60 in s, the time in which the sound of a room falls by 60 dB. The impulse response is the direct sound and, from 2.5 ms on, a
tail of Gaussian noise under the envelope 10^(−3·t/T60) (Polack's model), as loud as the direct sound together: the speaker stands at the
critical distance, whatever the level. What was said before the window is not there, so nothing reverberates into its start.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from robustness.audio.placement import Windows
from robustness.conditions import Axis, Family, Preset
from robustness.perturbations.base import PERTURBATIONS, Changed, WindowPerturbation
from robustness.perturbations.rooms import measured_t60_s, responses_of


@PERTURBATIONS.register
@dataclass(frozen=True)
class Reverberation(WindowPerturbation):
    """A synthetic diffuse room, another for each draw."""

    name: ClassVar[str] = "reverberation"
    family: ClassVar[Family] = "room"
    axis: ClassVar[Axis] = Axis("reverberation time T60", "s", (0.2, 0.4, 0.6, 0.9, 1.3), neutral=0.0, neutral_says="no room")
    source: ClassVar[str] = "Polack (1988), exponential decay of Gaussian noise; T60 measured by Schroeder (1965), fitted as ISO 3382-1"
    preset: ClassVar[Preset] = "standard"
    draws: ClassVar[int] = 3

    def realization(self, count: int, rate_hz: int, rng: torch.Generator) -> Tensor:
        """The noise of the tail, [count]."""
        return torch.randn(count, generator=rng, dtype=torch.float64)

    def perturb(self, clean: Windows, level: float, random: Tensor | None) -> Changed:
        """The windows in a room with that T60 in s."""
        if random is None:
            raise TypeError("a room has a tail")
        count = clean.samples.shape[1]
        responses = responses_of(random, clean.rate_hz, level)
        spectrum = torch.fft.rfft(clean.samples.double(), n=2 * count) * torch.fft.rfft(responses, n=2 * count)
        samples = torch.fft.irfft(spectrum, n=2 * count)[:, :count].float()
        return Changed(samples, measured_t60_s(responses, clean.rate_hz))
