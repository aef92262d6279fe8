"""Does the answer return where all is softer (−) or louder (+)? Levels are gains in dB; what goes above full scale is not clipped.

The sham goes to that level, is rounded to 16 bits there, and comes back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from torch import Tensor

from robustness.audio.levels import from_decibels
from robustness.interventions.base import INTERVENTIONS, Intervention, Kind, Ladder
from robustness.interventions.scene import Scene

STEPS: Final = 2**15  # of 16 bits, to each side of zero


@INTERVENTIONS.register
@dataclass(frozen=True)
class Gain(Intervention):
    """A gain on the whole window."""

    name: ClassVar[str] = "gain"
    kind: ClassVar[Kind] = "level"
    ladder: ClassVar[Ladder] = Ladder("gain", "dB", (3, -3, 6, -6, 12, -12))
    does: ClassVar[str] = "a gain"
    sham_does: ClassVar[str] = "rounding to 16 bits at that level, and back"
    source: ClassVar[str] = "10^(dB/20); 16-bit rounding by torch.round"

    def edit(self, scene: Scene, size: float, draw: int) -> Tensor:
        """The window at that gain."""
        return scene.window * from_decibels(size)

    def sham(self, scene: Scene, size: float, draw: int) -> Tensor:
        """The window at its own level."""
        gain = from_decibels(size) * STEPS
        return (scene.window * gain).round() / gain
