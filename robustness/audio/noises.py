"""Folders of audio that a perturbation needs: which files they hold, and noises at the model's rate."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

import torch
from torch import Tensor

from robustness.audio.decoding import LARGEST_BYTES
from robustness.audio.files import NOT_WORDS, READ
from robustness.audio.reading import read_audio
from robustness.errors import RecordingError
from robustness.files import UnreadableError, sha256_of

STRETCHES: Final = 20  # of a piece, each of which must hold some noise: a word in a silent one would have none
LEAST_POWER: Final = 1e-10  # −100 dBFS: half a step of 16 bits
MOST_SAMPLES: Final = 2**27  # of all files: half a GB, two hours at 16 kHz


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
        RecordingError: where there is no such folder, no audio file, one that is silent or shorter than a window, more than memory
            should hold, or no piece as long as a window that sounds throughout.
    """
    noises = _read(folder, rate_hz)
    for noise in noises:
        if len(noise.samples) < least_samples:
            seconds = least_samples / rate_hz
            raise RecordingError(f"the noise {noise.name} is shorter than the model's window of {seconds:g} s; take it out of {folder}")
        if not noise.samples.any():
            raise RecordingError(f"the noise {noise.name} is digital silence; take it out of {folder}")
    if not any(len(sounding_starts(noise.samples, least_samples)) for noise in noises):
        raise RecordingError(
            f"no piece of the noises in {folder} sounds for the {least_samples / rate_hz:g} s of the model's window: each has a stretch of "
            "digital silence, where nothing is at an SNR; give recordings that are not gated or padded"
        )
    return noises


def audio_in(folder: Path, name: str) -> list[Path]:
    """Every audio file of a folder that was given by `--input NAME=DIR`, sorted.

    Raises:
        RecordingError: there is no such folder, or no audio file in it.
    """
    paths = sorted(path for path in folder.glob("*") if path.suffix.lower() in READ and not path.name.startswith("."))
    if not paths:
        inside = folder / NOT_WORDS
        remedy = f"{inside}, which is in it" if inside.is_dir() else f"--input {name}=DIR a folder of recordings"
        raise RecordingError(f"{folder} holds no {name} ({', '.join(sorted(READ))}); give {remedy}")
    return paths


def digests(folder: Path, name: str) -> dict[str, str]:
    """The SHA-256 of every audio file of a folder that was given by name.

    Raises:
        RecordingError: there is no such folder, no audio file in it, or one that cannot be read.
    """
    found: dict[str, str] = {}
    for path in audio_in(folder, name):
        try:
            found[path.name] = sha256_of(path, LARGEST_BYTES)
        except UnreadableError as error:
            raise RecordingError(f"{path} cannot be read: {error}; take it out of {folder}") from error
        except OSError as error:
            raise RecordingError(f"{path} cannot be opened: {error.strerror or error}; take it out of {folder}") from error
    return found


def silent_in_part(samples: Tensor, count: int) -> bool:
    """Whether some piece of `count` samples has a silent stretch."""
    stretch = max(1, count // STRETCHES)
    return bool((samples.unfold(0, stretch, stretch).square().mean(1) <= LEAST_POWER).any())


def sounding_starts(samples: Tensor, count: int) -> Tensor:
    """Where pieces of `count` samples may begin that have no silent stretch, [starts], on a grid of stretches."""
    stretch = max(1, count // STRETCHES)
    silent = samples.unfold(0, stretch, stretch).square().mean(1) <= LEAST_POWER
    wide = -(-count // stretch)  # stretches that a piece touches
    if len(silent) < wide:
        return torch.zeros(0 if bool(silent.any()) else 1, dtype=torch.long)
    starts = (~silent.unfold(0, wide, 1).any(1)).nonzero().flatten() * stretch
    return starts[starts + count <= len(samples)]


def _read(folder: Path, rate_hz: int) -> tuple[Noise, ...]:
    noises: list[Noise] = []
    for path in audio_in(folder, "noises"):
        noises.append(_noise(path, rate_hz))
        if sum(len(noise.samples) for noise in noises) > MOST_SAMPLES:
            minutes = MOST_SAMPLES // rate_hz // 60
            raise RecordingError(f"the noises in {folder} last more than the {minutes} minutes that are kept in memory; take some out")
    return tuple(noises)


def _noise(path: Path, rate_hz: int) -> Noise:
    audio = read_audio(path, rate_hz)
    return Noise(path.name, audio.samples, audio.sha256)
