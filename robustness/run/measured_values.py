"""What was measured of a failing recording, beside the same of the recordings that are right? The records on its card."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AllowInfNan


@dataclass(frozen=True)
class MeasuredValue:
    """One thing that was measured of a failing recording, before any network heard it, beside the same of those that are right.

    Attributes:
        name: of the measurement, with its unit, such as `floor_dbfs`.
        value: of the failing recording.
        below: how many of those that are right have less.
        above: how many have more.
        of: how many there are.
        outside: on which side it lies outside of them; None where it does not.
        kind: what kind of edit that speaks for.
        beyond: how far beyond the last of them it lies, in steps of that measurement; runs made before had none.
    """

    name: str
    value: Annotated[float, AllowInfNan(False)]
    below: int
    above: int
    of: int
    outside: Literal["low", "high"] | None = None
    kind: str | None = None
    beyond: Annotated[float, AllowInfNan(False)] = 0.0


@dataclass(frozen=True)
class MeasuredDifference:
    """A measurement in which the recordings that fail there differ from those of the same word that are right, and this one as well.

    Attributes:
        name: of the measurement, with its unit.
        side: on which those that fail lie.
        kind: what kind of edit that speaks for.
        pairs: in how many pairs of one word the one that fails lies there.
        of: how many pairs there are.
        p: of the stratified rank-sum test, adjusted for all measurements.
    """

    name: str
    side: Literal["low", "high"]
    kind: str | None
    pairs: int
    of: int
    p: Annotated[float, AllowInfNan(False)]
