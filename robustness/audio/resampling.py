"""How sound comes to another rate, at a cost that does not depend on how the two rates divide.

Rates with a small ratio go through torchaudio's windowed sinc (Hann, 64 zero crossings on each side); others, such as 44,101 to 16,000 Hz,
through libsoxr at its highest quality, which knows the ratio exactly (Shi 2015, python-soxr; LGPL-2.1).
"""

from __future__ import annotations

from math import gcd
from typing import Final

import soxr
import torch
from torch import Tensor
from torchaudio.functional import resample

WIDTH: Final = 64  # zero crossings on each side of the filter; torchaudio's 6 leaks across the band's edge
LARGEST_TERM: Final = 1000  # of a small ratio: torchaudio's kernels grow with the product of its terms, 12 GB at 44,101 Hz


def resampled(mono: Tensor, native_hz: int, rate_hz: int) -> Tensor:
    """The samples at another rate, [time] → [time]; rounded down, so that a clip of one window at its own rate is one window here."""
    count = max(1, len(mono) * rate_hz // native_hz)
    if max(native_hz, rate_hz) // gcd(native_hz, rate_hz) <= LARGEST_TERM:
        exact: Tensor = resample(mono, native_hz, rate_hz, lowpass_filter_width=WIDTH)
        return exact[:count]
    return torch.from_numpy(soxr.resample(mono.numpy(), native_hz, rate_hz, quality="VHQ"))[:count]
