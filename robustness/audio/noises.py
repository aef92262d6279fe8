"""Folders of audio that a perturbation needs: which files they hold, and noises at the model's rate."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final, NamedTuple

from torch import Tensor

from robustness.audio.reading import read_audio
from robustness.errors import RecordingError

SUFFIXES: Final = (".wav", ".flac", ".ogg", ".mp3")


class Noise(NamedTuple):
    """One file of background noise, [time] at the rate asked for."""

    name: str
    samples: Tensor
    sha256: str


def read_noises(folder: Path, rate_hz: int, least_samples: int) -> tuple[Noise, ...]:
    """Every audio file of a folder, by name.

    Args:
        folder: where the files are.
        rate_hz: the rate to bring them to.
        least_samples: the length of a window; a noise must fill it.

    Raises:
        RecordingError: where there is no such folder, no audio file, or one that is silent or shorter than a window.
    """
    paths = sorted(path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise RecordingError(f"{folder} holds no noise ({', '.join(SUFFIXES)}); give --noises a folder of noise recordings")
    noises = tuple(_noise(path, rate_hz) for path in paths)
    for noise in noises:
        if len(noise.samples) < least_samples:
            seconds = least_samples / rate_hz
            raise RecordingError(f"the noise {noise.name} is shorter than the model's window of {seconds:g} s; take it out of {folder}")
        if not noise.samples.any():
            raise RecordingError(f"the noise {noise.name} is digital silence; take it out of {folder}")
    return noises


def audio_in(folder: Path, name: str) -> list[Path]:
    """Every audio file of a folder that was given by `--input NAME=DIR`, sorted.

    Raises:
        RecordingError: there is no such folder, or no audio file in it.
    """
    paths = sorted(path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise RecordingError(f"{folder} holds no {name} ({', '.join(SUFFIXES)}); --input {name}=DIR takes a folder of recordings")
    return paths


def digests(folder: Path, name: str) -> dict[str, str]:
    """The SHA-256 of every audio file of a folder that was given by name.

    Raises:
        RecordingError: there is no such folder, or no audio file in it.
    """
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in audio_in(folder, name)}


def _noise(path: Path, rate_hz: int) -> Noise:
    audio = read_audio(path, rate_hz)
    return Noise(path.name, audio.samples, audio.sha256)
