"""How much real background noise does the model bear? Pieces of the user's own recordings of noise, drawn by seed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Final

import torch
from torch import Tensor

from robustness.audio.noises import Noise, read_noises
from robustness.audio.placement import Frame
from robustness.conditions import Preset
from robustness.errors import RecordingError
from robustness.perturbations.base import PERTURBATIONS, Inputs
from robustness.perturbations.noise import AdditiveNoise

TRIES: Final = 20  # a piece that is silent under the word cannot be scaled to an SNR: another is drawn
STRETCHES: Final = 20  # of a piece, each of which must hold some noise
LEAST_POWER: Final = 1e-10  # −100 dBFS: half a step of 16 bits


@PERTURBATIONS.register
@dataclass(frozen=True)
class BackgroundNoise(AdditiveNoise):
    """A random piece of a random file of a folder."""

    name: ClassVar[str] = "background-noise"
    source: ClassVar[str] = "Warden (2018), arXiv:1804.03209: background noises mixed in; the files are given by --noises"
    preset: ClassVar[Preset] = "quick"
    dhauds: ClassVar[tuple[float, float] | None] = (5.0, 7.0)
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

    def noise(self, count: int, rate_hz: int, rng: torch.Generator) -> Tensor:
        """A piece of one of the files, [count].

        Raises:
            UsageError: no folder was given.
            RecordingError: piece after piece has a stretch of digital silence, in which a word would have no noise.
        """
        pool = _pool(self.folder("noises"), rate_hz, count)
        for _ in range(TRIES):
            piece = _piece(pool, count, rng)
            if piece.unfold(0, count // STRETCHES, count // STRETCHES).square().mean(1).min() > LEAST_POWER:
                return piece
        raise RecordingError(
            f"{TRIES} pieces drawn from the noises in {self.noises} have stretches of digital silence, where nothing is at an SNR; "
            f"take out the recordings that are gated or padded"
        )


def _piece(noises: tuple[Noise, ...], count: int, rng: torch.Generator) -> Tensor:
    samples = noises[int(torch.randint(len(noises), (), generator=rng))].samples
    start = int(torch.randint(len(samples) - count + 1, (), generator=rng))
    return samples[start : start + count]


@lru_cache(maxsize=1)
def _pool(folder: Path, rate_hz: int, count: int) -> tuple[Noise, ...]:
    return read_noises(folder, rate_hz, count)
