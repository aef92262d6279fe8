"""Which kind of edit may be said to restore an answer?

A kind is *named* where all of these hold; else the edits that restore are listed, and none of them is put before the others.

1. One of its edits restores the answer, and a little beyond that size as well.
2. That edit recovers at least half of the drop.
3. That is at least twice the share of the next kind, and at least twice what any sham recovered: a sham leaves the factor as it was, so
   what shams recover is what this answer does by itself. Shares count up to the whole drop.
4. Its own sham does not restore the answer.
5. The drop is known.

Where no edit restores an answer alone, do two together?

Tried are pairs of different kinds at the strongest mild size, in both directions. A pair restores where the answer is good, stays good a
little beyond, and does not return where either of the two is replaced by its sham. Two kinds are named where no other two do,
and the pair recovers at least half of the drop, and at least twice what any sham or any edit of another kind does.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Final

from robustness.explanations.edits import Answers, Attempt, Edit, intervention, interventions_for
from robustness.interventions.base import NEAR, Intervention, Kind
from robustness.run.restoration import EditPair, Naming, NamingVerdict

HALF: Final = 0.5  # of the drop
TWICE: Final = 2.0


def name(tried: Sequence[Attempt]) -> Naming:
    """The verdict on everything tried on one failing answer."""
    restoring = tuple(attempt.name for attempt in tried if attempt.restores_at is not None)
    verdict: NamingVerdict = "several" if len(restoring) > 1 else "one" if restoring else "none"
    best = leading(tried)
    if best is None or best.best.share is None:
        return Naming(verdict, None, None, None, None, None, restoring)
    others = {other.kind: counted_kinds(max(_shares(tried, other.kind))) for other in tried if other.kind != best.kind}
    next_kind = max(others, key=lambda kind: others[kind], default=None)
    next_share = others[next_kind] if next_kind is not None else 0.0
    share, by_itself = counted_kinds(best.best.share), max((counted_kinds(attempt.sham.share) for attempt in tried), default=0.0)
    if share >= HALF and share >= TWICE * next_share and share >= TWICE * by_itself:
        return Naming("named", best.kind, best.name, best.best.share, next_kind, next_share, restoring)
    return Naming(verdict, None, None, None, next_kind, next_share, restoring)


def leading(tried: Sequence[Attempt]) -> Attempt | None:
    """The edit to speak of: it restores, its sham does not, and its kind recovers most.

    Of several edits of that kind that recover half of the drop, the one that is not random: it is tried as it is said.
    """
    eligible = [attempt for attempt in tried if attempt.restores_at is not None and not attempt.sham.restores]
    most = max(eligible, key=lambda attempt: counted_kinds(attempt.best.share), default=None)
    alike = [attempt for attempt in eligible if most is not None and attempt.kind == most.kind]
    return max(alike, key=lambda one: (counted_kinds(one.best.share) >= HALF, -one.draws, counted_kinds(one.best.share)), default=None)


def counted_kinds(share: float | None) -> float:
    """A share between nothing and the whole drop."""
    return 0.0 if share is None else min(1.0, max(0.0, share))


def _shares(tried: Sequence[Attempt], kind: Kind) -> list[float]:
    return [counted_kinds(attempt.share) for attempt in tried if attempt.kind == kind]


PAIRED: Final = ("move-word", "fill-floor", "gain", "remove-noise", "band-limit", "equalise", "speed")  # one or two of each kind


def pairs(answers: Answers, variant: str, wanted: float | None) -> list[EditPair]:
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
    right = [two for two in couples if answers.of(variant, *two).good]
    answers.ask([other for two in right for other in (*_beyond(two), *_half_sham(two))])
    found = [two for two in right if _restores(answers, variant, two)]
    return sorted((_pair(answers, variant, two, wanted) for two in found), key=lambda pair: -pair.margin)


def named_pair(found: Sequence[EditPair], tried: Sequence[Attempt]) -> EditPair | None:
    """The pair to name; None where there is none.

    Args:
        found: the pairs that restore, the one that recovers most first.
        tried: the single edits.
    """
    kinds = {frozenset(pair.kinds) for pair in found}
    if len(kinds) != 1:
        return None
    best = counted_kinds(found[0].share)
    others = [counted_kinds(one.share) for one in tried if one.kind not in found[0].kinds] + [
        counted_kinds(one.sham.share) for one in tried
    ]
    return found[0] if best >= max(HALF, TWICE * max(others, default=0.0)) else None


def strongest_sizes(one: Intervention, answers: Answers) -> list[Edit]:
    """The last size of the ladder in each direction."""
    sizes = one.sizes(answers.scene)
    ends = {size > 0: size for size in sizes}
    return [Edit(one.name, size) for size in ends.values()]


def _beyond(two: tuple[Edit, Edit]) -> list[tuple[Edit, Edit]]:
    return [(_further(two[0], step), _further(two[1], step)) for step in range(len(NEAR))]


def _further(edit: Edit, step: int) -> Edit:
    """The edit a little stronger; of what is random, another draw."""
    one = intervention(edit.name)
    return edit._replace(draw=step + 1) if one.draws > 1 else edit._replace(size=one.near(edit.size)[step])


def _half_sham(two: tuple[Edit, Edit]) -> list[tuple[Edit, Edit]]:
    first, second = two
    return [(first._replace(role="sham"), second), (first, second._replace(role="sham"))]


def _restores(answers: Answers, variant: str, two: tuple[Edit, Edit]) -> bool:
    beyond = [answers.of(variant, *other).good for other in _beyond(two)]
    return all(beyond) and not any(answers.of(variant, *other).good for other in _half_sham(two))


def _pair(answers: Answers, variant: str, two: tuple[Edit, Edit], wanted: float | None) -> EditPair:
    margin, here = answers.of(variant, *two).margin, answers.here[variant].margin
    first, second = two
    kinds = (intervention(first.name).kind, intervention(second.name).kind)
    share = None if wanted is None else (margin - here) / (wanted - here)
    return EditPair((first.name, second.name), kinds, (first.size, second.size), margin, share)
