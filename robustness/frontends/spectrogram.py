"""The short-time spectrum itself, without mel bands: a band a bin.

Silence is what zeros give, or the clip's own floor where `top_db` clips. Source: torchaudio.transforms.Spectrogram.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from torch import Tensor

from robustness.frontends.base import FRONTENDS
from robustness.frontends.spectral import SpectralFrontend


@FRONTENDS.register
@dataclass(frozen=True)
class Spectrogram(SpectralFrontend):
    """Power or magnitude of every bin, or of the first `bins`, over time, in dB unless `log` says otherwise."""

    name: ClassVar[str] = "spectrogram"
    bins: int | None = None

    @property
    def bins_used(self) -> int:
        """Those that it keeps."""
        return super().bins_used if self.bins is None else self.bins

    def cells(self, spectrum: Tensor) -> Tensor:
        """The bins that are kept, [clips frames bins] → [clips frames bands]."""
        return spectrum[..., : self.bins]

    @cached_property
    def band_hz(self) -> tuple[float, ...]:
        """The frequency of each bin, in Hz."""
        count = self.n_fft // 2 + 1
        return tuple(bin_ * self.rate_hz / self.n_fft for bin_ in range(count if self.bins is None else min(self.bins, count)))
