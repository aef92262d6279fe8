"""How much of several people talking does the model bear? Eight talkers at once, drawn from a folder of recordings.

The folder is given by `--input talkers=DIR`: recordings of other people than those who are tested, one word or sentence a file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

import torch
from torch import Tensor

from robustness.conditions import Everyday, Preset
from robustness.perturbations.base import PERTURBATIONS
from robustness.perturbations.folders import talker
from robustness.perturbations.noise import SAID_SNR, AdditiveNoise

TALKERS: Final = 8


@PERTURBATIONS.register
@dataclass(frozen=True)
class Babble(AdditiveNoise):
    """Several talkers at once."""

    name: ClassVar[str] = "babble"
    source: ClassVar[str] = "Simpson & Cooke (2005), JASA 118: consonants are hardest to tell in babble of 6 to 128 talkers"
    preset: ClassVar[Preset] = "standard"
    everyday: ClassVar[Everyday | None] = SAID_SNR

    inputs: ClassVar[tuple[str, ...]] = ("talkers",)
    draws: ClassVar[int] = 3
    talkers: Path | None = None

    def noise(self, count: int, rate_hz: int, rng: torch.Generator) -> Tensor:
        """So many talkers, equally loud, [count]."""
        return torch.stack([talker(self.folder("talkers"), count, rate_hz, rng) for _ in range(TALKERS)]).sum(0)
