"""Noise added at a signal-to-noise ratio: what every additive noise shares.

SNR in dB = 10·log10(P_speech / P_noise), both as mean power inside the speech span; the noise fills the whole window.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Final

import torch
from torch import Tensor

from robustness.audio.levels import SMALLEST_POWER, span_power
from robustness.audio.placement import Windows
from robustness.conditions import Axis, Everyday, Family
from robustness.perturbations.base import Changed, WindowPerturbation

GRID_DB: Final = (30.0, 20.0, 10.0, 5.0, 0.0, -5.0)
SNR: Final = Axis("signal-to-noise ratio in the word", "dB", GRID_DB, neutral=float("inf"), neutral_says="no noise")
DRAWS: Final = 5
SAID_SNR: Final = Everyday(
    5.0,
    30.0,
    "Olsen (1998), doi:10.1044/1059-0889(1998/012): speech 5 to 15 dB above the noise of schools, homes and stores; 30 dB is our choice",
)


@dataclass(frozen=True)
class AdditiveNoise(WindowPerturbation):
    """Noise of one kind; a plug-in says what a second of it is."""

    family: ClassVar[Family] = "noise"
    axis: ClassVar[Axis] = SNR
    draws: ClassVar[int] = DRAWS

    @abstractmethod
    def noise(self, count: int, rate_hz: int, rng: torch.Generator) -> Tensor:
        """A piece of this noise at any level, [count]."""

    def realization(self, count: int, rate_hz: int, rng: torch.Generator) -> Tensor:
        """The noise of one recording and draw, [count]."""
        return self.noise(count, rate_hz, rng)

    def perturb(self, clean: Windows, level: float, random: Tensor | None) -> Changed:
        """The windows with noise at that SNR in dB."""
        if random is None:
            raise TypeError(f"{self.name} has no noise")
        speech = clean.speech_power
        wanted = speech * 10 ** (-level / 10)
        gain = (wanted / span_power(random, clean.speech).clamp_min(SMALLEST_POWER)).sqrt()
        added = random * gain[:, None].float()
        snr_db = 10 * (speech / span_power(added, clean.speech).clamp_min(SMALLEST_POWER)).log10()
        return Changed(clean.samples + added, snr_db, added)
