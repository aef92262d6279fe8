"""Does the answer return with a longer tail? Some of the recording's own floor after it, the word where it was.

The control adds as much of the floor inside the recording, and leaves the padding as it was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from robustness.interventions.base import DRAWS, INTERVENTIONS, EditKind, Intervention, SizesTried, as_strong
from robustness.interventions.scene import Scene


@INTERVENTIONS.register
@dataclass(frozen=True)
class LengthenTail(Intervention):
    """The recording's own floor after the recording, in place of padding."""

    name: ClassVar[str] = "lengthen-tail"
    kind: ClassVar[EditKind] = "padding"
    sizes_tried: ClassVar[SizesTried] = SizesTried("more tail", "ms", (40, 160))
    does: ClassVar[str] = "a longer tail"
    control_does: ClassVar[str] = "as much floor added inside the recording, the padding as it was"
    source: ClassVar[str] = "the remedy at the recorder: stop to record later; floor as in robustness.audio.levels (2026)"
    draws: ClassVar[int] = DRAWS
    control_draws: ClassVar[int] = DRAWS

    def possible(self, scene: Scene, size: float) -> bool:
        """Where there is padding after the recording."""
        return scene.inside.end < scene.samples

    def edit(self, scene: Scene, size: float, draw: int) -> Tensor:
        """So many ms of floor after the recording."""
        end = scene.inside.end
        fill, longer = scene.fill.clone(), slice(end, end + scene.count(size))
        fill[longer] = scene.floor(self.name, draw)[longer]
        return replace(scene, fill=fill).window

    def control(self, scene: Scene, size: float, draw: int) -> Tensor:
        """So many ms of floor on top of the recording's end."""
        start, end = scene.inside
        change, last = torch.zeros_like(scene.window), slice(max(start, end - scene.count(size)), end)
        change[last] = scene.floor(self.name, draw)[last]
        return as_strong(scene, change, self.edit(scene, size, draw))
