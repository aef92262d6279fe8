"""How is a recording made faster, slower, shorter or longer? By resampling at any ratio, or by a phase vocoder, on a whole batch.

Both take [clips time]; what lies beyond a recording is zero.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

import torch
import torchaudio.functional as audio
from torch import Tensor

from robustness.audio.placement import RecordingBatch

TAPS: Final = 16  # of the windowed sinc, on each side
WINDOW_S: Final = 0.032  # of the phase vocoder
CYCLE: Final = 4  # hops a window


def warped(samples: Tensor, ratio: float) -> Tensor:
    """x(ratio·n) of band-limited samples: faster and higher for a ratio above 1, [clips time] → [clips, time / ratio].

    A sinc of 16 taps on each side under a Hann window, its cutoff at the lower of both rates.
    Source: Smith & Gossett (1984), A flexible sampling-rate conversion method.
    """
    count = math.ceil(samples.shape[1] / ratio) + 1
    places = torch.arange(count, dtype=torch.float64) * ratio
    whole = places.floor().long()
    cutoff, padded = min(1.0, 1 / ratio), torch.nn.functional.pad(samples, (TAPS, TAPS + round(ratio) + 2))
    found = torch.zeros(len(samples), count)
    for tap in range(-TAPS + 1, TAPS + 1):
        away = places - whole - tap
        weight = cutoff * torch.sinc(cutoff * away) * (math.pi * away / (2 * TAPS)).cos().square()
        found += padded[:, (whole + tap + TAPS).clamp_max(padded.shape[1] - 1)] * weight.float()
    return found


def stretched(samples: Tensor, rate_hz: int, ratio: float) -> Tensor:
    """Spoken faster at the same pitch, [clips time] → [clips, time / ratio], by a phase vocoder with windows of 32 ms.

    Source: Flanagan & Golden (1966); torchaudio.functional.phase_vocoder.
    """
    size = 2 ** round(math.log2(WINDOW_S * rate_hz))
    hop, window = size // CYCLE, torch.hann_window(size, dtype=torch.float64)
    whole = torch.nn.functional.pad(samples.double(), (0, CYCLE * size))  # so that a recording's end is the same beside a longer one
    spectrum = torch.stft(whole, size, hop, window=window, return_complex=True, pad_mode="constant")
    advance = torch.linspace(0, math.pi * hop, size // 2 + 1, dtype=torch.float64)[:, None]
    changed = audio.phase_vocoder(spectrum, ratio, advance)
    return torch.istft(changed, size, hop, window=window, length=max(1, round(samples.shape[1] / ratio))).float()


def shortened(batch: RecordingBatch, samples: Tensor, ratio: float) -> RecordingBatch:
    """A batch whose recordings are shorter by a ratio, with their lengths and spans, and nothing beyond them."""
    lengths = (batch.lengths / ratio).round().long().clamp(1, samples.shape[1])
    beyond = torch.arange(samples.shape[1]) >= lengths[:, None]
    return replace(batch, samples=samples.masked_fill(beyond, 0.0), lengths=lengths, speech=(batch.speech / ratio).round().long())


def reached_percent(before: RecordingBatch, after: RecordingBatch) -> Tensor:
    """How much faster recordings have become, in %, by their lengths, [clips]."""
    return 100 * (before.lengths.double() / after.lengths - 1)
