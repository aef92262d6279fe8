"""Does it matter on which side of the word the silence lies? All after it, on both sides, or all before it.

The level is the lead's share of the padding: 0 is the start (the tutorial's `padLR=False`), 0.5 the center (`padLR=True`), 1 the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Final

from torch import Tensor

from robustness.audio.placement import Frame, RecordingBatch, lead_of
from robustness.conditions import Axis, Condition, Fill, Placement, Preset
from robustness.perturbations.base import PERTURBATIONS, PlacementPerturbation

SHARES: Final[dict[Placement, float]] = {"start": 0.0, "center": 0.5, "end": 1.0}


@PERTURBATIONS.register
@dataclass(frozen=True)
class PaddingPlacement(PlacementPerturbation):
    """The recording at the start, in the center or at the end of the window."""

    name: ClassVar[str] = "padding-placement"
    axis: ClassVar[Axis] = Axis("lead's share of the padding", "share", (0.5, 0.0, 1.0), neutral=0.5, says="{place}")
    source: ClassVar[str] = "JumpML speech-commands tutorial (2020), padLR"
    preset: ClassVar[Preset] = "quick"
    fills: ClassVar[tuple[Fill, ...]] = ("zeros", "floor")
    placements: ClassVar[Mapping[Placement, float]] = MappingProxyType(SHARES)

    def neutral(self, reference: Placement) -> float:
        """The share that the reference placement has."""
        return SHARES[reference]

    def conditions(self, reference: Placement) -> Iterator[Condition]:
        """Each placement with each fill."""
        for fill in self.fills:
            for placement, share in SHARES.items():
                yield Condition(self.name, share, fill, 0, placement)

    def lead(self, batch: RecordingBatch, frame: Frame, base: Tensor, level: float) -> Tensor:
        """The lead of the placement with that share, [clips]."""
        placement = next(name for name, share in SHARES.items() if share == level)
        return lead_of(placement, frame.samples - batch.lengths)
