"""Does the answer depend on where the hop's grid falls? Shifts of less than a hop, in samples.

Source: shifts of a few samples change front-end features (Azulay & Weiss 2019, arXiv:1805.12177, on images).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from torch import Tensor

from robustness.audio.placement import Frame, RecordingBatch
from robustness.conditions import Axis, Preset
from robustness.perturbations.base import PERTURBATIONS, PlacementPerturbation

GRID: Final = (1.0, 2.0, 5.0, 10.0, 20.0, 40.0, 80.0, 120.0, 160.0)


@PERTURBATIONS.register
@dataclass(frozen=True)
class SampleShift(PlacementPerturbation):
    """The recording moved by some samples, later."""

    name: ClassVar[str] = "sample-shift"
    axis: ClassVar[Axis] = Axis("shift within a hop", "samples", GRID, neutral=0.0, says="{name} of {signed}")
    source: ClassVar[str] = "Azulay & Weiss (2019), arXiv:1805.12177, on images; our choice of shifts"
    preset: ClassVar[Preset] = "quick"

    def lead(self, batch: RecordingBatch, frame: Frame, base: Tensor, level: float) -> Tensor:
        """The base lead plus the shift, [clips]."""
        return base + round(level)
