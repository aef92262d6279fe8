"""What of a failing recording lies outside of all the recordings that are right, and what kind of edit does that speak for?

A measurement speaks for a kind where it lies beyond the same of every good recording (of many, beyond all but one in fifty), on the side
on which the kind has something to undo. That is measured before any network hears an edit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

from robustness.audio.measurements import Measurements
from robustness.interventions.base import Kind

FEWEST: Final = 5  # good recordings: outside of fewer a recording lies easily
BEYOND: Final = 50  # of so many good recordings one may lie further out
Side = Literal["low", "high"]


class Speaks(NamedTuple):
    """What a measurement that lies outside speaks for, by its side; None for nothing."""

    low: Kind | None = None
    high: Kind | None = None


SPEAKS: Final[Mapping[str, Speaks]] = {
    "level_dbfs": Speaks("level", "level"),
    "floor_dbfs": Speaks(high="noise"),
    "snr_db": Speaks(low="noise"),
    "offset_dbfs": Speaks(high="noise"),
    "hum_dbfs": Speaks(high="noise"),
    "highest_hz": Speaks(low="band"),
    "lowest_hz": Speaks(high="band"),
    "tilt_db": Speaks("band", "band"),
    "length_ms": Speaks("speed", "speed"),
    "first_dbfs": Speaks(high="padding"),
    "last_dbfs": Speaks(high="padding"),
    "surround": Speaks(high="padding"),
    "clipped": Speaks(high="distortion"),
    "clicks": Speaks(high="noise"),
    "lead_ms": Speaks(),
    "tail_ms": Speaks(),
    "onset_ms": Speaks("placement", "placement"),
}


class Standing(NamedTuple):
    """Where one measurement stands among the good recordings.

    Attributes:
        name: of the measurement.
        value: of the failing recording.
        below: how many good recordings have less.
        above: how many have more.
        of: how many there are.
    """

    name: str
    value: float
    below: int
    above: int
    of: int

    @property
    def outside(self) -> Side | None:
        """On which side it lies outside of them; None where inside, and where they are too few."""
        allowed = self.of // BEYOND
        if self.of < FEWEST:
            return None
        if self.above <= allowed and self.below == self.of - self.above:
            return "high"
        if self.below <= allowed and self.above == self.of - self.below:
            return "low"
        return None

    @property
    def kind(self) -> Kind | None:
        """What kind of edit it speaks for."""
        side = self.outside
        return None if side is None else getattr(SPEAKS[self.name], side)


def standings(here: Mapping[str, float], good: Sequence[Mapping[str, float]]) -> list[Standing]:
    """Where each measurement of a failing recording stands."""
    return [_standing(name, value, [one[name] for one in good if name in one]) for name, value in here.items()]


def _standing(name: str, value: float, others: Sequence[float]) -> Standing:
    return Standing(name, value, sum(other < value for other in others), sum(other > value for other in others), len(others))


def named_values(found: Measurements, **others: float) -> dict[str, float]:
    """Measurements by their names, with some that need more than the recording."""
    return {**found._asdict(), **others}
