"""What dropping bands at either end of the front-end's range has in common.

The size is a number of bands, a quarter of all at most. The control takes as much level away, evenly over frequency.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import ClassVar

from torch import Tensor

from robustness.audio.filters import shaped
from robustness.interventions.base import EditKind, Intervention, SizesTried, softer_alike
from robustness.interventions.scene import Scene


class DropBands(Intervention):
    """Nothing in some bands at one end."""

    kind: ClassVar[EditKind] = "band"
    sizes_tried: ClassVar[SizesTried] = SizesTried("bands dropped", "bands", (1, 2, 4, 8))
    control_does: ClassVar[str] = "the same loss of level, evenly"
    source: ClassVar[str] = "a raised-cosine edge between two bands of the front-end, torch.fft"

    @abstractmethod
    def gain(self, bands_hz: tuple[float, ...], count: int) -> Callable[[Tensor], Tensor]:
        """The gain over frequency that leaves out so many bands."""

    def possible(self, scene: Scene, size: float) -> bool:
        """Where three quarters of the bands remain."""
        return 4 * size <= len(scene.band_hz)

    def near(self, size: float) -> tuple[float, ...]:
        """With one and two bands more."""
        return (size + 1, size + 2)

    def edit(self, scene: Scene, size: float, draw: int) -> Tensor:
        """Without so many bands."""
        return shaped(scene.window, scene.rate_hz, self.gain(scene.band_hz, int(size)))

    def control(self, scene: Scene, size: float, draw: int) -> Tensor:
        """The window a little softer."""
        return softer_alike(scene, self.edit(scene, size, draw))
