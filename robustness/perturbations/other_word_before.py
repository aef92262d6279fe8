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

from robustness.conditions import Preset
from robustness.perturbations.base import PERTURBATIONS
from robustness.perturbations.before import SaidWord, WordBefore
from robustness.perturbations.folders import spoken, talkers_in


@PERTURBATIONS.register
@dataclass(frozen=True)
class OtherWordBefore(WordBefore):
    """A word of somebody else once before the window."""

    name: ClassVar[str] = "other-word-before"
    source: ClassVar[str] = "torch.nn.functional.pad; our choice of levels; the words are given by --input talkers=DIR"
    preset: ClassVar[Preset] = "standard"
    inputs: ClassVar[tuple[str, ...]] = ("talkers",)
    draws: ClassVar[int] = 3
    talkers: Path | None = None

    def word(self, said: SaidWord, rng: torch.Generator) -> Tensor:
        """One of the folder, as loud as the recording's own, [time]."""
        paths = talkers_in(self.folder("talkers"))
        other = spoken(paths[int(torch.randint(len(paths), (), generator=rng))], said.rate_hz)
        return other * math.sqrt(said.power)
