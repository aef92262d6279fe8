"""How high or low may a voice be? Another pitch at the same tempo, formants and all.

A level is semitones, + is higher: the recording is stretched by a phase vocoder and played faster. What is measured is the shift at which
the spectrum on a log axis fits the recording's own best, to a tenth of a semitone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Final

import torch
from torch import Tensor

from robustness.audio.placement import RecordingBatch
from robustness.conditions import Axis, Family
from robustness.perturbations.base import PERTURBATIONS, RecordingPerturbation, Retaken
from robustness.perturbations.filtering import FLOOR
from robustness.perturbations.warping import shortened, stretched, warped

LOWEST_HZ: Final = 100.0
STEPS: Final = 10  # a semitone
FARTHEST: Final = 12  # semitones


@PERTURBATIONS.register
@dataclass(frozen=True)
class Pitch(RecordingPerturbation):
    """A voice higher or lower at the same tempo."""

    name: ClassVar[str] = "pitch"
    family: ClassVar[Family] = "time"
    axis: ClassVar[Axis] = Axis("pitch", "semitones", (-1.0, 1.0, -2.0, 2.0, -4.0, 4.0, -7.0, 7.0), neutral=0.0, says="{name} of {signed}")
    source: ClassVar[str] = "Laroche & Dolson (1999), pitch shifting by phase vocoder and resampling; ranges of arXiv:2511.18421"
    dhauds: ClassVar[tuple[float, float] | None] = (4.0, 7.0)

    def retake(self, batch: RecordingBatch, level: float) -> Retaken:
        """The recordings at that pitch, as long as they were."""
        ratio = 2 ** (level / 12)
        longer = shortened(batch, stretched(batch.samples, batch.rate_hz, 1 / ratio), 1 / ratio)
        samples = warped(longer.samples, ratio)
        count = batch.samples.shape[1]
        samples = torch.nn.functional.pad(samples, (0, max(0, count - samples.shape[1])))[:, :count]
        found = shortened(batch, samples, 1.0)
        return Retaken(found, semitones(batch.samples, found.samples, batch.rate_hz))


def semitones(before: Tensor, after: Tensor, rate_hz: int) -> Tensor:
    """By how many semitones spectra have moved, [clips time], [clips time] → [clips]: where those on a log axis correlate most."""
    top = math.floor(12 * STEPS * math.log2(rate_hz / 2 / LOWEST_HZ))
    hz = LOWEST_HZ * 2 ** (torch.arange(top, dtype=torch.float64) / (12 * STEPS))
    spectra = []
    for some in (before, after):
        power = torch.fft.rfft(some.double()).abs()
        places = (hz * some.shape[1] / rate_hz).round().long().clamp_max(power.shape[1] - 1)
        smooth = torch.nn.functional.avg_pool1d(power[:, None], 9, 1, 4)[:, 0]
        level = smooth.clamp_min(FLOOR).log()[:, places]
        spectra.append(level - level.mean(1, keepdim=True))
    lags = range(-FARTHEST * STEPS, FARTHEST * STEPS + 1)
    fits = torch.stack([_fit(spectra[0], spectra[1], lag) for lag in lags], 1)
    return (fits.argmax(1) - FARTHEST * STEPS).double() / STEPS


def _fit(before: Tensor, after: Tensor, lag: int) -> Tensor:
    """The correlation of spectra that lie `lag` steps apart, [clips]."""
    count = before.shape[1] - abs(lag)
    low, high = before[:, max(0, -lag) :][:, :count], after[:, max(0, lag) :][:, :count]
    found: Tensor = (low * high).sum(1) / (low.norm(dim=1) * high.norm(dim=1)).clamp_min(FLOOR)
    return found
