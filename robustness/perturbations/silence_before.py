"""How long may it have been silent before a word? Digital silence before the window, for models with a memory.

A level is s. Noise estimates and gains of a front-end, and states of a network, settle in it; the neutral level has the card's pre-roll
alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from robustness.conditions import Axis, Preset
from robustness.perturbations.base import PERTURBATIONS
from robustness.perturbations.before import HistoryPerturbation, SaidWord, pause_s


@PERTURBATIONS.register
@dataclass(frozen=True)
class SilenceBefore(HistoryPerturbation):
    """Digital silence before the window."""

    name: ClassVar[str] = "silence-before"
    axis: ClassVar[Axis] = Axis(
        "silence before the window",
        "s",
        (0.25, 0.5, 1.0, 2.0, 4.0),
        neutral=0.0,
        says="{level} of {name} the window",
        neutral_says="no silence before",
    )
    source: ClassVar[str] = "torch.zeros; our choice of levels, doubled from a quarter of a second on"
    preset: ClassVar[Preset] = "standard"

    def sound(self, said: SaidWord, level: float, rng: torch.Generator) -> Tensor:
        """So many seconds of silence, [time]."""
        return torch.zeros(round(level * said.rate_hz))

    def measure(self, said: SaidWord, sound: Tensor) -> float:
        """How long it was silent, in s."""
        return min(pause_s(sound, said.rate_hz), len(sound) / said.rate_hz)
