"""How wrong may a device's clock be? Samples taken a little too fast or slow, and read as if they were not.

A level is parts per million, + plays faster. The drift is exact; nothing is measured, for in a
second the recording is shorter by less than a few samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from robustness.audio.placement import RecordingBatch
from robustness.conditions import Axis, Family
from robustness.perturbations.base import PERTURBATIONS, RecordingPerturbation, Retaken
from robustness.perturbations.warping import shortened, warped


@PERTURBATIONS.register
@dataclass(frozen=True)
class ClockDrift(RecordingPerturbation):
    """A clock that runs wrong."""

    name: ClassVar[str] = "clock-drift"
    family: ClassVar[Family] = "time"
    axis: ClassVar[Axis] = Axis(
        "clock drift", "ppm", (-100.0, 100.0, -1000.0, 1000.0, -10000.0, 10000.0), neutral=0.0, says="{name} of {signed}"
    )
    source: ClassVar[str] = "Pawig et al. (2010), IEEE Trans. Signal Process. 58: sampling rate offsets of sound devices"

    def retake(self, batch: RecordingBatch, level: float) -> Retaken:
        """The recordings by a clock that is wrong by so many ppm."""
        ratio = 1 + level / 1e6
        return Retaken(shortened(batch, warped(batch.samples, ratio), ratio))
