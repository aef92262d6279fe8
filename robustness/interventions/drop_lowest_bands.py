"""Does the answer return without the front-end's lowest bands?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from robustness.audio.filters import passing_above
from robustness.interventions.bands import DropBands
from robustness.interventions.base import INTERVENTIONS


@INTERVENTIONS.register
@dataclass(frozen=True)
class DropLowestBands(DropBands):
    """Nothing in the lowest bands."""

    name: ClassVar[str] = "drop-lowest-bands"
    does: ClassVar[str] = "dropping the lowest bands"

    def gain(self, bands_hz: tuple[float, ...], count: int) -> Callable[[Tensor], Tensor]:
        """Between the outermost band that stays and the next, half a cosine."""
        return passing_above((bands_hz[count - 1] + bands_hz[count]) / 2, bands_hz[count] - bands_hz[count - 1])
