"""What every filter shares: a gain over frequency without a delay, and the instruments that measure what came out.

Gains are amplitude ratios over frequency in Hz; windows are [clips time], and nothing goes around their ends.
"""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor

from robustness.audio.levels import SMALLEST_POWER

FLOOR: Final = SMALLEST_POWER


def shaped(samples: Tensor, gain: Tensor) -> Tensor:
    """Windows under a gain over frequency, without a delay, [clips time] → [clips time].

    Args:
        samples: the windows.
        gain: amplitude ratios at `frequencies`, [time + 1] or [clips, time + 1].
    """
    count = samples.shape[1]
    heard: Tensor = torch.fft.irfft(torch.fft.rfft(samples.double(), n=2 * count) * gain, n=2 * count)[:, :count].float()
    return heard


def frequencies(count: int, rate_hz: int) -> Tensor:
    """Where `shaped` takes a gain for windows of `count` samples, in Hz, [count + 1]."""
    hz: Tensor = torch.fft.rfftfreq(2 * count, 1 / rate_hz, dtype=torch.float64)
    return hz


def gain_db(before: Tensor, after: Tensor, weight: Tensor) -> Tensor:
    """What became of the power in a band, in dB, [clips time], [clips time] → [clips]; `weight` is 1 in the band, at `frequencies`."""
    count = before.shape[1]
    powers = [(torch.fft.rfft(some.double(), n=2 * count).abs().square() * weight).sum(-1).clamp_min(FLOOR) for some in (after, before)]
    found: Tensor = 10 * (powers[0] / powers[1]).log10()
    return found


def corner_hz(response: Tensor, rate_hz: int, *, above: bool) -> float:
    """Where a filter's impulse response passes −3 dB, in Hz, [time]; from below for a low-pass, from above for a high-pass.

    Args:
        response: what the filter gives for one sample of 1.
        rate_hz: sampling rate.
        above: whether what lies above the corner is lost.
    """
    levels = 20 * torch.fft.rfft(response.double()).abs().clamp_min(FLOOR).log10()
    hz = torch.fft.rfftfreq(len(response), 1 / rate_hz, dtype=torch.float64)
    kept = (levels >= -10 * math.log10(2)).nonzero().flatten()
    inside, outside = (int(kept[-1]), int(kept[-1]) + 1) if above else (int(kept[0]), int(kept[0]) - 1)
    if not 0 <= outside < len(levels):
        return float(hz[inside])
    share = (levels[inside] + 10 * math.log10(2)) / (levels[inside] - levels[outside])
    return float(hz[inside] + share * (hz[outside] - hz[inside]))
