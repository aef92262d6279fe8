"""Filters that keep every frequency where it is in time: gains over frequency, and short-time spectra.

Windows are [time]; gains are amplitude ratios.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

import torch
from torch import Tensor

FRAME_MS: Final = 32.0  # of short-time spectra: resolves hum and pitch, shorter than a syllable


def shaped(window: Tensor, rate_hz: int, gain: Callable[[Tensor], Tensor]) -> Tensor:
    """The window with a gain over frequency, without delay.

    Args:
        window: [time].
        rate_hz: its sampling rate.
        gain: frequencies in Hz → amplitude ratios.
    """
    hz = torch.fft.rfftfreq(len(window), 1 / rate_hz, dtype=torch.float64)
    filtered: Tensor = torch.fft.irfft(_spectrum_of(window) * gain(hz), n=len(window))
    return filtered.float()


@lru_cache(maxsize=4)  # many gains are tried on one window, which nobody changes in place
def _spectrum_of(window: Tensor) -> Tensor:
    spectrum: Tensor = torch.fft.rfft(window.double())
    return spectrum


def passing_below(edge_hz: float, width_hz: float) -> Callable[[Tensor], Tensor]:
    """A gain of 1 below an edge and of 0 above, by half a cosine of that width around it."""
    return lambda hz: 0.5 + 0.5 * torch.cos(torch.pi * ((hz - edge_hz) / width_hz + 0.5).clamp(0, 1))


def passing_above(edge_hz: float, width_hz: float) -> Callable[[Tensor], Tensor]:
    """The opposite of `passing_below`."""
    below = passing_below(edge_hz, width_hz)
    return lambda hz: 1 - below(hz)


def frame_of(rate_hz: int, count: int) -> int:
    """The length of a short-time frame in samples, a power of two, no longer than the sound."""
    wanted = max(16, min(round(rate_hz * FRAME_MS / 1000), count))
    return 1 << (wanted.bit_length() - 1)


def spectra(window: Tensor, frame: int) -> Tensor:
    """Short-time spectra with a hop of a quarter frame, [bins frames]."""
    return torch.stft(window, frame, frame // 4, window=torch.hann_window(frame), center=True, pad_mode="constant", return_complex=True)


def sound_of(spectrum: Tensor, frame: int, count: int) -> Tensor:
    """The sound of short-time spectra, [count]."""
    sound: Tensor = torch.istft(spectrum, frame, frame // 4, window=torch.hann_window(frame), center=True, length=count)
    return sound
