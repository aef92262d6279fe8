"""In what do the recordings that fail at a place differ from those that are right there, word for word?

One recording may be short, or have a sound around its word, and be right all the same: how far it lies out says little then. Where most of
those that fail are shorter than those of the same word that are right, their length speaks for speed. Every measurement is compared by
the stratified rank-sum test, p adjusted for all of them, and recordings are counted as if none knew of another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final, NamedTuple

from robustness.analysis.intervals import adjusted
from robustness.analysis.stratified_ranks import PairedRanks, stratified_rank_sum
from robustness.explanations.standing import FEWEST, SPEAKS, STEPS, Cause, Side, Standing, spoken_for, told_already

SURE: Final = 0.01  # of p, adjusted
MOST: Final = 0.75  # of the pairs
FAR_OUT: Final = 0.9  # of those that are right lie less far out than a recording of which the group speaks
NOT_FAR_IN: Final = 0.3  # the same of those of its word, for a length: words differ in it more than voices in speed
LENGTH: Final = "length_ms"
ROOM: Final = "room"
COMPARED: Final = tuple(name for name, sides in SPEAKS.items() if sides != (None, None) and name != "middle_ms")


class MeasuredWord(NamedTuple):
    """The word of a recording, and what is measured of it, by name."""

    word: str
    values: Mapping[str, float]


class Difference(NamedTuple):
    """A measurement in which those that fail differ.

    Attributes:
        name: of the measurement.
        side: on which those that fail lie.
        ranks: the pairs of one word.
        p: of the test, adjusted.
        kind: what it speaks for; None where nothing, or where another has told why.
    """

    name: str
    side: Side
    ranks: PairedRanks
    p: float
    kind: Cause | None = None

    @property
    def pairs(self) -> int:
        """In how many pairs the one that fails lies there."""
        return self.ranks.higher if self.side == "high" else self.ranks.lower


@dataclass(frozen=True, eq=False)
class FailingGroup:
    """Those that fail at a place, beside those that are right there.

    Attributes:
        good: those that are right.
        differences: the surest first.
    """

    good: Sequence[MeasuredWord]
    differences: tuple[Difference, ...]

    @classmethod
    def of(cls, failing: Sequence[MeasuredWord], good: Sequence[MeasuredWord]) -> FailingGroup | None:
        """Compares them; None where either are too few."""
        if min(len(failing), len(good)) < FEWEST:
            return None
        found = {name: stratified_rank_sum(_values(failing, name), _values(good, name)) for name in COMPARED}
        sure = dict(zip(found, adjusted([one.p for one in found.values()]), strict=True))
        differing = {name: side for name, one in found.items() if sure[name] <= SURE and (side := _side(name, one)) is not None}
        stands = [_standing(name, differing.get(name), found[name], failing) for name in found]
        causes = _causes(stands)
        made = [Difference(name, side, found[name], sure[name], causes.get(name)) for name, side in differing.items()]
        return cls(good, tuple(sorted(made, key=lambda one: (one.p, one.name))))

    def of_one(self, word: str, values: Mapping[str, float]) -> tuple[Difference, ...]:
        """Those that hold of one recording that fails as well, and speak for something."""
        return tuple(one for one in self.differences if one.kind is not None and one.name in values and self._holds(one, word, values))

    def _holds(self, one: Difference, word: str, values: Mapping[str, float]) -> bool:
        same = [each for each in self.good if each.word == word] if one.name == LENGTH else ()
        others = [value for _, value in _values(same or self.good, one.name)]
        value = values[one.name]
        less_far = sum(other > value if one.side == "low" else other < value for other in others)
        return less_far >= (NOT_FAR_IN if one.name == LENGTH else FAR_OUT) * len(others)


def _values(some: Sequence[MeasuredWord], name: str) -> list[tuple[str, float]]:
    return [(one.word, one.values[name]) for one in some if name in one.values]


def _side(name: str, found: PairedRanks) -> Side | None:
    """On which side most of the pairs lie, clearly."""
    if abs(found.shift) < STEPS.get(name, 0.0):
        return None
    if found.higher >= MOST * found.of:
        return "high"
    return "low" if found.lower >= MOST * found.of else None


def _standing(name: str, side: Side | None, found: PairedRanks, failing: Sequence[MeasuredWord]) -> Standing:
    """The group's median, as if it were one recording: what one cause does to several measurements is told as of one."""
    values = [value for _, value in _values(failing, name)]
    return Standing(name, median(values) if values else 0.0, found.higher, found.lower, found.of, side)


def _causes(stands: Sequence[Standing]) -> dict[str, Cause]:
    """What each difference speaks for: not what another has told, nothing where a room rings on, and speed where nothing else differs."""
    spoken, told = spoken_for(stands), told_already(stands)
    if ROOM in spoken:
        return {}
    if spoken:
        return {one.name: one.kind for one in stands if one.kind in spoken and one.name not in told and one.name != LENGTH}
    return {one.name: one.kind for one in stands if one.kind is not None and one.name == LENGTH}
