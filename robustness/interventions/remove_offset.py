"""Does the answer return without a constant offset? Fitted on the recording alone, where it is soft, and subtracted.

The control adds a slow swell of as much energy, and leaves the offset.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Final

import torch
from torch import Tensor

from robustness.audio.steady_tones import offset_of
from robustness.interventions.base import INTERVENTIONS, EditKind, Intervention, SizesTried
from robustness.interventions.scene import Scene

LEAST: Final = 2.0**-10  # −60 dBFS: less is no offset
SWELL_HZ: Final = 7.0


@INTERVENTIONS.register
@dataclass(frozen=True)
class RemoveOffset(Intervention):
    """The recording less its offset."""

    name: ClassVar[str] = "remove-offset"
    kind: ClassVar[EditKind] = "noise"
    sizes_tried: ClassVar[SizesTried] = SizesTried("of the offset", "%", (50, 100))
    does: ClassVar[str] = "removing the offset"
    control_does: ClassVar[str] = "a swell of as much energy, the offset as it was"
    source: ClassVar[str] = "weighted least squares, torch.linalg.solve"

    def possible(self, scene: Scene, size: float) -> bool:
        """Where there is an offset."""
        return abs(offset_of(scene.recording, scene.rate_hz)) > LEAST

    def near(self, size: float) -> tuple[float, ...]:
        """None: there is one offset."""
        return ()

    def edit(self, scene: Scene, size: float, draw: int) -> Tensor:
        """Without that share of it."""
        taken = offset_of(scene.recording, scene.rate_hz) * size / 100
        return scene.resounding(scene.recording - taken).window

    def control(self, scene: Scene, size: float, draw: int) -> Tensor:
        """With a swell beside it."""
        taken = offset_of(scene.recording, scene.rate_hz) * size / 100
        time = torch.arange(len(scene.recording)) / scene.rate_hz
        swell = math.sqrt(2) * (2 * math.pi * SWELL_HZ * time).cos()
        return scene.resounding(scene.recording + taken * swell).window
