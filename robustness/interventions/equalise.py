"""Does the answer return with another tilt of the spectrum? Darker (−) or brighter (+), the word as loud as before.

The size is the tilt in dB per octave. The control ripples up and down within each octave by as much energy, and leaves the tilt as it was.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final

from torch import Tensor

from robustness.audio.filters import shaped
from robustness.audio.levels import SMALLEST_POWER
from robustness.interventions.base import INTERVENTIONS, EditKind, Intervention, SizesTried
from robustness.interventions.scene import Scene

PIVOT_HZ: Final = 1000.0
LOWEST_HZ: Final = 60.0  # below, the tilt goes no further
RIPPLES: Final = 3  # in an octave
DEEPEST_DB: Final = 24.0  # of a ripple
HALVINGS: Final = 8  # of that: a fifth of a dB


@INTERVENTIONS.register
@dataclass(frozen=True)
class Equalise(Intervention):
    """A straight tilt over the octaves."""

    name: ClassVar[str] = "equalise"
    kind: ClassVar[EditKind] = "band"
    sizes_tried: ClassVar[SizesTried] = SizesTried("tilt of the spectrum", "dB per octave", (1, -1, 2, -2, 3, -3))
    does: ClassVar[str] = "tilting the spectrum"
    control_does: ClassVar[str] = "a ripple that changes as much, the tilt as it was"
    source: ClassVar[str] = "10^(dB/20) over log2 of frequency, torch.fft"

    def edit(self, scene: Scene, size: float, draw: int) -> Tensor:
        """With that tilt."""
        return _as_loud(scene, shaped(scene.window, scene.rate_hz, lambda hz: 10 ** (size * octaves(hz) / 20)))

    def control(self, scene: Scene, size: float, draw: int) -> Tensor:
        """With the ripple that changes the window by as much energy as the tilt does."""
        wanted = float((self.edit(scene, size, draw) - scene.window).double().square().sum())
        low, high = 0.0, DEEPEST_DB
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            changed = float((_rippled(scene, middle) - scene.window).double().square().sum())
            low, high = (middle, high) if changed < wanted else (low, middle)
        return _rippled(scene, low)


def _rippled(scene: Scene, depth_db: float) -> Tensor:
    gain: Callable[[Tensor], Tensor] = lambda hz: 10 ** ((2 * math.pi * RIPPLES * octaves(hz)).sin() * depth_db / 20)  # noqa: E731
    return _as_loud(scene, shaped(scene.window, scene.rate_hz, gain))


def octaves(hz: Tensor) -> Tensor:
    """Octaves from 1 kHz; from 60 Hz on downwards always the same."""
    return (hz.clamp_min(LOWEST_HZ) / PIVOT_HZ).log2()


def _as_loud(scene: Scene, window: Tensor) -> Tensor:
    """As loud inside the word as the scene is."""
    start, end = scene.word
    power = float(window[start:end].double().square().mean()) if end > start else 0.0
    return window * (scene.power / max(power, SMALLEST_POWER)) ** 0.5 if scene.power > 0 else window
