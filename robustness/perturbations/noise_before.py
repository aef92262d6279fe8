"""How loud may it have been before a word? Two seconds of white noise before the window, and none in it, for models with a memory.

A level is the power of the word over that of the noise in dB. What is measured is that of what was made.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Final

import torch
from torch import Tensor

from robustness.audio.levels import SMALLEST_POWER
from robustness.conditions import Axis, Preset
from robustness.perturbations.base import PERTURBATIONS
from robustness.perturbations.before import HistoryPerturbation, SaidWord

NOISE_S: Final = 2.0
GRID_DB: Final = (30.0, 20.0, 10.0, 0.0, -10.0)


@PERTURBATIONS.register
@dataclass(frozen=True)
class NoiseBefore(HistoryPerturbation):
    """White noise before the window, which ends where the window begins."""

    name: ClassVar[str] = "noise-before"
    axis: ClassVar[Axis] = Axis(
        "word over the noise before the window",
        "dB",
        GRID_DB,
        neutral=float("inf"),
        says="{name} the window at {level}",
        neutral_says="no noise before",
    )
    source: ClassVar[str] = "torch.randn; our choice of levels"
    preset: ClassVar[Preset] = "standard"

    draws: ClassVar[int] = 3

    def sound(self, said: SaidWord, level: float, rng: torch.Generator) -> Tensor:
        """The noise, [time]."""
        noise = torch.randn(round(NOISE_S * said.rate_hz), generator=rng)
        return noise * math.sqrt(said.power * 10 ** (-level / 10))

    def measure(self, said: SaidWord, sound: Tensor) -> float:
        """The power of the word over that of the noise, in dB."""
        return float(10 * (said.power / sound.double().square().mean().clamp_min(SMALLEST_POWER)).log10())
