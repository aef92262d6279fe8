"""Does the answer return where all is softer (−) or louder (+)? Levels are gains in dB; what goes above full scale is not clipped.

Beside the usual sizes, the gain that brings the word to the median level of the recordings that are right. The control goes to that level,
is rounded to 16 bits there, comes back, and has its phase turned.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Final

from torch import Tensor

from robustness.audio.levels import from_decibels
from robustness.interventions.base import INTERVENTIONS, EditKind, Intervention, SizesTried, turned_alike
from robustness.interventions.scene import Scene
from robustness.interventions.typical import word_level_dbfs

STEPS: Final = 2**15  # of 16 bits, to each side of zero


@INTERVENTIONS.register
@dataclass(frozen=True)
class Gain(Intervention):
    """A gain on the whole window."""

    name: ClassVar[str] = "gain"
    kind: ClassVar[EditKind] = "level"
    sizes_tried: ClassVar[SizesTried] = SizesTried("gain", "dB", (3, -3, 6, -6, 12, -12, 20, -20, 30, -30, 40, -40), beyond=2.0, mild=12)
    does: ClassVar[str] = "a gain"
    control_does: ClassVar[str] = "rounding to 16 bits at that level, and back, the phase turned"
    source: ClassVar[str] = "10^(dB/20); 16-bit rounding by torch.round"

    def asked_for(self, scene: Scene) -> float | None:
        """The gain that makes the word as loud as those that are right."""
        here = word_level_dbfs(scene.recording, scene.speech)
        return None if scene.typical is None or not math.isfinite(here) else round(scene.typical.level_dbfs - here)

    def possible(self, scene: Scene, size: float) -> bool:
        """Where a mild gain, or one that does not overshoot the level of those that are right by more than that."""
        asked, mild = self.asked_for(scene), self.sizes_tried.mild
        return asked is None or abs(size) <= mild or abs(size - asked) <= mild or min(0, asked) <= size <= max(0, asked)

    def edit(self, scene: Scene, size: float, draw: int) -> Tensor:
        """The window at that gain."""
        return scene.window * from_decibels(size)

    def control(self, scene: Scene, size: float, draw: int) -> Tensor:
        """The window at its own level."""
        gain = from_decibels(size) * STEPS
        return (turned_alike(scene, self.edit(scene, size, draw)).window * gain).round() / gain
