"""Does the answer return where the network computes in float? The window as it was, answered by the float network.

The control is answered by the variant itself, the window off by one step of 16 bits: rounding alone can turn a quantized answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import torch
from torch import Tensor

from robustness.interventions.base import DRAWS, INTERVENTIONS, EditKind, Intervention, SizesTried
from robustness.interventions.scene import Scene

STEP: Final = 2.0**-15  # of 16 bits


@INTERVENTIONS.register
@dataclass(frozen=True)
class InFloat(Intervention):
    """The float network in place of the quantized one."""

    name: ClassVar[str] = "in-float"
    kind: ClassVar[EditKind] = "precision"
    sizes_tried: ClassVar[SizesTried] = SizesTried("precision", "float32", (0,))
    does: ClassVar[str] = "computing in float"
    control_does: ClassVar[str] = "the same variant, the sound off by one step of 16 bits"
    source: ClassVar[str] = "the model in float32, as it was trained"
    control_draws: ClassVar[int] = DRAWS
    in_float: ClassVar[bool] = True

    def near(self, size: float) -> tuple[float, ...]:
        """None: there is but one float."""
        return ()

    def edit(self, scene: Scene, size: float, draw: int) -> Tensor:
        """The window as it was."""
        return scene.window

    def control(self, scene: Scene, size: float, draw: int) -> Tensor:
        """The window with each sample up or down by a step of 16 bits."""
        signs = torch.randint(0, 2, (scene.samples,), generator=scene.rng(self.name, draw)) * 2 - 1
        return scene.window + signs * STEP
