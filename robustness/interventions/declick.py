"""Does the answer return without clicks? The sharpest few bends of the waveform are bridged by a straight line.

A click is where the second difference is 30 times the median around it, for 3 ms at most. The size is how many are taken out, the sharpest
first. The control takes the same clicks out and puts them elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Final

import torch
from torch import Tensor

from robustness.audio.levels import Span
from robustness.audio.measurements import clicks_in
from robustness.interventions.base import INTERVENTIONS, EditKind, Intervention, SizesTried
from robustness.interventions.scene import Scene

ELSEWHERE_MS: Final = 61.0


@INTERVENTIONS.register
@dataclass(frozen=True)
class Declick(Intervention):
    """The recording without its sharpest clicks."""

    name: ClassVar[str] = "declick"
    kind: ClassVar[EditKind] = "noise"
    sizes_tried: ClassVar[SizesTried] = SizesTried("clicks taken out", "clicks", (1, 4, 16))
    does: ClassVar[str] = "taking clicks out"
    control_does: ClassVar[str] = "the same clicks elsewhere"
    source: ClassVar[str] = "Godsill & Rayner (1998), Digital Audio Restoration: outliers of a prediction, here of a straight line"

    def possible(self, scene: Scene, size: float) -> bool:
        """Where there are clicks, and not fewer than a smaller size takes out."""
        smaller = max((step for step in self.sizes_tried.sizes if step < size), default=0)
        return len(clicks_of(scene)) > smaller

    def near(self, size: float) -> tuple[float, ...]:
        """None: there are so many clicks."""
        return ()

    def edit(self, scene: Scene, size: float, draw: int) -> Tensor:
        """Without the sharpest."""
        return scene.resounding(bridged(scene.recording, clicks_of(scene)[: int(size)])).window

    def control(self, scene: Scene, size: float, draw: int) -> Tensor:
        """With them elsewhere."""
        clean = bridged(scene.recording, clicks_of(scene)[: int(size)])
        moved = (scene.recording - clean).roll(scene.count(ELSEWHERE_MS))
        return scene.resounding(clean + moved).window


@lru_cache(maxsize=16)
def clicks_of(scene: Scene) -> list[Span]:
    """From where to where each click of the recording is bridged, the sharpest first, in samples."""
    return clicks_in(scene.recording, scene.rate_hz)


def bridged(samples: Tensor, spans: list[Span]) -> Tensor:
    """The samples with a straight line over each span."""
    made = samples.clone()
    for start, end in spans:
        made[start : end + 1] = torch.linspace(float(samples[start]), float(samples[end]), end - start + 1)
    return made
