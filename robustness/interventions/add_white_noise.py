"""Does the answer return in a little white noise? Tried because a noise that helps is a sign of padding that is too silent.

SNR in dB inside the word, as in the sweep; from 20 dB on noise costs answers by itself, and is no mild edit. The sham has the same noise in
the padding alone, and leaves the word as it was.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from robustness.audio.colours import white
from robustness.audio.levels import from_decibels
from robustness.interventions.base import DRAWS, INTERVENTIONS, Intervention, Kind, Ladder
from robustness.interventions.scene import Scene


@INTERVENTIONS.register
@dataclass(frozen=True)
class AddWhiteNoise(Intervention):
    """White noise over the whole window."""

    name: ClassVar[str] = "add-white-noise"
    kind: ClassVar[Kind] = "noise"
    ladder: ClassVar[Ladder] = Ladder("signal-to-noise ratio in the word", "dB", (40, 30))
    does: ClassVar[str] = "adding white noise"
    sham_does: ClassVar[str] = "the same noise in the padding alone, the word as it was"
    source: ClassVar[str] = "torch.randn; SNR inside the speech span"
    draws: ClassVar[int] = DRAWS
    sham_draws: ClassVar[int] = DRAWS

    def possible(self, scene: Scene, size: float) -> bool:
        """Where there is any sound to add noise to."""
        return scene.power > 0

    def edit(self, scene: Scene, size: float, draw: int) -> Tensor:
        """The window with noise at that SNR."""
        return scene.window + self._noise(scene, size, draw)

    def sham(self, scene: Scene, size: float, draw: int) -> Tensor:
        """The noise in the padding."""
        return torch.where(scene.padding, scene.window + self._noise(scene, size, draw), scene.window)

    def _noise(self, scene: Scene, size: float, draw: int) -> Tensor:
        noise = white(scene.samples, scene.rate_hz, scene.rng(self.name, draw))
        return noise * (math.sqrt(scene.power) * from_decibels(-size))
