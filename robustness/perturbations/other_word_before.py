"""How soon may a word follow another one? Another word before the window, for models with a memory.

A level is the pause in s from the end of the earlier word to the beginning of the window. The words are those of `--input talkers=DIR`, one
a file, drawn for each recording and made as loud as its own word. What is measured is how long it was silent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from robustness.conditions import Axis, Preset
from robustness.perturbations.base import PERTURBATIONS
from robustness.perturbations.before import GAP, HistoryPerturbation, SaidWord, pause_s, spoken_before
from robustness.perturbations.folders import spoken, talkers_in


@PERTURBATIONS.register
@dataclass(frozen=True)
class OtherWordBefore(HistoryPerturbation):
    """A word of somebody else once before the window."""

    name: ClassVar[str] = "other-word-before"
    axis: ClassVar[Axis] = GAP
    source: ClassVar[str] = "torch.nn.functional.pad; our choice of levels; the words are given by --input talkers=DIR"
    preset: ClassVar[Preset] = "standard"
    inputs: ClassVar[tuple[str, ...]] = ("talkers",)
    draws: ClassVar[int] = 3
    talkers: Path | None = None

    def sound(self, said: SaidWord, level: float, rng: torch.Generator) -> Tensor:
        """A word of the folder and the pause, [time]."""
        paths = talkers_in(self.folder("talkers"))
        other = spoken(paths[int(torch.randint(len(paths), (), generator=rng))], said.rate_hz)
        return spoken_before(other * math.sqrt(said.power), said.rate_hz, level)

    def measure(self, said: SaidWord, sound: Tensor) -> float:
        """The pause in s."""
        return pause_s(sound, said.rate_hz)
