"""Does the answer return where the padding is filled with the recording's own floor? The word where it was.

The control adds as much noise inside the recording, and leaves the padding as it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from robustness.audio.levels import from_decibels
from robustness.interventions.base import DRAWS, INTERVENTIONS, EditKind, Intervention, SizesTried, as_strong
from robustness.interventions.scene import Scene


@INTERVENTIONS.register
@dataclass(frozen=True)
class FillFloor(Intervention):
    """All padding filled with noise that has the spectrum of the recording's quietest tenth, at a level against it."""

    name: ClassVar[str] = "fill-floor"
    kind: ClassVar[EditKind] = "padding"
    sizes_tried: ClassVar[SizesTried] = SizesTried("level against the recording's floor", "dB", (-12, 0))
    does: ClassVar[str] = "filling the padding with the recording's floor"
    control_does: ClassVar[str] = "the same noise inside the recording, the padding as it was"
    source: ClassVar[str] = "shaped noise at the floor's level, torch.fft; as the fill `floor` of the sweep"
    draws: ClassVar[int] = DRAWS
    control_draws: ClassVar[int] = DRAWS

    def possible(self, scene: Scene, size: float) -> bool:
        """Where there is padding."""
        return bool(scene.padding.any())

    def edit(self, scene: Scene, size: float, draw: int) -> Tensor:
        """The padding at that level."""
        noise = scene.floor(self.name, draw) * from_decibels(size)
        return torch.where(scene.padding, noise + scene.added, scene.window)

    def control(self, scene: Scene, size: float, draw: int) -> Tensor:
        """The recording with that noise on top."""
        noise = scene.floor(self.name, draw).masked_fill(scene.padding, 0.0)
        return as_strong(scene, noise, self.edit(scene, size, draw))
