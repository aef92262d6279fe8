"""Does the answer return without a constant offset? Fitted on the recording alone, where it is soft, and subtracted.

The control turns the phase of all but the offset, by as much energy.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Final

from torch import Tensor

from robustness.audio.steady_tones import offset_of
from robustness.interventions.base import INTERVENTIONS, EditKind, Intervention, SizesTried, turned_alike
from robustness.interventions.scene import Scene

LEAST: Final = 2.0**-10  # −60 dBFS: less is no offset


@INTERVENTIONS.register
@dataclass(frozen=True)
class RemoveOffset(Intervention):
    """The recording less its offset."""

    name: ClassVar[str] = "remove-offset"
    kind: ClassVar[EditKind] = "noise"
    sizes_tried: ClassVar[SizesTried] = SizesTried("of the offset", "%", (50, 100))
    does: ClassVar[str] = "removing the offset"
    control_does: ClassVar[str] = "turning the phase of the rest by as much, the offset as it was"
    source: ClassVar[str] = "weighted least squares, torch.linalg.solve"

    def possible(self, scene: Scene, size: float) -> bool:
        """Where there is an offset."""
        return abs(_offset(scene)) > LEAST

    def near(self, size: float) -> tuple[float, ...]:
        """None: there is one offset."""
        return ()

    def edit(self, scene: Scene, size: float, draw: int) -> Tensor:
        """Without that share of it."""
        taken = _offset(scene) * size / 100
        return scene.resounding(scene.recording - taken).window

    def control(self, scene: Scene, size: float, draw: int) -> Tensor:
        """With the rest turned."""
        offset = _offset(scene)
        turned = turned_alike(scene.resounding(scene.recording - offset), self.edit(scene, size, draw) - offset * ~scene.padding)
        return turned.resounding(turned.recording + offset).window


@lru_cache(maxsize=16)
def _offset(scene: Scene) -> float:
    """The offset of a scene's recording: the same for every size."""
    return offset_of(scene.recording, scene.rate_hz)
