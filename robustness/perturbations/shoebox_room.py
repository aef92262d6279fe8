"""How much of a room with walls does the model bear? Image sources and ray tracing in a room of 5 × 4 × 2.7 m.

A level is T60 in s, for which Sabine's formula gives the walls' absorption; a wall has no colour. Talker and microphone stand 2 m apart, at
one of a few places a draw. Unlike the diffuse room of `reverberation` this one has single early reflections. The response is that of the
direct sound first, at its own loudness. What is measured is T60 by Schroeder's curve, up to 15 % away from Sabine's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Final

import numpy as np
import torch
from torch import Tensor

from robustness.audio.placement import Windows
from robustness.conditions import Axis, Family
from robustness.perturbations.base import PERTURBATIONS, Changed, Extra, WindowPerturbation
from robustness.perturbations.rooms import measured_t60_s

ROOM_M: Final = (5.0, 4.0, 2.7)
APART_M: Final = 2.0
MICROPHONE_M: Final = 1.0  # over the floor
TALKER_M: Final = 1.5
FROM_WALLS_M: Final = 0.5
PLACES: Final = 4
MOST_IMAGES: Final = 12  # reflections by image sources; later ones by rays


@PERTURBATIONS.register
@dataclass(frozen=True)
class ShoeboxRoom(WindowPerturbation):
    """A room with six walls, another place in it for each draw."""

    name: ClassVar[str] = "shoebox-room"
    family: ClassVar[Family] = "room"
    axis: ClassVar[Axis] = Axis("reverberation time T60", "s", (0.2, 0.4, 0.6, 0.9), neutral=0.0, neutral_says="no room")
    source: ClassVar[str] = "Allen & Berkley (1979), JASA 65: image sources; pyroomacoustics, Scheibler et al. (2018), arXiv:1710.04196"
    draws: ClassVar[int] = 3
    extra: ClassVar[Extra | None] = Extra("pyroomacoustics", "rooms")

    def realization(self, count: int, rate_hz: int, rng: torch.Generator) -> Tensor:
        """Which of the places, []."""
        return torch.randint(PLACES, (), generator=rng)

    def perturb(self, clean: Windows, level: float, random: Tensor | None) -> Changed:
        """The windows in a room with that T60 in s."""
        if random is None:
            raise TypeError("a room has places")
        count = clean.samples.shape[1]
        responses = torch.stack([response_of(place, level, clean.rate_hz, count) for place in map(int, random)])
        spectrum = torch.fft.rfft(clean.samples.double(), n=2 * count) * torch.fft.rfft(responses, n=2 * count)
        samples = torch.fft.irfft(spectrum, n=2 * count)[:, :count].float()
        return Changed(samples, measured_t60_s(responses, clean.rate_hz))


@lru_cache(maxsize=64)
def response_of(place: int, t60_s: float, rate_hz: int, count: int) -> Tensor:
    """The room's response at a place, [count]: the direct sound, at 1, is its first sample."""
    import pyroomacoustics as pra

    rng = np.random.default_rng(place)
    absorption, order = pra.inverse_sabine(t60_s, ROOM_M)
    pra.random.seed(place)  # a generator of its own, for rays and late echoes
    room = pra.ShoeBox(
        ROOM_M, fs=rate_hz, materials=pra.Material(absorption), max_order=min(order, MOST_IMAGES), ray_tracing=True, air_absorption=False
    )
    angle = rng.uniform(0, 2 * np.pi)
    low, high = FROM_WALLS_M, np.asarray(ROOM_M[:2]) - FROM_WALLS_M
    across = (APART_M**2 - (TALKER_M - MICROPHONE_M) ** 2) ** 0.5 * np.asarray([np.cos(angle), np.sin(angle)])
    microphone = rng.uniform(np.maximum(low, low - across), np.minimum(high, high - across))
    room.add_source([*(microphone + across), TALKER_M])
    room.add_microphone([*microphone, MICROPHONE_M])
    room.compute_rir()
    found = torch.from_numpy(np.asarray(room.rir[0][0], dtype=np.float64))
    first = int(found[: rate_hz // 10].abs().argmax())
    found = found[first : first + count] / found[first]
    return torch.nn.functional.pad(found, (0, count - len(found)))
