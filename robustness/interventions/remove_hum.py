"""Does the answer return without DC and mains hum? Notches at the multiples of 50 and 60 Hz, and nothing below 20 Hz.

The size is the number of multiples. The sham has its notches in the middle between, and keeps what lies below 20 Hz.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final

import torch
from torch import Tensor

from robustness.audio.filters import shaped
from robustness.interventions.base import INTERVENTIONS, Intervention, Kind, Ladder
from robustness.interventions.scene import Scene

MAINS_HZ: Final = (50.0, 60.0)
NOTCH_HZ: Final = 2.0  # to each side: mains keep their frequency far better, a window of one second resolves 1 Hz
LOWEST_HZ: Final = 20.0


@INTERVENTIONS.register
@dataclass(frozen=True)
class RemoveHum(Intervention):
    """No DC, and the first multiples of both mains frequencies cut out."""

    name: ClassVar[str] = "remove-hum"
    kind: ClassVar[Kind] = "noise"
    ladder: ClassVar[Ladder] = Ladder("multiples of the mains frequency", "multiples", (1, 3, 5))
    does: ClassVar[str] = "removing DC and hum"
    sham_does: ClassVar[str] = "as many notches between the multiples"
    source: ClassVar[str] = "notches by torch.fft at 50 and 60 Hz and their multiples"

    def near(self, size: float) -> tuple[float, ...]:
        """With one and two multiples more."""
        return (size + 1, size + 2)

    def edit(self, scene: Scene, size: float, draw: int) -> Tensor:
        """Without DC and hum."""
        places = [hz * n for hz in MAINS_HZ for n in range(1, int(size) + 1)]
        return shaped(scene.window, scene.rate_hz, lambda hz: torch.where(hz < LOWEST_HZ, 0.0, 1.0) * notched(hz, places))

    def sham(self, scene: Scene, size: float, draw: int) -> Tensor:
        """With its DC and hum, without as much beside."""
        places = [hz * (n + 0.5) for hz in MAINS_HZ for n in range(1, int(size) + 1)]
        return shaped(scene.window, scene.rate_hz, lambda hz: notched(hz, places))


def notched(hz: Tensor, places: list[float]) -> Tensor:
    """A gain of 0 at these frequencies and within 2 Hz of them, else of 1."""
    return torch.stack(list(_notches(hz, places))).amin(0)


def _notches(hz: Tensor, places: list[float]) -> Iterator[Tensor]:
    for place in places:
        yield ((hz - place).abs() > NOTCH_HZ).double()
