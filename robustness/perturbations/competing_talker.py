"""How loud may one other person talk? Recordings of one talker after the other, drawn from a folder.

The folder is given by `--input talkers=DIR`: recordings of other people than those who are tested, one word or sentence a file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from robustness.conditions import Everyday, Preset
from robustness.perturbations.base import PERTURBATIONS
from robustness.perturbations.folders import talker
from robustness.perturbations.noise import SAID_SNR, AdditiveNoise


@PERTURBATIONS.register
@dataclass(frozen=True)
class CompetingTalker(AdditiveNoise):
    """One other person who talks."""

    name: ClassVar[str] = "competing-talker"
    source: ClassVar[str] = "Brungart (2001), JASA 109: one competing talker at a signal-to-noise ratio"
    preset: ClassVar[Preset] = "standard"
    everyday: ClassVar[Everyday | None] = SAID_SNR

    inputs: ClassVar[tuple[str, ...]] = ("talkers",)
    draws: ClassVar[int] = 3
    talkers: Path | None = None

    def noise(self, count: int, rate_hz: int, rng: torch.Generator) -> Tensor:
        """What one talker says, [count]."""
        return talker(self.folder("talkers"), count, rate_hz, rng)
