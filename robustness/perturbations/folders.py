"""What the user's own folders of sound give: a piece of a noise, and what a talker says, drawn by seed."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from robustness.audio.levels import SMALLEST_POWER, speech_span
from robustness.audio.noises import Noise, audio_in, read_noises
from robustness.audio.reading import read_audio
from robustness.errors import RecordingError

TRIES: Final = 20  # a piece that is silent under the word cannot be scaled to an SNR: another is drawn
STRETCHES: Final = 20  # of a piece, each of which must hold some noise
LEAST_POWER: Final = 1e-10  # −100 dBFS: half a step of 16 bits
PAUSE_S: Final = 0.1  # between what a talker says


@lru_cache(maxsize=2)
def noise_pool(folder: Path, rate_hz: int, count: int) -> tuple[Noise, ...]:
    """Every noise of a folder, each at least a window long.

    Raises:
        RecordingError: a file cannot be used.
    """
    return read_noises(folder, rate_hz, count)


def piece_of(folder: Path, count: int, rate_hz: int, rng: torch.Generator) -> Tensor:
    """A piece of one of the files, [count].

    Raises:
        RecordingError: piece after piece has a stretch of digital silence, in which a word would have no noise.
    """
    pool = noise_pool(folder, rate_hz, count)
    for _ in range(TRIES):
        samples = pool[int(torch.randint(len(pool), (), generator=rng))].samples
        start = int(torch.randint(len(samples) - count + 1, (), generator=rng))
        piece = samples[start : start + count]
        if piece.unfold(0, count // STRETCHES, count // STRETCHES).square().mean(1).min() > LEAST_POWER:
            return piece
    raise RecordingError(
        f"{TRIES} pieces drawn from the noises in {folder} have stretches of digital silence, where nothing is at an SNR; "
        f"take out the recordings that are gated or padded"
    )


@lru_cache(maxsize=2)
def talkers_in(folder: Path) -> tuple[Path, ...]:
    """Every recording of a talker in a folder, sorted.

    Raises:
        RecordingError: there is none.
    """
    return tuple(audio_in(folder, "talkers"))


def talker(folder: Path, count: int, rate_hz: int, rng: torch.Generator) -> Tensor:
    """Recordings drawn from a folder, one after the other with short pauses, from somewhere on, at an RMS of 1, [count]."""
    said: list[Tensor] = []
    while sum(map(len, said)) < 2 * count:
        paths = talkers_in(folder)
        said += [spoken(paths[int(torch.randint(len(paths), (), generator=rng))], rate_hz), torch.zeros(round(PAUSE_S * rate_hz))]
    samples = torch.cat(said)
    start = int(torch.randint(count, (), generator=rng))
    return _at_rms_1(samples[start : start + count])


@lru_cache(maxsize=2048)
def spoken(path: Path, rate_hz: int) -> Tensor:
    """The speech of a recording at an RMS of 1, without the silence around it, [time].

    Raises:
        RecordingError: the recording cannot be read, or is digital silence.
    """
    samples = read_audio(path, rate_hz).samples
    start, end = speech_span(samples, rate_hz)
    return _at_rms_1(samples[start:end])


def _at_rms_1(samples: Tensor) -> Tensor:
    return samples / samples.square().mean().sqrt().clamp_min(SMALLEST_POWER)
