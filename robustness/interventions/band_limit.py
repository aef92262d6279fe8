"""Does the answer return without the highest frequencies? As a narrower channel or microphone would have it.

The size is the share of the band that is kept, in percent. The control takes as much level away, evenly over frequency.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from torch import Tensor

from robustness.audio.filters import passing_below, shaped
from robustness.interventions.base import INTERVENTIONS, NEAR, EditKind, Intervention, SizesTried, softer_alike
from robustness.interventions.scene import Scene

WIDTH: Final = 0.05  # of the band, from passing to stopping


@INTERVENTIONS.register
@dataclass(frozen=True)
class BandLimit(Intervention):
    """A low-pass without delay."""

    name: ClassVar[str] = "band-limit"
    kind: ClassVar[EditKind] = "band"
    sizes_tried: ClassVar[SizesTried] = SizesTried("kept of the band", "%", (90, 80, 65, 50))
    does: ClassVar[str] = "limiting the band"
    control_does: ClassVar[str] = "the same loss of level, evenly"
    source: ClassVar[str] = "a raised-cosine edge, torch.fft"

    def near(self, size: float) -> tuple[float, ...]:
        """With a little less kept."""
        return tuple(100 - (100 - size) * factor for factor in NEAR)

    def edit(self, scene: Scene, size: float, draw: int) -> Tensor:
        """Without what lies above that share of half the sampling rate."""
        edge, width = scene.nyquist_hz * min(size, 100) / 100, scene.nyquist_hz * WIDTH
        return shaped(scene.window, scene.rate_hz, passing_below(edge, width))

    def control(self, scene: Scene, size: float, draw: int) -> Tensor:
        """The window a little softer."""
        return softer_alike(scene, self.edit(scene, size, draw))
