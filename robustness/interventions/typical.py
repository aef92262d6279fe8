"""What do the recordings have that are right, so that an edit knows how far to go, and what this recording lacks?

Spectra are levels in bands of 125 Hz against the level of the word, in dB.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from robustness.audio.levels import SMALLEST_POWER, Span, decibels

BAND_HZ: Final = 125.0
EMPTY_DB: Final = 10.0  # below the least that the others have
SIDE_BY_SIDE: Final = 4  # bands
FEWEST: Final = 3  # recordings; of fewer none is typical
LOWEST_SHARE: Final = 0.1  # of the recordings may have less in a band than what is called the least


@dataclass(frozen=True, eq=False)
class Typical:
    """What some recordings have in common.

    Attributes:
        count: how many they are.
        level_dbfs: the median level of their words.
        spectrum_db: the median level of each band against the word, [bands].
        least_db: what nine in ten of them have at least, [bands].
    """

    count: int
    level_dbfs: float
    spectrum_db: Tensor
    least_db: Tensor

    @classmethod
    def of(cls, levels_dbfs: Sequence[float], spectra_db: Sequence[Tensor]) -> Typical | None:
        """From the level and the spectrum of each; None where they are too few."""
        if len(levels_dbfs) < FEWEST:
            return None
        spectra = torch.stack(list(spectra_db))
        level = float(torch.tensor(levels_dbfs, dtype=torch.float64).median())
        return cls(len(levels_dbfs), level, spectra.median(0).values, spectra.quantile(LOWEST_SHARE, dim=0))


def missing_bands(typical: Typical | None, recording: Tensor, rate_hz: int, word: Span) -> Tensor:
    """Which bands hold no energy in a recording and hold some in those that are right, [bands]; none where nothing is typical.

    Those alone that lie side by side over 500 Hz or more: a channel takes away one end of the band or both, and no single line.
    """
    here = spectrum_db(recording, rate_hz, word)
    if typical is None:
        return torch.zeros(len(here), dtype=torch.bool)
    less = here < typical.least_db - EMPTY_DB
    narrow = ~less
    for _ in range(SIDE_BY_SIDE // 2):
        narrow = narrow | narrow.roll(1).index_fill(0, torch.tensor([0]), False) | narrow.roll(-1).index_fill(0, torch.tensor([-1]), False)
    kept = ~narrow
    for _ in range(SIDE_BY_SIDE // 2):
        kept = kept | kept.roll(1).index_fill(0, torch.tensor([0]), False) | kept.roll(-1).index_fill(0, torch.tensor([-1]), False)
    return less & kept


def noise_in(bands: Tensor, levels_db: Tensor, count: int, rng: torch.Generator) -> Tensor:
    """Noise in some bands alone, each at its level in dBFS, [count].

    Args:
        bands: which, [bands].
        levels_db: of each, [bands].
        count: of samples.
        rng: of the noise.
    """
    white = torch.fft.rfft(torch.randn(count, generator=rng, dtype=torch.float64))
    place = (torch.arange(len(white)) * len(bands) // len(white)).clamp(max=len(bands) - 1)
    had = torch.zeros(len(bands), dtype=torch.float64).index_add(0, place, white.abs().square() * (2 / count**2))
    gain = torch.where(bands, 10 ** (levels_db.double() / 20) / had.clamp_min(SMALLEST_POWER).sqrt(), 0.0)
    noise: Tensor = torch.fft.irfft(white * gain[place], n=count)
    return noise.float()


def word_level_dbfs(recording: Tensor, word: Span) -> float:
    """The level inside the word, in dBFS; −∞ for silence."""
    part = recording[max(0, word.start) : max(0, word.end)].double()
    return decibels(float(part.square().mean())) if len(part) else decibels(0.0)


def spectrum_db(recording: Tensor, rate_hz: int, word: Span) -> Tensor:
    """The level of each band over the whole recording, against the level of its word, [bands]."""
    power = torch.fft.rfft(recording.double()).abs().square() * (2 / max(1, len(recording)) ** 2)
    bands = round(rate_hz / 2 / BAND_HZ)
    place = (torch.arange(len(power)) * bands // max(1, len(power))).clamp(max=bands - 1)
    found = torch.zeros(bands, dtype=torch.float64).index_add(0, place, power)
    part = recording[max(0, word.start) : max(0, word.end)].double()
    level = float(part.square().mean()) if len(part) else 0.0
    return 10 * (found / max(level, SMALLEST_POWER)).clamp_min(SMALLEST_POWER).log10()
