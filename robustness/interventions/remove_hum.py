"""Does the answer return without mains hum? The multiples of 50 or 60 Hz, fitted on the recording alone, where it is soft, and subtracted.

The mains' frequency is the one, within half a hertz of either, that explains most. The size is the number of multiples. The control has
tones of the same strength between the multiples in the place of the hum.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from torch import Tensor

from robustness.audio.steady_tones import MAINS_HZ, FittedHum, columns, hum_at, mains_in
from robustness.interventions.base import INTERVENTIONS, EditKind, Intervention, SizesTried
from robustness.interventions.scene import Scene


@INTERVENTIONS.register
@dataclass(frozen=True)
class RemoveHum(Intervention):
    """The recording less its hum."""

    name: ClassVar[str] = "remove-hum"
    kind: ClassVar[EditKind] = "noise"
    sizes_tried: ClassVar[SizesTried] = SizesTried("multiples of the mains frequency", "multiples", (1, 3, 5, 10))
    does: ClassVar[str] = "removing hum"
    control_does: ClassVar[str] = "tones as strong between the multiples in its place"
    source: ClassVar[str] = "weighted least squares at the multiples of 50 or 60 Hz, torch.linalg.solve"

    def possible(self, scene: Scene, size: float) -> bool:
        """Where the multiples are below half the sampling rate, and the recording holds two periods of the mains at least."""
        return (size + 1) * MAINS_HZ[1] < scene.nyquist_hz and len(scene.recording) * MAINS_HZ[0] >= 2 * scene.rate_hz

    def near(self, size: float) -> tuple[float, ...]:
        """With one and two multiples more."""
        return (size + 1, size + 2)

    def edit(self, scene: Scene, size: float, draw: int) -> Tensor:
        """Without hum."""
        return scene.resounding((scene.recording.double() - self._sound(scene, size, 0.0)).float()).window

    def control(self, scene: Scene, size: float, draw: int) -> Tensor:
        """With other tones in its place."""
        other = self._sound(scene, size, 0.5) - self._sound(scene, size, 0.0)
        return scene.resounding((scene.recording.double() + other).float()).window

    def _sound(self, scene: Scene, size: float, between: float) -> Tensor:
        """The hum's tones, moved up by a share of the mains frequency, without the constant."""
        mains, found = hum_of(scene, int(size))
        places = [mains * (n + between) for n in range(1, int(size) + 1)]
        return columns(len(scene.recording), scene.rate_hz, places)[:, 1:] @ found[1:]


@lru_cache(maxsize=16)
def hum_of(scene: Scene, multiples: int) -> FittedHum:
    """The hum of a scene's recording, with so many multiples."""
    return hum_at(scene.recording, scene.rate_hz, _mains_of(scene), multiples)


@lru_cache(maxsize=16)
def _mains_of(scene: Scene) -> float:
    return mains_in(scene.recording, scene.rate_hz)
