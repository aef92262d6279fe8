"""Windows without a word: what a device hears most of the day. A command found in one is a false accept.

Levels are RMS in dBFS. Silence is digital; white and pink noise are drawn by seed; background noises are cut end to end as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import torch
from torch import Tensor

from robustness.audio.colours import pink, white
from robustness.audio.levels import from_decibels
from robustness.audio.noises import read_noises
from robustness.audio.placement import Frame
from robustness.conditions import PINK, SILENCE, WHITE
from robustness.seeds import generator_of

LEVELS_DBFS: Final = (-60.0, -40.0, -20.0)  # a quiet room, a fan, a street
DRAWS: Final = 40
MOST_WINDOWS: Final = 300  # of background noise: five minutes in windows of one second


class NoWord(NamedTuple):
    """Windows of one kind and level, [windows time]."""

    kind: str
    level_dbfs: float | None
    samples: Tensor


def windows_without_word(frame: Frame, seed: int, noises: Path | None = None) -> Iterator[NoWord]:
    """Digital silence, white and pink noise at three levels, and the background noises given."""
    yield NoWord(SILENCE, None, torch.zeros(1, frame.samples))
    for kind, colour in ((WHITE, white), (PINK, pink)):
        for level_dbfs in LEVELS_DBFS:  # other noise at each level: every window is one of its own
            rngs = [generator_of(seed, kind, level_dbfs, draw) for draw in range(DRAWS)]
            shapes = torch.stack([colour(frame.samples, frame.rate_hz, rng) for rng in rngs])
            yield NoWord(kind, level_dbfs, shapes * from_decibels(level_dbfs))
    if noises is not None:
        files = read_noises(noises, frame.rate_hz, frame.samples)
        for noise in files:
            pieces = noise.samples.unfold(0, frame.samples, frame.samples)[: max(1, MOST_WINDOWS // len(files))]
            yield NoWord(noise.name, None, pieces)
