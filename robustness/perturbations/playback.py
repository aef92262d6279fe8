"""How loud may the device itself play? Pieces of the user's own music and speech, as they are left after the echo canceller.

The folder is given by `--input playback=DIR`; each file is at least a window long.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from robustness.perturbations.base import PERTURBATIONS
from robustness.perturbations.folders import piece_of
from robustness.perturbations.noise import AdditiveNoise


@PERTURBATIONS.register
@dataclass(frozen=True)
class Playback(AdditiveNoise):
    """A random piece of what a device plays."""

    name: ClassVar[str] = "playback"
    source: ClassVar[str] = "a piece of a folder added by torch: what an echo canceller leaves of what is played; our choice of levels"

    inputs: ClassVar[tuple[str, ...]] = ("playback",)
    draws: ClassVar[int] = 3
    playback: Path | None = None

    def noise(self, count: int, rate_hz: int, rng: torch.Generator) -> Tensor:
        """A piece of one of the files, [count]."""
        return piece_of(self.folder("playback"), count, rate_hz, rng)
