"""Does the answer return with another tilt of the spectrum? Darker (−) or brighter (+), the word as loud as before.

The size is the tilt in dB per octave. The sham ripples as much up and down within each octave, and leaves the tilt as it was.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final

import torch
from torch import Tensor

from robustness.audio.filters import shaped
from robustness.audio.levels import SMALLEST_POWER
from robustness.interventions.base import INTERVENTIONS, Intervention, Kind, Ladder
from robustness.interventions.scene import Scene

PIVOT_HZ: Final = 1000.0
LOWEST_HZ: Final = 60.0  # below, the tilt goes no further
RIPPLES: Final = 3  # in an octave


@INTERVENTIONS.register
@dataclass(frozen=True)
class Equalise(Intervention):
    """A straight tilt over the octaves."""

    name: ClassVar[str] = "equalise"
    kind: ClassVar[Kind] = "band"
    ladder: ClassVar[Ladder] = Ladder("tilt of the spectrum", "dB per octave", (1, -1, 2, -2, 3, -3))
    does: ClassVar[str] = "tilting the spectrum"
    sham_does: ClassVar[str] = "a ripple of the same size, the tilt as it was"
    source: ClassVar[str] = "10^(dB/20) over log2 of frequency, torch.fft"

    def edit(self, scene: Scene, size: float, draw: int) -> Tensor:
        """With that tilt."""
        return _as_loud(scene, shaped(scene.window, scene.rate_hz, lambda hz: 10 ** (size * octaves(hz) / 20)))

    def sham(self, scene: Scene, size: float, draw: int) -> Tensor:
        """With ripples whose gains in dB are as large as those of the tilt, root mean square over the octaves."""
        span = octaves(torch.tensor([LOWEST_HZ, scene.nyquist_hz], dtype=torch.float64))
        rms = float(((span[1] ** 3 - span[0] ** 3) / (3 * (span[1] - span[0]))).sqrt())
        ripple: Callable[[Tensor], Tensor] = lambda hz: (2 * math.pi * RIPPLES * octaves(hz)).sin() * math.sqrt(2) * size * rms  # noqa: E731
        return _as_loud(scene, shaped(scene.window, scene.rate_hz, lambda hz: 10 ** (ripple(hz) / 20)))


def octaves(hz: Tensor) -> Tensor:
    """Octaves from 1 kHz; from 60 Hz on downwards always the same."""
    return (hz.clamp_min(LOWEST_HZ) / PIVOT_HZ).log2()


def _as_loud(scene: Scene, window: Tensor) -> Tensor:
    """As loud inside the word as the scene is."""
    start, end = scene.word
    power = float(window[start:end].double().square().mean()) if end > start else 0.0
    return window * (scene.power / max(power, SMALLEST_POWER)) ** 0.5 if scene.power > 0 else window
