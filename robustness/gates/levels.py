"""Which levels does a rule mean? A number, a list of numbers, a side: `">= 10"`, `"< 0"`, or `"everyday"`. Loads no torch."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

SIDES: Final[dict[str, Callable[[float, float], bool]]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_SIDE: Final = re.compile(r"\s*(>=|<=|>|<)\s*([-+]?\d+(?:\.\d+)?)\s*")
NEAREST: Final = 3
EVERYDAY: Final = "everyday"


@dataclass(frozen=True)
class Levels:
    """Levels of a grid: the ones named, or those on one side of a number.

    Attributes:
        named: each must be on the grid; empty with a side.
        side: `>=`, `<=`, `>` or `<`.
        than: the number of that side.
        everyday: the levels of an ordinary day, which each perturbation knows.
    """

    named: tuple[float, ...] = ()
    side: str | None = None
    than: float = 0.0
    everyday: bool = False

    @classmethod
    def parse(cls, given: float | str | Sequence[float]) -> Levels:
        """From a rule's key.

        Raises:
            ValueError: where it is none of these; the message says what is.
        """
        if given == EVERYDAY:
            return cls(everyday=True)
        if isinstance(given, str):
            found = _SIDE.fullmatch(given)
            if found is None:
                raise ValueError(f'{given!r} is no level; give a number, a list of numbers, a side such as ">= 10", or "{EVERYDAY}"')
            return cls(side=found[1], than=float(found[2]))
        named = (given,) if isinstance(given, (int, float)) else tuple(given)
        if not named:
            raise ValueError("an empty list names no level; give a number, or leave the key out for every level of the grid")
        return cls(tuple(map(float, named)))

    def on(self, grid: Sequence[float]) -> list[float]:
        """The levels meant, in the grid's order.

        Raises:
            ValueError: where one is not on the grid, or none is on that side; the message lists the nearest.
        """
        if self.side is not None:
            chosen = [level for level in grid if SIDES[self.side](level, self.than)]
            if not chosen:
                raise ValueError(f"no level of the grid is {self}; {nearest(self.than, grid)}")
            return chosen
        absent = [level for level in self.named if level not in grid]
        if absent:
            raise ValueError(f"level {absent[0]:g} is not on the grid; {nearest(absent[0], grid)}")
        return [level for level in grid if level in self.named]

    def __str__(self) -> str:
        if self.everyday:
            return "of an ordinary day"
        return f"{self.side} {self.than:g}" if self.side else " or ".join(f"{level:g}" for level in self.named)


def nearest(level: float, grid: Sequence[float]) -> str:
    """Which levels of the grid are nearest, in words."""
    found = sorted(sorted(grid, key=lambda other: (abs(other - level), other))[:NEAREST])
    return f"the nearest are {', '.join(f'{other:g}' for other in found)}"
