"""Log-mel features as the tutorial computes them, on torchaudio.

MelSpectrogram (power, HTK mels, no normalisation) and AmplitudeToDB("power", top_db), per clip.
Source: torchaudio.transforms.MelSpectrogram, torchaudio.functional.amplitude_to_DB.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor
from torchaudio.transforms import AmplitudeToDB, MelSpectrogram

from robustness.frontends.base import FRONTENDS, Frontend

SMALLEST_POWER = 1e-10  # torchaudio's amin: digital silence is −100 dB


@FRONTENDS.register
@dataclass(frozen=True)
class LogMel(Frontend):
    """Mel bands in dB over time; `top_db` clips each clip that far below its own loudest cell, None does not clip."""

    name: ClassVar[str] = "log-mel"
    rate_hz: int = 16_000
    n_fft: int = 320
    hop_samples: int = 160
    n_mels: int = 64
    f_min_hz: float = 0.0
    f_max_hz: float | None = None
    top_db: float | None = 80.0

    @cached_property
    def _spectrogram(self) -> MelSpectrogram:
        return MelSpectrogram(
            sample_rate=self.rate_hz,
            n_fft=self.n_fft,
            hop_length=self.hop_samples,
            n_mels=self.n_mels,
            f_min=self.f_min_hz,
            f_max=self.f_max_hz,
        )

    @cached_property
    def _decibels(self) -> AmplitudeToDB:
        return AmplitudeToDB("power", top_db=self.top_db)

    def features(self, samples: Tensor) -> Tensor:
        """Log-mel power in dB, [clips time] → [clips 1 mels frames].

        The channel axis makes AmplitudeToDB take its ceiling per clip; without it a loud batch-mate moves every other clip.
        """
        decibels: Tensor = self._decibels(self._spectrogram.to(samples.device)(samples)[:, None])
        return decibels

    def silence(self, features: Tensor) -> Tensor:
        """The larger of digital silence (−100 dB) and the clip's own floor (its maximum − top_db), [clips 1 1 1]."""
        zeros_db = 10.0 * torch.log10(torch.tensor(SMALLEST_POWER))
        if self.top_db is None:
            return zeros_db.expand(len(features), 1, 1, 1)
        return torch.maximum(zeros_db.to(features), features.amax(dim=(1, 2, 3), keepdim=True) - self.top_db)

    @cached_property
    def band_hz(self) -> tuple[float, ...]:
        """The center of each mel band, in Hz."""
        edges = torch.linspace(_mel(self.f_min_hz), _mel(self.f_max_hz or self.rate_hz / 2), self.n_mels + 2, dtype=torch.float64)
        return tuple((700.0 * (10.0 ** (edges[1:-1] / 2595.0) - 1.0)).tolist())


def _mel(hz: float) -> float:
    """The HTK mel scale, as torchaudio's `mel_scale="htk"`."""
    return 2595.0 * math.log10(1.0 + hz / 700.0)
