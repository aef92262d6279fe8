"""Does the answer return without the front-end's highest bands?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from robustness.audio.filters import passing_below
from robustness.interventions.bands import DropBands
from robustness.interventions.base import INTERVENTIONS


@INTERVENTIONS.register
@dataclass(frozen=True)
class DropHighestBands(DropBands):
    """Nothing in the highest bands."""

    name: ClassVar[str] = "drop-highest-bands"
    does: ClassVar[str] = "dropping the highest bands"

    def gain(self, bands_hz: tuple[float, ...], count: int) -> Callable[[Tensor], Tensor]:
        """Between the outermost band that stays and the next, half a cosine."""
        return passing_below((bands_hz[-count - 1] + bands_hz[-count]) / 2, bands_hz[-count] - bands_hz[-count - 1])
