"""How far may a word lie from where it is expected? The whole recording earlier (−) or later (+), never circular.

What leaves the window is lost, what enters is fill. From the placement `offset` the level is the lead itself, counted from the window's
start: the shift atlas.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Final

from torch import Tensor

from robustness.audio.placement import Frame, RecordingBatch
from robustness.conditions import Axis, Condition, Placement, Preset
from robustness.perturbations.base import PERTURBATIONS, PlacementPerturbation

GRID_MS: Final = tuple(float(sign * ms) for ms in range(20, 201, 20) for sign in (-1, 1))
ATLAS_STEP_MS: Final = 10
ATLAS_MS: Final = tuple(float(ms) for ms in range(-200, 601, ATLAS_STEP_MS))  # leads, for the placement `offset`


@PERTURBATIONS.register
@dataclass(frozen=True)
class TimeShift(PlacementPerturbation):
    """The recording moved by a time.

    Attributes:
        farthest_ms: the lead that the atlas reaches at least, so that it holds every place where a short recording is whole.
    """

    name: ClassVar[str] = "time-shift"
    axis: ClassVar[Axis] = Axis("time shift", "ms", GRID_MS, neutral=0.0, says="{name} of {signed}")
    source: ClassVar[str] = "Warden, Speech Commands (2018), arXiv:1804.03209: ±100 ms in training, with zero fill"
    preset: ClassVar[Preset] = "quick"
    leads: ClassVar[bool] = True

    farthest_ms: float = ATLAS_MS[-1]

    def fitted(self, frame: Frame, most_slack_ms: float) -> TimeShift:
        """With an atlas that reaches as far as the shortest recording can move."""
        return replace(self, farthest_ms=most_slack_ms)

    def conditions(self, reference: Placement) -> Iterator[Condition]:
        """Shifts from the reference placement, and the atlas: leads from the window's start."""
        yield from super().conditions(reference)
        beyond = range(int(ATLAS_MS[-1]) + ATLAS_STEP_MS, math.ceil(self.farthest_ms) + ATLAS_STEP_MS, ATLAS_STEP_MS)
        for lead_ms in (*ATLAS_MS, *map(float, beyond)):
            yield Condition(self.name, lead_ms, "zeros", 0, "offset")

    def lead(self, batch: RecordingBatch, frame: Frame, base: Tensor, level: float) -> Tensor:
        """The base lead plus the shift, to the nearest sample, [clips]."""
        return base + round(level * frame.rate_hz / 1000)
