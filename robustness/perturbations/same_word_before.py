"""How soon may a word be said again? The same word before the window, for models with a memory.

A level is the pause in s from the end of the earlier word to the beginning of the window. What is measured is how long it was silent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from robustness.conditions import Axis, Preset
from robustness.perturbations.base import PERTURBATIONS
from robustness.perturbations.before import GAP, HistoryPerturbation, SaidWord, pause_s, spoken_before


@PERTURBATIONS.register
@dataclass(frozen=True)
class SameWordBefore(HistoryPerturbation):
    """The recording's own word once before the window, as loud as it is in it."""

    name: ClassVar[str] = "same-word-before"
    axis: ClassVar[Axis] = GAP
    source: ClassVar[str] = "torch.nn.functional.pad; our choice of levels"
    preset: ClassVar[Preset] = "standard"

    def sound(self, said: SaidWord, level: float, rng: torch.Generator) -> Tensor:
        """The word and the pause, [time]."""
        return spoken_before(said.samples, said.rate_hz, level)

    def measure(self, said: SaidWord, sound: Tensor) -> float:
        """The pause in s."""
        return pause_s(sound, said.rate_hz)
