"""How fast may a word be spoken? Faster or slower at the same pitch.

A level is % of tempo, + is faster; what is measured is by how much the recording is shorter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from robustness.audio.placement import RecordingBatch
from robustness.conditions import Axis, Family
from robustness.perturbations.base import PERTURBATIONS, RecordingPerturbation, Retaken
from robustness.perturbations.warping import reached_percent, shortened, stretched


@PERTURBATIONS.register
@dataclass(frozen=True)
class Tempo(RecordingPerturbation):
    """A word spoken faster or slower at the same pitch."""

    name: ClassVar[str] = "tempo"
    family: ClassVar[Family] = "time"
    axis: ClassVar[Axis] = Axis("tempo", "%", (-5.0, 5.0, -10.0, 10.0, -20.0, 20.0, -30.0, 30.0), neutral=0.0, says="{name} of {signed}")
    source: ClassVar[str] = "Flanagan & Golden (1966), the phase vocoder; torchaudio.functional.phase_vocoder"
    dhauds: ClassVar[tuple[float, float] | None] = (4.0, 12.0)

    def retake(self, batch: RecordingBatch, level: float) -> Retaken:
        """The recordings at that tempo."""
        ratio = 1 + level / 100
        found = shortened(batch, stretched(batch.samples, batch.rate_hz, ratio), ratio)
        return Retaken(found, reached_percent(batch, found))
