"""How fast may a recording run? Faster and higher, or slower and lower, as a tape does.

A level is % of speed, + is faster; what is measured is by how much the recording is shorter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from robustness.audio.placement import RecordingBatch
from robustness.conditions import Axis, Family, Preset
from robustness.perturbations.base import PERTURBATIONS, RecordingPerturbation, Retaken
from robustness.perturbations.warping import reached_percent, shortened, warped


@PERTURBATIONS.register
@dataclass(frozen=True)
class Speed(RecordingPerturbation):
    """A recording that runs faster or slower."""

    name: ClassVar[str] = "speed"
    family: ClassVar[Family] = "time"
    axis: ClassVar[Axis] = Axis("speed", "%", (-5.0, 5.0, -10.0, 10.0, -20.0, 20.0, -30.0, 30.0), neutral=0.0, says="{name} of {signed}")
    source: ClassVar[str] = "Ko et al. (2015), Audio augmentation for speech recognition: speeds of 90 and 110 %"
    preset: ClassVar[Preset] = "standard"

    def retake(self, batch: RecordingBatch, level: float) -> Retaken:
        """The recordings at that speed."""
        ratio = 1 + level / 100
        found = shortened(batch, warped(batch.samples, ratio), ratio)
        return Retaken(found, reached_percent(batch, found))
