"""How far from the neutral level does a share hold, on each side of an axis? Levels of a grid, mild → harsh. Loads no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

AT_THE_BAR = 1e-9  # a mean of draws may miss a bar that it equals by its last digit


class ToleratedSide(NamedTuple):
    """One side of an axis.

    Attributes:
        levels: of the grid, mild → harsh.
        held: the harshest level up to which the share holds at every milder one; None if it does not at the mildest.
    """

    levels: tuple[float, ...]
    held: float | None

    @property
    def whole(self) -> bool:
        """Whether it holds where the grid ends: further is not known."""
        return self.held == self.levels[-1]


class Tolerated(NamedTuple):
    """What is tolerated of a perturbation: below and above its neutral level; None where the grid has no level there."""

    below: ToleratedSide | None
    above: ToleratedSide | None


def tolerated(shares: Mapping[float, float], neutral: float, bar: float) -> Tolerated:
    """The range of levels around the neutral one in which a share holds.

    Args:
        shares: of each level of the grid.
        neutral: the level that changes nothing; it may be infinite.
        bar: the share to hold.
    """
    below = sorted((level for level in shares if level < neutral), reverse=True)
    above = sorted(level for level in shares if level > neutral)
    return Tolerated(_side(shares, below, bar), _side(shares, above, bar))


def _side(shares: Mapping[float, float], levels: list[float], bar: float) -> ToleratedSide | None:
    held = None
    for level in levels:
        if not shares[level] >= bar - AT_THE_BAR:
            break
        held = level
    return ToleratedSide(tuple(levels), held) if levels else None
