"""What the user's own folders of sound give: a piece of a noise, and what a talker says, drawn by seed."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from robustness.audio.levels import SMALLEST_POWER, speech_span
from robustness.audio.noises import Noise, audio_in, read_noises, sounding_starts
from robustness.audio.reading import read_audio

PAUSE_S: Final = 0.1  # between what a talker says


@lru_cache(maxsize=2)
def noise_pool(folder: Path, rate_hz: int, count: int) -> tuple[Noise, ...]:
    """Every noise of a folder, each at least a window long.

    Raises:
        RecordingError: a file cannot be used.
    """
    return read_noises(folder, rate_hz, count)


def piece_of(folder: Path, count: int, rate_hz: int, rng: torch.Generator) -> Tensor:
    """A piece of one of the files, [count]; one with a stretch of digital silence, where a word has no SNR, is drawn anew.

    Raises:
        RecordingError: a file cannot be used, or no piece of them sounds throughout.
    """
    pool = noise_pool(folder, rate_hz, count)
    samples = pool[int(torch.randint(len(pool), (), generator=rng))].samples
    start = int(torch.randint(len(samples) - count + 1, (), generator=rng))
    piece = samples[start : start + count]
    return piece if len(sounding_starts(piece, count)) else _sounding_piece(pool, count, rng)


def _sounding_piece(noises: tuple[Noise, ...], count: int, rng: torch.Generator) -> Tensor:
    """A piece drawn among those without a silent stretch; there is one, as `read_noises` makes sure."""
    starts = [sounding_starts(noise.samples, count) for noise in noises]
    place = int(torch.randint(sum(map(len, starts)), (), generator=rng))
    which = next(i for i in range(len(starts)) if place < sum(map(len, starts[: i + 1])))
    start = int(starts[which][place - sum(map(len, starts[:which]))])
    return noises[which].samples[start : start + count]


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
