"""Does the answer return where the recording fades in and out? Its edges against the padding make no click then.

The control takes as much level away, evenly, and leaves the edges as sharp as they were.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from robustness.interventions.base import INTERVENTIONS, EditKind, Intervention, SizesTried, softer_alike
from robustness.interventions.scene import Scene


@INTERVENTIONS.register
@dataclass(frozen=True)
class FadeEdges(Intervention):
    """Half a cosine at each end of the recording."""

    name: ClassVar[str] = "fade-edges"
    kind: ClassVar[EditKind] = "padding"
    sizes_tried: ClassVar[SizesTried] = SizesTried("length of the fade", "ms", (5, 10, 20, 40))
    does: ClassVar[str] = "fading the recording's edges"
    control_does: ClassVar[str] = "the same loss of level, evenly"
    source: ClassVar[str] = "a raised-cosine ramp, torch.hann_window"

    def edit(self, scene: Scene, size: float, draw: int) -> Tensor:
        """A fade of so many ms at each end."""
        start, end = scene.inside
        count = min(scene.count(size), (end - start) // 2)
        ramp = torch.hann_window(2 * count + 2, periodic=False)[1 : count + 1]
        window = scene.window.clone()
        window[start : start + count] *= ramp
        window[end - count : end] *= ramp.flip(0)
        return window

    def control(self, scene: Scene, size: float, draw: int) -> Tensor:
        """The window a little softer."""
        return softer_alike(scene, self.edit(scene, size, draw))
