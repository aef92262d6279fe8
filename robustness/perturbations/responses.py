"""Impulse responses that were measured, from a folder of the user's: of rooms and of microphones, one channel a file.

A response of another rate is resampled. One that is silent, of several channels, too long or no sound at all is refused: it names no
microphone and no room.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Final, NamedTuple

import numpy as np
import soundfile
import torch
from torch import Tensor

from robustness.audio.files import counted, some
from robustness.audio.noises import audio_in
from robustness.audio.placement import Frame
from robustness.audio.resampling import resampled
from robustness.conditions import Preset
from robustness.errors import RecordingError
from robustness.perturbations.base import Inputs, WindowPerturbation

LONGEST_S: Final = 30.0
FEWEST: Final = 8  # samples


class Response(NamedTuple):
    """One response.

    Attributes:
        name: of its file.
        samples: at the rate asked for, [time].
        measured_hz: the rate at which it was measured.
    """

    name: str
    samples: Tensor
    measured_hz: int


class ResponsePerturbation(WindowPerturbation):
    """What a response of the user's folder does, another for each recording and the same at every level; its one input is the folder."""

    preset: ClassVar[Preset] = "standard"
    draws: ClassVar[int] = 3

    def unavailable(self, inputs: Inputs, frame: Frame | None = None) -> str | None:
        """Why there is no response.

        Raises:
            RecordingError: a file of the folder is none.
        """
        (name,) = self.inputs
        if frame is not None and name in inputs:
            for one in responses_in(inputs[name], name, frame.rate_hz):
                self.check(one, frame)
        return super().unavailable(inputs, frame)

    def check(self, response: Response, frame: Frame) -> None:
        """Looks at a response that can be read.

        Raises:
            RecordingError: it is none of what the plug-in is about.
        """

    def notices(self, frame: Frame) -> list[str]:
        """Which responses were measured at another rate."""
        (name,) = self.inputs
        return rate_notices(responses_in(self.folder(name), name, frame.rate_hz), frame.rate_hz)

    def one_of(self, rate_hz: int, rng: torch.Generator) -> Tensor:
        """One of the responses, [time]."""
        (name,) = self.inputs
        found = responses_in(self.folder(name), name, rate_hz)
        return found[int(torch.randint(len(found), (), generator=rng))].samples


@lru_cache(maxsize=4)
def responses_in(folder: Path, name: str, rate_hz: int) -> tuple[Response, ...]:
    """Every response of a folder that was given by `--input NAME=DIR`, by the names of their files.

    Args:
        folder: where the files are.
        name: of the input.
        rate_hz: the rate to bring them to.

    Raises:
        RecordingError: there is no such folder, no audio file in it, or one that is no response.
    """
    return tuple(_response(path, rate_hz) for path in audio_in(folder, name))


def rate_notices(responses: tuple[Response, ...], rate_hz: int) -> list[str]:
    """Which responses were measured at another rate, and what is not in those of a lower one."""
    told = []
    for what, others in (
        (f"resampled to {rate_hz} Hz", [one for one in responses if one.measured_hz > rate_hz]),
        ("measured at a lower rate, and let nothing through above half of it", [one for one in responses if one.measured_hz < rate_hz]),
    ):
        if others:
            told.append(f"{len(others)} of {counted(len(responses), 'response')} {what}: {some([one.name for one in others])}")
    return told


def _response(path: Path, rate_hz: int) -> Response:
    try:
        with soundfile.SoundFile(path) as file:
            if file.channels != 1:
                raise RecordingError(f"the response {path} has {file.channels} channels, and a mix of them is none; give a file a channel")
            if not FEWEST <= file.frames <= LONGEST_S * file.samplerate:
                raise RecordingError(
                    f"the response {path} has {file.frames} samples at {file.samplerate} Hz; "
                    f"expected {FEWEST} samples to {LONGEST_S:g} s: cut it to the response"
                )
            samples, measured_hz = file.read(dtype="float32"), int(file.samplerate)
    except (OSError, soundfile.SoundFileError) as error:
        raise RecordingError(f"the response {path} cannot be read as sound; take it out of {path.parent}") from error
    if not np.isfinite(samples).all():
        raise RecordingError(f"the response {path} has samples that are not a number; take it out of {path.parent}")
    if not samples.any():
        raise RecordingError(f"the response {path} is digital silence; take it out of {path.parent}")
    whole = torch.from_numpy(samples)
    return Response(path.name, whole if measured_hz == rate_hz else resampled(whole, measured_hz, rate_hz), measured_hz)
