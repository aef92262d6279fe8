"""Which bins belong to which mel band? The filters of each library, and the front-ends over them.

Shapes: `hz` has straight sides in Hz (torchaudio, librosa), `mel` in mels (TensorFlow's linear_to_mel_weight_matrix, Kaldi),
`tf-op` in mels without the bins at the edges (TensorFlow's Mfcc operator), `bins` between whole bins of the transform
(python_speech_features, speechpy), `half-bins` the same counted on half a transform (Edge Impulse's blocks up to version 3).
Sources: torchaudio.functional.melscale_fbanks; tensorflow/core/kernels/mfcc_mel_filterbank.cc; speechpy.feature.filterbanks.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torchaudio.functional import melscale_fbanks

from robustness.errors import UsageError
from robustness.frontends.spectral import SpectralFrontend

MelScale = Literal["htk", "slaney"]
MelShape = Literal["hz", "mel", "tf-op", "bins", "half-bins"]
Array = npt.NDArray[np.float64]
SLANEY_HZ: Final = 200.0 / 3  # a mel of Slaney's below 1 kHz, in Hz
SLANEY_BREAK_HZ: Final = 1000.0
SLANEY_STEP: Final = np.log(6.4) / 27.0  # of the logarithm, a mel above 1 kHz
BELOW_TOP_HZ: Final = 0.001  # Edge Impulse keeps the last edge from the next bin by it


@dataclass(frozen=True)
class MelFrontend(SpectralFrontend):
    """What front-ends over mel bands share.

    Attributes:
        n_mels: bands.
        f_min_hz: lower edge of the lowest band.
        f_max_hz: upper edge of the highest band; None is half the rate.
        mel_scale: HTK's 2595 log10(1 + f / 700), or Slaney's, linear below 1 kHz.
        mel_norm: whether each filter is divided by its width in Hz.
        mel_shape: how the sides of the filters run.
    """

    n_mels: int = 64
    f_min_hz: float = 0.0
    f_max_hz: float | None = None
    mel_scale: MelScale = "htk"
    mel_norm: Literal["none", "slaney"] = "none"
    mel_shape: MelShape = "hz"

    def __post_init__(self) -> None:
        """Refuses bands outside of what the rate can carry.

        Raises:
            UsageError: the sentence names the setting.
        """
        super().__post_init__()
        if not self.f_min_hz < top_hz(self) <= self.rate_hz / 2:
            raise UsageError(
                f"f_min_hz is {self.f_min_hz:g} and f_max_hz {top_hz(self):g}; expected a lower edge below the upper one, and that at most "
                f"half the rate, {self.rate_hz / 2:g} Hz"
            )

    def cells(self, spectrum: Tensor) -> Tensor:
        """The mel bands of a spectrum, or of its first bins that hold all of them, [clips frames bins] → [clips frames mels]."""
        return torch.matmul(spectrum, self._filters[: spectrum.shape[-1]].to(spectrum))

    @cached_property
    def bins_used(self) -> int:
        """Those up to the last that lies in a band."""
        return 1 + int(self._filters.any(1).nonzero().max())

    @cached_property
    def _filters(self) -> Tensor:
        """[bins mels]."""
        return _kept_filters(Bank(*(getattr(self, name) for name in Bank._fields)))

    @cached_property
    def empty_bands(self) -> tuple[int, ...]:
        """Bands too narrow to hold a bin: they are the floor whatever is heard."""
        return tuple(torch.nonzero(self._filters.sum(0) == 0).flatten().tolist())

    @cached_property
    def mel_hz(self) -> tuple[float, ...]:
        """The center of each mel band, in Hz."""
        return tuple(edges_hz(self)[1:-1].tolist())


class Bank(NamedTuple):
    """The settings that filters hang on."""

    rate_hz: int
    n_fft: int
    n_mels: int
    f_min_hz: float
    f_max_hz: float | None
    mel_scale: MelScale
    mel_norm: str
    mel_shape: MelShape


@lru_cache(maxsize=512)
def _kept_filters(bank: Bank) -> Tensor:
    return mel_filters(bank)


def mel_filters(bank: Bank | MelFrontend) -> Tensor:
    """The weight of each bin in each band, [bins mels]."""
    bins = bank.n_fft // 2 + 1
    edges = edges_hz(bank)
    if bank.mel_shape == "hz":
        norm = "slaney" if bank.mel_norm == "slaney" else None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of bands without a bin, which `empty_bands` names
            found: Tensor = melscale_fbanks(bins, bank.f_min_hz, float(top_hz(bank)), bank.n_mels, bank.rate_hz, norm, bank.mel_scale)
        return found
    if bank.mel_shape in ("mel", "tf-op"):
        mels = to_mel(np.linspace(0.0, bank.rate_hz / 2, bins), bank.mel_scale)
        sides = _triangles(mels, to_mel(edges, bank.mel_scale))
    else:
        points = bank.n_fft if bank.mel_shape == "bins" else bins
        edges[-1] -= BELOW_TOP_HZ
        sides = _triangles(np.arange(bins, dtype=np.float64), np.floor((points + 1) * edges / bank.rate_hz))
    if bank.mel_shape == "tf-op":
        width = bank.rate_hz / bank.n_fft
        sides[: int(1.5 + edges[0] / width)] = 0.0
        sides[int(edges[-1] / width) + 1 :] = 0.0
    if bank.mel_norm == "slaney":
        sides = sides * (2.0 / (edges[2:] - edges[:-2]))
    return torch.from_numpy(sides).float()


def _triangles(at: Array, edges: Array) -> Array:
    """Triangles of height 1 over three neighbouring edges each, [bins] and [bands + 2] → [bins bands]."""
    widths = np.diff(edges)
    away = edges - at[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        rising, falling = -away[:, :-2] / widths[:-1], away[:, 2:] / widths[1:]
    rising = np.where(widths[:-1] > 0, rising, np.inf)  # of no width: up at once
    falling = np.where(widths[1:] > 0, falling, np.where(away[:, 2:] >= 0, np.inf, -np.inf))
    inside = (at[:, None] >= edges[:-2]) & (at[:, None] <= edges[2:]) & (edges[2:] > edges[:-2])
    return np.where(inside, np.minimum(rising, falling).clip(0.0, None), 0.0)


def top_hz(bank: Bank | MelFrontend) -> float:
    """The upper edge of the highest band, in Hz."""
    return bank.rate_hz / 2 if bank.f_max_hz is None else bank.f_max_hz


def edges_hz(bank: Bank | MelFrontend) -> Array:
    """The edges of the bands, equally spaced in mels: [mels + 2]."""
    ends = to_mel(np.array([bank.f_min_hz, top_hz(bank)]), bank.mel_scale)
    return from_mel(np.linspace(ends[0], ends[1], bank.n_mels + 2), bank.mel_scale)


def to_mel(hz: Array, scale: MelScale) -> Array:
    """Frequencies in mels."""
    if scale == "htk":
        return 2595.0 * np.log10(1.0 + hz / 700.0)
    above = SLANEY_BREAK_HZ / SLANEY_HZ + np.log(np.maximum(hz, SLANEY_BREAK_HZ) / SLANEY_BREAK_HZ) / SLANEY_STEP
    return np.where(hz < SLANEY_BREAK_HZ, hz / SLANEY_HZ, above)


def from_mel(mels: Array, scale: MelScale) -> Array:
    """Mels in Hz."""
    if scale == "htk":
        return 700.0 * (10.0 ** (mels / 2595.0) - 1.0)
    knee = SLANEY_BREAK_HZ / SLANEY_HZ
    return np.where(mels < knee, mels * SLANEY_HZ, SLANEY_BREAK_HZ * np.exp(SLANEY_STEP * (np.maximum(mels, knee) - knee)))
