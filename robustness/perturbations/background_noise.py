"""How much real background noise does the model bear? Pieces of the user's own recordings of noise, drawn by seed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from robustness.audio.files import counted, some
from robustness.audio.noises import Noise, read_noises, silent_in_part, sounding_starts
from robustness.audio.placement import Frame
from robustness.perturbations.base import PERTURBATIONS, Inputs
from robustness.perturbations.noise import AdditiveNoise


@PERTURBATIONS.register
@dataclass(frozen=True)
class BackgroundNoise(AdditiveNoise):
    """A random piece of a random file of a folder."""

    name: ClassVar[str] = "background-noise"
    source: ClassVar[str] = "Warden (2018), arXiv:1804.03209: background noises mixed in; the files are given by --noises"
    inputs: ClassVar[tuple[str, ...]] = ("noises",)
    noises: Path | None = None

    def unavailable(self, inputs: Inputs, frame: Frame | None = None) -> str | None:
        """Why there is no noise.

        Raises:
            RecordingError: a file of the folder cannot be used.
        """
        if "noises" not in inputs:
            return "no recordings of noise were given: give their folder by --noises DIR"
        if frame is not None:
            _pool(inputs["noises"], frame.rate_hz, frame.samples)
        return None

    def notices(self, frame: Frame) -> list[str]:
        """How many of the noises are silent in part."""
        noises = _pool(self.folder("noises"), frame.rate_hz, frame.samples)
        gaps = [noise.name for noise in noises if silent_in_part(noise.samples, frame.samples)]
        if not gaps:
            return []
        return [f"{len(gaps)} of {counted(len(noises), 'noise')} silent in part, pieces are drawn where they sound: {some(gaps)}"]

    def noise(self, count: int, rate_hz: int, rng: torch.Generator) -> Tensor:
        """A piece of one of the files, [count].

        Raises:
            UsageError: no folder was given.
            RecordingError: the noises cannot be used, or no piece of them sounds throughout.
        """
        pool = _pool(self.folder("noises"), rate_hz, count)
        piece = _piece(pool, count, rng)
        return piece if len(sounding_starts(piece, count)) else _sounding_piece(pool, count, rng)


def _piece(noises: tuple[Noise, ...], count: int, rng: torch.Generator) -> Tensor:
    samples = noises[int(torch.randint(len(noises), (), generator=rng))].samples
    start = int(torch.randint(len(samples) - count + 1, (), generator=rng))
    return samples[start : start + count]


def _sounding_piece(noises: tuple[Noise, ...], count: int, rng: torch.Generator) -> Tensor:
    """A piece drawn among those without a silent stretch, for a word in one could not be brought to an SNR."""
    starts = [sounding_starts(noise.samples, count) for noise in noises]
    place = int(torch.randint(sum(len(own) for own in starts), (), generator=rng))
    for noise, own in zip(noises, starts, strict=True):
        if place < len(own):
            start = int(own[place])
            return noise.samples[start : start + count]
        place -= len(own)
    raise AssertionError("the place lies among the starts")


@lru_cache(maxsize=1)
def _pool(folder: Path, rate_hz: int, count: int) -> tuple[Noise, ...]:
    return read_noises(folder, rate_hz, count)
