"""Does the answer return where the word lies elsewhere? The whole recording earlier (−) or later (+), the padding as it was.

The sham rewrites the padding with the recording's own floor and leaves the word where it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from robustness.interventions.base import DRAWS, INTERVENTIONS, Intervention, Kind, Ladder
from robustness.interventions.scene import Scene


@INTERVENTIONS.register
@dataclass(frozen=True)
class MoveWord(Intervention):
    """The recording moved in the window, as far as its word stays whole."""

    name: ClassVar[str] = "move-word"
    kind: ClassVar[Kind] = "placement"
    ladder: ClassVar[Ladder] = Ladder("shift", "ms", (10, -10, 20, -20, 40, -40, 80, -80, 160, -160))
    does: ClassVar[str] = "moving the word"
    sham_does: ClassVar[str] = "rewriting the padding with the recording's floor, the word where it was"
    source: ClassVar[str] = "Warden, Speech Commands (2018), arXiv:1804.03209: shifts up to 100 ms in training"
    sham_draws: ClassVar[int] = DRAWS

    def possible(self, scene: Scene, size: float) -> bool:
        """Where no more of the word is lost."""
        return scene.keeps_word(scene.count(size))

    def edit(self, scene: Scene, size: float, draw: int) -> Tensor:
        """The recording so many ms later."""
        return scene.moved(scene.count(size)).window

    def sham(self, scene: Scene, size: float, draw: int) -> Tensor:
        """The word where it was, in padding that was rewritten."""
        return torch.where(scene.padding, scene.floor(self.name, draw) + scene.added, scene.window)
