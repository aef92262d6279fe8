"""How much of a word's end may be lost? A recorder that stops too early.

A level is ms of the speech; beyond is silence, and what is left stays where it was. At least 20 ms of the word stay; what is measured is
what was taken.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Final

import torch

from robustness.audio.placement import RecordingBatch
from robustness.conditions import Axis, Family
from robustness.perturbations.base import PERTURBATIONS, RecordingPerturbation, Retaken

LEAST_S: Final = 0.02


@PERTURBATIONS.register
@dataclass(frozen=True)
class TailCut(RecordingPerturbation):
    """The end of the word is lost."""

    name: ClassVar[str] = "tail-cut"
    family: ClassVar[Family] = "time"
    axis: ClassVar[Axis] = Axis("speech lost", "ms", (25.0, 50.0, 100.0, 150.0, 200.0), neutral=0.0, neutral_says="nothing lost")
    source: ClassVar[str] = "Sohn et al. (1999), IEEE Signal Process. Lett. 6: a detector of speech needs a hang-over, or cuts ends off"

    def retake(self, batch: RecordingBatch, level: float) -> Retaken:
        """The recordings without so many ms of their speech."""
        start, end = batch.speech.unbind(1)
        most = (end - start - round(LEAST_S * batch.rate_hz)).clamp_min(0)
        lost = torch.full_like(most, round(level * batch.rate_hz / 1000)).minimum(most)
        places = torch.arange(batch.samples.shape[1])
        samples = batch.samples.masked_fill((places >= (end - lost)[:, None]), 0.0)
        return Retaken(replace(batch, samples=samples), lost.double() * 1000 / batch.rate_hz)
