"""Does the answer return after a longer lead-in? Some of the recording's own floor before it, so that the word begins later.

The control appends as much of the floor after the recording and turns its phase, the word where it was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from torch import Tensor

from robustness.interventions.base import DRAWS, INTERVENTIONS, EditKind, Intervention, SizesTried, turned_alike
from robustness.interventions.scene import Scene


@INTERVENTIONS.register
@dataclass(frozen=True)
class LengthenLeadIn(Intervention):
    """The recording's own floor before the recording, which begins later by as much."""

    name: ClassVar[str] = "lengthen-lead-in"
    kind: ClassVar[EditKind] = "placement"
    sizes_tried: ClassVar[SizesTried] = SizesTried("more lead-in", "ms", (40, 80, 160))
    does: ClassVar[str] = "a longer lead-in"
    control_does: ClassVar[str] = "as much floor after the recording and its phase turned, the word where it was"
    source: ClassVar[str] = "the remedy at the recorder: start to record earlier; floor as in robustness.audio.levels (2026)"
    draws: ClassVar[int] = DRAWS
    control_draws: ClassVar[int] = DRAWS

    def possible(self, scene: Scene, size: float) -> bool:
        """Where the word stays whole."""
        return scene.keeps_word(scene.count(size))

    def edit(self, scene: Scene, size: float, draw: int) -> Tensor:
        """So many ms of floor before the recording, from where it began on."""
        later = scene.moved(scene.count(size))
        return floored(later, scene.inside.start, later.inside.start, scene.floor(self.name, draw))

    def control(self, scene: Scene, size: float, draw: int) -> Tensor:
        """So many ms of floor after the recording."""
        end = scene.inside.end
        turned = turned_alike(scene, self.edit(scene, size, draw))
        return floored(turned, end, end + scene.count(size), scene.floor(self.name, draw))


def floored(scene: Scene, start: int, end: int, floor: Tensor) -> Tensor:
    """The scene's window with some of its fill replaced by floor."""
    fill = scene.fill.clone()
    fill[start:end] = floor[start:end]
    return replace(scene, fill=fill).window
