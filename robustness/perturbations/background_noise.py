"""How much real background noise does the model bear? Pieces of the user's own recordings of noise, drawn by seed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from robustness.audio.files import counted, some
from robustness.audio.noises import silent_in_part
from robustness.audio.placement import Frame
from robustness.conditions import Everyday, Preset
from robustness.perturbations.base import PERTURBATIONS, Inputs
from robustness.perturbations.folders import noise_pool, piece_of
from robustness.perturbations.noise import SAID_SNR, AdditiveNoise


@PERTURBATIONS.register
@dataclass(frozen=True)
class BackgroundNoise(AdditiveNoise):
    """A random piece of a random file of a folder."""

    name: ClassVar[str] = "background-noise"
    source: ClassVar[str] = "Warden (2018), arXiv:1804.03209: background noises mixed in; the files are given by --noises"
    preset: ClassVar[Preset] = "quick"
    everyday: ClassVar[Everyday | None] = SAID_SNR
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
            noise_pool(inputs["noises"], frame.rate_hz, frame.samples)
        return None

    def notices(self, frame: Frame) -> list[str]:
        """How many of the noises are silent in part."""
        noises = noise_pool(self.folder("noises"), frame.rate_hz, frame.samples)
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
        return piece_of(self.folder("noises"), count, rate_hz, rng)
