"""Windows that the tests of perturbations share, and slow definitions of what is measured in them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from robustness.audio.placement import Windows, batch_of, place
from tests.builders import FRAME, RATE_HZ, recordings


def windows(count: int = 3) -> Windows:
    """Words at different places."""
    return place(batch_of(recordings(count)), torch.arange(count) * 700 + 300, FRAME)


def noise(level: float = 0.05) -> Windows:
    """A window full of white noise."""
    one = windows(1)
    return replace(one, samples=torch.randn(1, FRAME.samples, generator=torch.Generator().manual_seed(3)) * level)


def tone_window(hz: float, level: float = 0.1) -> Windows:
    """A window with a tone from 0.2 to 0.8 s, with soft edges."""
    times = torch.arange(FRAME.samples) / RATE_HZ
    edges = ((times - 0.2) / 0.1).clamp(0, 1) * ((0.8 - times) / 0.1).clamp(0, 1)
    return replace(windows(1), samples=(level * edges * (2 * math.pi * hz * times).sin())[None])


def at_hz(samples: torch.Tensor, hz: float) -> float:
    """The amplitude at one frequency: the sum of the samples times a wave of it, written out."""
    return float(abs((samples.double().numpy() * np.exp(-2j * np.pi * hz * np.arange(len(samples)) / RATE_HZ)).sum()))


def power_between(samples: torch.Tensor, low_hz: float, high_hz: float) -> float:
    """The power of a window between two frequencies, by numpy's transform."""
    spectrum: NDArray[np.float64] = np.abs(np.fft.rfft(samples.double().numpy())) ** 2
    hz = np.fft.rfftfreq(len(samples), 1 / RATE_HZ)
    return float(spectrum[(hz >= low_hz) & (hz < high_hz)].sum())
