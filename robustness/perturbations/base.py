"""What every perturbation offers; a plug-in owns the physics, on a whole batch, and nothing else.

A level is a number in the unit of the axis. Random parts are drawn once for (seed, recording, perturbation, draw) and scaled for each
level, so that curves are paired and nothing depends on batch or order.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from torch import Tensor

from robustness.audio.placement import Frame, RecordingBatch, Windows
from robustness.conditions import Axis, Condition, Fill, Placement, Stage
from robustness.registry import Registry


class Perturbation(ABC):
    """A named physical change with an axis; settings are the fields of a frozen dataclass."""

    name: ClassVar[str]
    axis: ClassVar[Axis]
    stage: ClassVar[Stage]
    source: ClassVar[str]
    draws: ClassVar[int] = 1
    fills: ClassVar[tuple[Fill, ...]] = ("zeros",)

    def neutral(self, reference: Placement) -> float:
        """The level that changes nothing against the reference placement."""
        return self.axis.neutral

    def conditions(self, reference: Placement) -> Iterator[Condition]:
        """The default grid, for each fill, draw and level; the neutral level comes first, once a fill."""
        for fill in self.fills:
            yield Condition(self.name, self.neutral(reference), fill, 0, reference)
            for draw in range(self.draws):
                for level in self.axis.grid:
                    yield Condition(self.name, level, fill, draw, reference)


class PlacementPerturbation(Perturbation):
    """Moves the recording in the window."""

    stage: ClassVar[Stage] = "placement"

    @abstractmethod
    def lead(self, batch: RecordingBatch, frame: Frame, base: Tensor, level: float) -> Tensor:
        """Where each recording begins, [clips] in samples; `base` is the lead of the condition's placement, [clips]."""


class WindowPerturbation(Perturbation):
    """Changes placed windows."""

    stage: ClassVar[Stage] = "window"

    @abstractmethod
    def perturb(self, windows: Windows, level: float, draw: int, seed: int) -> Windows:
        """The windows at that level."""


PERTURBATIONS: Registry[Perturbation] = Registry("perturbation", "robustness.perturbations", apart=("base", "noise"))
