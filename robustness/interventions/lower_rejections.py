"""Does the answer return where the network leans less to saying nothing? The logits of the rejection labels lower, the window as it was.

That is no edit of the sound: it tells a network that leans to unknown from a sound that lacks something. Whether the network leans, its
other recordings say. The control takes as much off the logits of all other commands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from robustness.interventions.base import INTERVENTIONS, EditKind, Intervention, SizesTried
from robustness.interventions.scene import Scene


@INTERVENTIONS.register
@dataclass(frozen=True)
class LowerRejections(Intervention):
    """Unknown and silence lower by so many logits."""

    name: ClassVar[str] = "lower-rejections"
    kind: ClassVar[EditKind] = "output"
    sizes_tried: ClassVar[SizesTried] = SizesTried(
        "off the logits of the rejection labels", "logits", (0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 5, 6)
    )
    does: ClassVar[str] = "a bias against unknown"
    control_does: ClassVar[str] = "as much off the logits of the other commands"
    source: ClassVar[str] = "a constant on the logits; Saerens et al. (2002), Neural Computation 14: adjusting outputs to other priors"
    on_output: ClassVar[bool] = True

    def edit(self, scene: Scene, size: float, draw: int) -> Tensor:
        """The window as it was."""
        return scene.window

    def control(self, scene: Scene, size: float, draw: int) -> Tensor:
        """The window as it was."""
        return scene.window
