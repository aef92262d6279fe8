"""What of a failing recording lies outside of all the recordings that are right, and what kind of edit does that speak for?

A measurement speaks for a kind where it lies clearly beyond the same of every good recording (of many, beyond all but one in fifty), on
the side on which the kind has something to undo. Where too few are right, recordings of commands as they usually are stand in for them.
That is measured before any network hears an edit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

from robustness.audio.measurements import Measurements
from robustness.interventions.base import EditKind

FEWEST: Final = 5  # good recordings: outside of fewer a recording lies easily
FLOOR: Final = ("floor_dbfs", "snr_db", "hum_dbfs", "fall_db")
CLICKED: Final = ("surround", "first_dbfs", "last_dbfs")  # by clicks
MASKED: Final = ("first_dbfs", "last_dbfs", "fall_db")  # by a floor that is loud
AS_LOUD_DB: Final = 6.0
FAR_ABOVE_DB: Final = 10.0
TWICE: Final = 2.0  # as far beyond the good recordings, in steps
HINTS: Final = ("length_ms", "middle_ms")  # a word may be long, and lie elsewhere for that: no more than not ordinary
CENTRAL: Final = {"level_dbfs": 0.1, "middle_ms": 0.1, "length_ms": 0.3, "fall_db": 0.1}  # of the good ones lie further out to either side
STEPS: Final = {  # less than that beyond the others is nothing, in the measurement's unit
    **dict.fromkeys(("level_dbfs", "floor_dbfs", "snr_db", "offset_dbfs", "hum_dbfs", "first_dbfs", "last_dbfs"), 3.0),
    **{"highest_hz": 250.0, "lowest_hz": 100.0, "tilt_db": 1.5, "length_ms": 30.0, "middle_ms": 30.0, "fall_db": 1.5},
    **{"surround": 0.1, "clipped": 0.002, "pitch_hz": 2.0},
}
HEARD: Final = {"offset_dbfs": -60.0, "hum_dbfs": -60.0}  # dBFS: what is softer is none
USUAL: Final[Mapping[str, tuple[float, float]]] = {  # what 98 in 100 clips of Speech Commands have, where too few are right to compare with
    "level_dbfs": (-36.0, -11.0),
    "floor_dbfs": (-math.inf, -50.0),
    "snr_db": (32.0, math.inf),
    "offset_dbfs": (-math.inf, -50.0),
    "hum_dbfs": (-math.inf, -43.0),
    "tilt_db": (-17.5, -0.75),
    "first_dbfs": (-math.inf, -39.0),
    "last_dbfs": (-math.inf, -22.0),
    "surround": (0.0, 0.54),
    "clipped": (0.0, 0.01),
    "clicks": (0.0, 3.0),
    "fall_db": (9.0, math.inf),
}
BEYOND: Final = 50  # of so many good recordings one may lie further out
OTHER_CHANNELS: Final = dict.fromkeys(
    ("highest_hz", "lowest_hz", "offset_dbfs", "hum_dbfs", "level_dbfs"), 10
)  # of so many one, as what is called missing: some came through a narrow channel, off a bad sound card, or far too softly, too
STEADY: Final = frozenset({"remove-noise", "remove-hum"})
Side = Literal["low", "high"]
UNDONE_BY: Final[Mapping[tuple[str, Side], frozenset[str]]] = {  # by what lies outside: noise and bands are of several sounds
    **dict.fromkeys((("floor_dbfs", "high"), ("snr_db", "low"), ("hum_dbfs", "high")), STEADY),
    ("offset_dbfs", "high"): frozenset({"remove-offset"}),
    ("clicks", "high"): frozenset({"declick"}),
    **dict.fromkeys((("highest_hz", "low"), ("lowest_hz", "high")), frozenset({"restore-band", "equalise"})),
    ("tilt_db", "low"): frozenset({"equalise", "restore-band", "drop-lowest-bands"}),
    ("tilt_db", "high"): frozenset({"equalise", "band-limit", "drop-highest-bands"}),
}
Cause = EditKind | Literal["room"]  # what no edit undoes has a name as well


class Speaks(NamedTuple):
    """What a measurement that lies outside speaks for, by its side; None for nothing."""

    low: Cause | None = None
    high: Cause | None = None


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
    "fall_db": Speaks(low="room"),
    "lead_ms": Speaks(),
    "tail_ms": Speaks(),
    "pitch_hz": Speaks(),  # of a voice that is like no other here, or of one that is played too fast
    "middle_ms": Speaks("placement", "placement"),
}


class Standing(NamedTuple):
    """Where one measurement stands among the good recordings.

    Attributes:
        name: of the measurement.
        value: of the failing recording.
        below: how many good recordings have less.
        above: how many have more.
        of: how many there are.
        outside: on which side it lies clearly outside of them, or, where they are too few, of what is usual; None where inside.
        beyond: how far beyond the last of them it lies there, in steps of that measurement.
    """

    name: str
    value: float
    below: int
    above: int
    of: int
    outside: Side | None = None
    beyond: float = 0.0

    @property
    def among(self) -> bool:
        """Whether some of them lie as far out on each side that speaks for anything; not where they are too few."""
        least = max(1.0, CENTRAL.get(self.name, 0.0) * self.of)
        as_low, as_high, sides = self.of - self.above, self.of - self.below, SPEAKS[self.name]
        inside = (sides.low is None or as_low >= least) and (sides.high is None or as_high >= least)
        return self.of >= FEWEST and self.kind is None and inside

    @property
    def kind(self) -> Cause | None:
        """What it speaks for: a kind of edit, or what no edit undoes."""
        side = self.outside
        return None if side is None else getattr(SPEAKS[self.name], side)


def spoken_for(stands: Sequence[Standing]) -> frozenset[Cause]:
    """What the measurements speak for together.

    What one cause does to several measurements speaks once: a sound around the word that is not in it makes the floor loud as well, and a
    loud floor the recording's edges, and the level falls no further than to it.
    """
    told = {*told_already(stands), *HINTS}
    return frozenset(kind for name, kind in _outside(stands).items() if name not in told)


def loudest(stands: Sequence[Standing]) -> Cause | None:
    """What the measurements speak for that lie furthest beyond, where nothing else lies half as far; None where something does.

    Of some twenty measurements one lies a little outside by chance now and then, and takes nothing from what lies far outside.
    """
    told = {*told_already(stands), *HINTS}
    beyond: dict[Cause, float] = {}
    for one in stands:
        if one.kind is not None and one.name not in told:
            beyond[one.kind] = max(one.beyond, beyond.get(one.kind, 0.0))
    first = max(beyond, key=lambda kind: beyond[kind], default=None)
    others = [far for kind, far in beyond.items() if kind != first]
    return first if first is not None and beyond[first] >= TWICE * max(others, default=0.0) else None


def _outside(stands: Sequence[Standing]) -> dict[str, Cause]:
    return {one.name: one.kind for one in stands if one.kind is not None}


def told_already(stands: Sequence[Standing]) -> tuple[str, ...]:
    """The measurements that lie outside for a reason that another one has told.

    Clicks lie around the word as well as in it, and make the edges loud. Where the recording's edges are no louder than its hum, the floor
    is the hum, whose lines lie between those of the word. Edges far above the floor are a sound around the word, and not under it.
    """
    outside, values = _outside(stands), {one.name: one.value for one in stands}
    clicked = CLICKED if "clicks" in outside else ()
    floor = not {"floor_dbfs", "snr_db"}.isdisjoint(outside)
    edges = min(values.get("first_dbfs", -math.inf), values.get("last_dbfs", -math.inf))
    if floor and "hum_dbfs" in outside and values["hum_dbfs"] > edges - AS_LOUD_DB:
        return ("surround", *MASKED)
    around = {"first_dbfs", "last_dbfs"} <= set(outside) and edges > values.get("floor_dbfs", math.inf) + FAR_ABOVE_DB
    surrounded = not clicked and (around or "surround" in outside)
    return FLOOR if surrounded else (*clicked, *MASKED) if floor else clicked


def undoing(stands: Sequence[Standing]) -> frozenset[str]:
    """The edits that undo what speaks for noise and for a band."""
    told = told_already(stands)
    out = [(one.name, one.outside) for one in stands if one.kind is not None and one.outside is not None and one.name not in told]
    return frozenset().union(*(UNDONE_BY.get(each, frozenset()) for each in out))


def length_side(stands: Sequence[Standing]) -> Side | None:
    """Whether the word is one of the shortest or longest: three in ten of those that are right, or fewer, lie further out.

    A word whose level falls as slowly as that of the slowest tenth is long for the room that rings on.
    """
    found = next((one for one in stands if one.name == "length_ms" and one.of >= FEWEST), None)
    if found is None or found.among:
        return None
    if found.below < found.above:
        return "low"
    return "high" if "room" in ordinary(stands) else None


def ordinary(stands: Sequence[Standing]) -> frozenset[Cause]:
    """The kinds of which everything that is measured lies among the recordings that are right.

    Levels, places and lengths differ widely among recordings: they are ordinary where some of the good ones lie further out to either side.
    What lies outside for a reason that is told already is as good as among them.
    """
    told = told_already(stands)
    measured: dict[Cause, list[bool]] = {}
    for one in stands:
        for kind in {SPEAKS[one.name].low, SPEAKS[one.name].high}:
            if kind is not None:
                measured.setdefault(kind, []).append(one.among or (one.of >= FEWEST and one.name in told))
    return frozenset(kind for kind, among in measured.items() if all(among))


def standings(here: Mapping[str, float], good: Sequence[Mapping[str, float]]) -> list[Standing]:
    """Where each measurement of a failing recording stands."""
    return [_standing(name, value, [one[name] for one in good if name in one]) for name, value in here.items()]


def _standing(name: str, value: float, others: Sequence[float]) -> Standing:
    below, above = sum(other < value for other in others), sum(other > value for other in others)
    side = _side(name, value, others)
    last = value if side is None or not others else sorted(others, reverse=side == "high")[min(_allowed(name, others), len(others) - 1)]
    return Standing(name, value, below, above, len(others), side, abs(value - last) / STEPS.get(name, 1.0))


def _allowed(name: str, others: Sequence[float]) -> int:
    """How many of the good recordings may lie as far out."""
    return len(others) // OTHER_CHANNELS.get(name, BEYOND)


def _side(name: str, value: float, others: Sequence[float]) -> Side | None:
    """On which side a value lies beyond the others by more than its step."""
    allowed, step = _allowed(name, others), STEPS.get(name, 0.0)
    if len(others) < FEWEST:
        low, high = USUAL.get(name, (-math.inf, math.inf))
        return "low" if value < low else "high" if value > high else None
    if sum(other >= value - step for other in others) <= allowed and value > HEARD.get(name, value - 1):
        return "high"
    return "low" if sum(other <= value + step for other in others) <= allowed else None


def named_values(found: Measurements, **others: float) -> dict[str, float]:
    """Measurements by their names, with some that need more than the recording."""
    return {**found._asdict(), **others}
