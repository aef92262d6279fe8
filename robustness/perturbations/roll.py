"""What if a ring buffer is read from the wrong place? The recording goes round: its end comes before its start.

A level is ms by which it is rolled, within the recording's own length; what is measured is the lag that a circular correlation finds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from robustness.audio.placement import RecordingBatch
from robustness.conditions import Axis, Family
from robustness.perturbations.base import PERTURBATIONS, RecordingPerturbation, Retaken


@PERTURBATIONS.register
@dataclass(frozen=True)
class Roll(RecordingPerturbation):
    """The recording rolled around."""

    name: ClassVar[str] = "roll"
    family: ClassVar[Family] = "time"
    axis: ClassVar[Axis] = Axis("roll", "ms", (25.0, 50.0, 100.0, 200.0), neutral=0.0, says="{name} of {level}")
    source: ClassVar[str] = "torch.roll: a circular shift"

    def retake(self, batch: RecordingBatch, level: float) -> Retaken:
        """The recordings rolled by so many ms."""
        step = round(level * batch.rate_hz / 1000)
        samples = torch.zeros_like(batch.samples)
        found = []
        for clip, rolled, length in zip(batch.samples, samples, batch.lengths.tolist(), strict=True):
            rolled[:length] = clip[:length].roll(step)
            found.append(lag_of(clip[:length], rolled[:length]) * 1000 / batch.rate_hz)
        return Retaken(replace(batch, samples=samples), torch.tensor(found, dtype=torch.float64))


def lag_of(before: Tensor, after: Tensor) -> int:
    """By how many samples `after` is a rolled `before`, [time], [time]."""
    product = torch.fft.rfft(after.double()) * torch.fft.rfft(before.double()).conj()
    return int(torch.fft.irfft(product, n=len(before)).argmax())
