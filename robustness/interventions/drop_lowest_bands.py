"""Does the answer return without the front-end's lowest bands?

The size is a number of bands, a quarter of all at most. The sham takes as much level away, evenly over frequency.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from robustness.interventions.base import INTERVENTIONS, Intervention, Kind, Ladder, softer_alike
from robustness.interventions.filters import passing_above, shaped
from robustness.interventions.scene import Scene


@INTERVENTIONS.register
@dataclass(frozen=True)
class DropLowestBands(Intervention):
    """Nothing in the lowest bands."""

    name: ClassVar[str] = "drop-lowest-bands"
    kind: ClassVar[Kind] = "band"
    ladder: ClassVar[Ladder] = Ladder("bands dropped", "bands", (1, 2, 4, 8))
    does: ClassVar[str] = "dropping the lowest bands"
    sham_does: ClassVar[str] = "the same loss of level, evenly"
    source: ClassVar[str] = "a raised-cosine edge between two bands of the front-end, torch.fft"

    def possible(self, scene: Scene, size: float) -> bool:
        """Where three quarters of the bands remain."""
        return 4 * size <= len(scene.band_hz)

    def near(self, size: float) -> tuple[float, ...]:
        """With one and two bands more."""
        return (size + 1, size + 2)

    def edit(self, scene: Scene, size: float, draw: int) -> Tensor:
        """Without so many bands."""
        bands, count = scene.band_hz, int(size)
        edge_hz, width_hz = (bands[count - 1] + bands[count]) / 2, bands[count] - bands[count - 1]
        return shaped(scene.window, scene.rate_hz, passing_above(edge_hz, width_hz))

    def sham(self, scene: Scene, size: float, draw: int) -> Tensor:
        """The window a little softer."""
        return softer_alike(scene, self.edit(scene, size, draw))
