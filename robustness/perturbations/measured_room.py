"""How much of a real room does the model bear? Impulse responses that were measured in rooms, from the folder `--input responses=DIR`.

A level is the direct-to-reverberant ratio in dB: the energy of a response's first 2.5 ms, from its loudest sample on, over that of the
rest. It says how far from the device somebody speaks there. What is measured is the ratio of what a click becomes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

import torch
from torch import Tensor
from torch.nn.functional import pad

from robustness.audio.levels import SMALLEST_POWER
from robustness.audio.placement import Frame, Windows
from robustness.conditions import Axis, Family
from robustness.errors import RecordingError
from robustness.perturbations.base import PERTURBATIONS, Changed
from robustness.perturbations.responses import Response, ResponsePerturbation

DIRECT_S: Final = 0.0025
DRR: Final = Axis("direct-to-reverberant ratio", "dB", (20.0, 10.0, 5.0, 0.0, -5.0), neutral=float("inf"), neutral_says="no room")


@PERTURBATIONS.register
@dataclass(frozen=True)
class MeasuredRoom(ResponsePerturbation):
    """A room of the folder, another for each recording, the same at every level."""

    name: ClassVar[str] = "measured-room"
    family: ClassVar[Family] = "room"
    axis: ClassVar[Axis] = DRR
    source: ClassVar[str] = "torch.fft convolution; our choice of levels; the responses are given by --input responses=DIR"
    inputs: ClassVar[tuple[str, ...]] = ("responses",)
    responses: Path | None = None

    def check(self, response: Response, frame: Frame) -> None:
        """Looks whether it is a room's.

        Raises:
            RecordingError: nothing arrives after the direct sound.
        """
        _parts(response.samples, frame.samples, frame.rate_hz, response)

    def realization(self, count: int, rate_hz: int, rng: torch.Generator) -> Tensor:
        """The direct sound of a response and the rest apart, each at an energy of 1, [2 count]."""
        return _parts(self.one_of(rate_hz, rng), count, rate_hz)

    def perturb(self, clean: Windows, level: float, random: Tensor | None) -> Changed:
        """The windows in the room, with that direct-to-reverberant ratio in dB."""
        if random is None:
            raise TypeError("a room has a response")
        count = clean.samples.shape[1]
        response = random[:, 0] + random[:, 1] * 10 ** (-level / 20)
        spectrum = torch.fft.rfft(clean.samples.double(), n=2 * count) * torch.fft.rfft(response, n=2 * count)
        samples = torch.fft.irfft(spectrum, n=2 * count)[:, :count].float()
        first = round(DIRECT_S * clean.rate_hz)
        energies = [part.square().sum(1).clamp_min(SMALLEST_POWER) for part in (response[:, :first], response[:, first:])]
        return Changed(samples, 10 * (energies[0] / energies[1]).log10())


def _parts(samples: Tensor, count: int, rate_hz: int, named: Response | None = None) -> Tensor:
    """What arrives within 2.5 ms of the loudest sample, and what arrives later, [time] → [2 count].

    Raises:
        RecordingError: nothing arrives later.
    """
    heard = samples.double()[int(samples.abs().argmax()) :][:count]
    direct, rest = heard.clone(), heard.clone()
    first = round(DIRECT_S * rate_hz)
    direct[first:] = 0
    rest[:first] = 0
    if named is not None and not bool(rest.any()):
        raise RecordingError(f"the response {named.name} has no sound 2.5 ms after its loudest sample, and is none of a room; take it out")
    return pad(torch.stack([direct / direct.norm(), rest / rest.norm()]), (0, count - len(heard)))
