"""Where no edit restores an answer alone, do two together?

Tried are pairs of different kinds at the strongest mild size, in both directions. A pair restores where the answer is right, stays right a
little beyond, and does not return where either of the two is replaced by its sham. Two kinds are named where no other two do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from robustness.diagnosis.asking import Answers, Edit, intervention
from robustness.diagnosis.trying import interventions_for, most
from robustness.interventions.base import Intervention, Kind

PAIRED: Final = ("move-word", "fill-floor", "gain", "remove-noise", "band-limit", "equalise", "speed")  # one or two of each kind
BEYOND: Final = (1.04, 1.08)  # of both sizes


@dataclass(frozen=True)
class Pair:
    """Two edits that restore an answer together, and what they recover.

    Attributes:
        names: of the interventions.
        kinds: of the interventions.
        sizes: of the interventions.
        margin: in logits.
        share: of the drop; None where none is known.
    """

    names: tuple[str, str]
    kinds: tuple[Kind, Kind]
    sizes: tuple[float, float]
    margin: float
    share: float | None


def pairs(answers: Answers, variant: str, wanted: float | None) -> list[Pair]:
    """The pairs that restore a failing answer, the one that recovers most first.

    Args:
        answers: to the edits of the failing window.
        variant: the one that fails.
        wanted: the margin at which the whole drop is recovered; None where no drop is known.
    """
    there = [one for one in interventions_for(answers, variant) if one.name in PAIRED]
    single = [edit for one in there for edit in strongest_sizes(one, answers)]
    couples = [two for two in combinations(single, 2) if intervention(two[0].name).kind != intervention(two[1].name).kind]
    answers.ask(couples)
    right = [two for two in couples if answers.of(variant, *two).right]
    answers.ask([other for two in right for other in (*_beyond(two), *_half_sham(two))])
    found = [two for two in right if _restores(answers, variant, two)]
    return sorted((_pair(answers, variant, two, wanted) for two in found), key=lambda pair: -pair.margin)


def named_pair(found: Sequence[Pair]) -> Pair | None:
    """The pair to name: the kinds of no other pair restore."""
    kinds = {frozenset(pair.kinds) for pair in found}
    return found[0] if len(kinds) == 1 else None


def strongest_sizes(one: Intervention, answers: Answers) -> list[Edit]:
    """The last size of the ladder in each direction."""
    sizes = one.sizes(answers.scene)
    ends = {size > 0: size for size in sizes}
    return [Edit(one.name, size) for size in ends.values()]


def _beyond(two: tuple[Edit, Edit]) -> list[tuple[Edit, Edit]]:
    return [(_further(two[0], factor), _further(two[1], factor)) for factor in BEYOND]


def _further(edit: Edit, factor: float) -> Edit:
    """The edit a little stronger; of what is random, another draw."""
    one = intervention(edit.name)
    near = one.near(edit.size)
    place = BEYOND.index(factor)
    return edit._replace(draw=place + 1) if one.draws > 1 else edit._replace(size=near[place])


def _half_sham(two: tuple[Edit, Edit]) -> list[tuple[Edit, Edit]]:
    first, second = two
    return [(first._replace(role="sham"), second), (first, second._replace(role="sham"))]


def _restores(answers: Answers, variant: str, two: tuple[Edit, Edit]) -> bool:
    beyond = [answers.of(variant, *other) for other in _beyond(two)]
    return most(beyond) and not any(answers.of(variant, *other).right for other in _half_sham(two))


def _pair(answers: Answers, variant: str, two: tuple[Edit, Edit], wanted: float | None) -> Pair:
    margin, here = answers.of(variant, *two).margin, answers.here[variant].margin
    first, second = two
    kinds = (intervention(first.name).kind, intervention(second.name).kind)
    share = None if wanted is None else (margin - here) / (wanted - here)
    return Pair((first.name, second.name), kinds, (first.size, second.size), margin, share)
