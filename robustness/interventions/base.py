"""What every intervention offers: a small physical edit that might restore the right answer, and its sham.

A size is a number in the unit of the ladder, mild → strong; the two signs of a size are two directions. The sham does as much as the edit
of that size and leaves the factor of the intervention's kind as it was: where it restores as well, the kind explains nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from torch import Tensor

from robustness.interventions.scene import Scene
from robustness.registry import Registry

Kind = Literal["placement", "padding", "level", "noise", "band", "speed", "precision"]
DRAWS: Final = 5  # of what is random, edits and shams alike
NEAR: Final = (1.04, 1.08, 1.12, 1.16)  # of a size: an edit that restores an answer does so a little beyond as well


@dataclass(frozen=True)
class Ladder:
    """Sizes, mild → strong, in a unit; a size of 0 says that the edit has no size."""

    name: str
    unit: str
    sizes: tuple[float, ...]


class Intervention(ABC):
    """A named edit of what a model hears, or of the precision in which it computes; settings are the fields of a frozen dataclass."""

    name: ClassVar[str]
    kind: ClassVar[Kind]
    ladder: ClassVar[Ladder]
    does: ClassVar[str]  # as the subject of a sentence: "moving the word"
    sham_does: ClassVar[str]
    source: ClassVar[str]
    draws: ClassVar[int] = 1  # DRAWS where the edit is random
    sham_draws: ClassVar[int] = 1
    in_float: ClassVar[bool] = False  # the edited window is answered by the float network in place of the variant

    def sizes(self, scene: Scene) -> tuple[float, ...]:
        """Those of the ladder that can be done to this window; none where the edit makes no sense for it."""
        return tuple(size for size in self.ladder.sizes if self.possible(scene, size))

    def possible(self, scene: Scene, size: float) -> bool:
        """Whether the edit can be done to this window at that size."""
        return True

    def near(self, size: float) -> tuple[float, ...]:
        """Sizes a little beyond, at which what restores an answer restores it too; none where several draws tell as much."""
        return () if self.draws > 1 else tuple(size * factor for factor in NEAR)

    @abstractmethod
    def edit(self, scene: Scene, size: float, draw: int) -> Tensor:
        """The edited window, [window]."""

    @abstractmethod
    def sham(self, scene: Scene, size: float, draw: int) -> Tensor:
        """A window to which as much was done, with the factor as it was, [window]."""


INTERVENTIONS: Registry[Intervention] = Registry("intervention", "robustness.interventions")


def softer_alike(scene: Scene, edited: Tensor) -> Tensor:
    """The window at the level that an edit leaves inside the word, evenly over time and frequency: the sham of what takes sound away."""
    start, end = scene.word
    before, after = (window[start:end].double().square().sum() for window in (scene.window, edited))
    return scene.window * float((after / before).sqrt()) if before > 0 else scene.window.clone()
