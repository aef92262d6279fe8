"""How soon may a word be said again? The same word before the window, for models with a memory.

A level is the pause in s from the end of the earlier word to the beginning of the window. What is measured is how long it was silent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from robustness.conditions import Preset
from robustness.perturbations.base import PERTURBATIONS
from robustness.perturbations.before import SaidWord, WordBefore


@PERTURBATIONS.register
@dataclass(frozen=True)
class SameWordBefore(WordBefore):
    """The recording's own word once before the window, as loud as it is in it."""

    name: ClassVar[str] = "same-word-before"
    source: ClassVar[str] = "torch.nn.functional.pad; our choice of levels"
    preset: ClassVar[Preset] = "standard"

    def word(self, said: SaidWord, rng: torch.Generator) -> Tensor:
        """The recording's own, [time]."""
        return said.samples
