"""How sound comes to another rate, at a cost that does not depend on how the two rates divide.

The filter is a windowed sinc (Hann) of 64 zero crossings on each side that ends at 0.99 of the lower band. Rates with a small ratio go
through torchaudio; others through SciPy's polyphase filter at a ratio of whole numbers up to 5,000, which is off by less than 1e-5.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import signal
from torch import Tensor
from torchaudio.functional import resample

WIDTH: Final = 64  # zero crossings on each side of the filter; torchaudio's 6 leaks across the band's edge
ROLLOFF: Final = 0.99  # torchaudio's own
SMALL_RATIO: Final = 1000  # torchaudio's kernels grow with the product of the ratio's terms: 44,101 to 16,000 Hz takes 12 GB
LARGEST_TERM: Final = 5_000


def resampled(mono: Tensor, native_hz: int, rate_hz: int) -> Tensor:
    """The samples at another rate, [time] → [time]; rounded down, so that a clip of one window at its own rate is one window here."""
    exact = Fraction(rate_hz, native_hz)
    if max(exact.numerator, exact.denominator) <= SMALL_RATIO:
        out: Tensor = resample(mono, native_hz, rate_hz, lowpass_filter_width=WIDTH)
    else:
        out = _polyphase(mono, approximate(exact))
    return out[: max(1, len(mono) * rate_hz // native_hz)]


def approximate(ratio: Fraction) -> Fraction:
    """The nearest ratio whose larger term is at most `LARGEST_TERM`."""
    if ratio <= 1:
        return ratio.limit_denominator(LARGEST_TERM)
    return 1 / (1 / ratio).limit_denominator(LARGEST_TERM)


def _polyphase(mono: Tensor, ratio: Fraction) -> Tensor:
    up, down = ratio.numerator, ratio.denominator
    filtered = signal.resample_poly(mono.numpy(), up, down, window=_kernel(up, down))
    return torch.from_numpy(np.ascontiguousarray(filtered, dtype=np.float32))


@lru_cache(maxsize=2)
def _kernel(up: int, down: int) -> NDArray[np.float32]:
    """The filter at `up` times the native rate; SciPy multiplies it by `up`."""
    longer = max(up, down)
    half = round(WIDTH * longer / ROLLOFF)
    places = np.arange(-half, half + 1) * (ROLLOFF / longer)
    window = np.cos(places * np.pi / WIDTH / 2) ** 2
    return (np.sinc(places) * window * ROLLOFF / longer).astype(np.float32)
