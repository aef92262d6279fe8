"""Does the answer return where the word lies elsewhere? The whole recording earlier (−) or later (+), the padding as it was.

Beside the usual sizes, the nearest lead at which this recording is known to be right. The control rewrites the padding with the recording's
own floor, turns the recording's phase, and leaves the word where it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from robustness.interventions.base import DRAWS, INTERVENTIONS, EditKind, Intervention, SizesTried, turned_alike
from robustness.interventions.scene import Scene


@INTERVENTIONS.register
@dataclass(frozen=True)
class MoveWord(Intervention):
    """The recording moved in the window, as far as its word stays whole."""

    name: ClassVar[str] = "move-word"
    kind: ClassVar[EditKind] = "placement"
    sizes_tried: ClassVar[SizesTried] = SizesTried(
        "shift",
        "ms",
        (10, -10, 20, -20, 40, -40, 80, -80, 160, -160, 240, -240, 320, -320),
        beyond=20.0,
        mild=160,
    )
    does: ClassVar[str] = "moving the word"
    control_does: ClassVar[str] = "rewriting the padding with the recording's floor and turning its phase, the word where it was"
    source: ClassVar[str] = "Warden, Speech Commands (2018), arXiv:1804.03209: shifts up to 100 ms in training"
    control_draws: ClassVar[int] = DRAWS

    def asked_for(self, scene: Scene) -> float | None:
        """As far as the nearest lead that is known to be right."""
        return None if scene.known_ms is None else round(scene.known_ms - scene.lead * 1000 / scene.rate_hz)

    def possible(self, scene: Scene, size: float) -> bool:
        """Where no more of the word is lost."""
        return scene.keeps_word(scene.count(size))

    def edit(self, scene: Scene, size: float, draw: int) -> Tensor:
        """The recording so many ms later."""
        return scene.moved(scene.count(size)).window

    def control(self, scene: Scene, size: float, draw: int) -> Tensor:
        """The word where it was, in padding that was rewritten."""
        turned = turned_alike(scene, self.edit(scene, size, draw)).window
        return torch.where(scene.padding, scene.floor(self.name, draw) + scene.added, turned)
