"""Which kind of edit may be said to restore an answer?

An edit *counts* where it restores the answer, a little beyond its size as well, and recovers at least half of the drop where that is
known; its own control does not restore it, and recovers three quarters of what the edit does at most. A kind counts where an edit of it
does. Named is

1. the output, where the network leans to its rejection labels and one and a half times that lean brings the answer back; of a word that is
   right at another place, where the lean itself does. Where the network does not lean, a bias on the output brings back any missed word,
   and counts for nothing;
2. of three kinds that count at most, the one for which something speaks beside the edit: a measurement of the recording that lies outside
   of all that are right, or, of placement and precision, the same recording that is right elsewhere or in float. Where nothing speaks,
   speed, of which a word's length is no more than a hint, if it alone is not ordinary: of the others everything that is measured lies among
   the recordings that are right. What is ordinary is never named, and nothing for which no measurement speaks is where one speaks for what
   no edit undoes, such as a room that rings on;
3. else the kind that stands out by itself: it recovers at least twice what any other kind does, whether that restores or not, and twice
   what any control does. Where an edit counts at a mild size, sizes beyond the mild ones are left aside: a small change that is enough
   comes before a large one. Shares count up to the whole drop. Where no drop is known, it is the only kind that counts,
   and nothing speaks for another.

Of what fails under a shift and is right without it nothing but its place or its padding is named: what was done to it is known.

Else the edits that restore are listed, and none of them is put before the others. Where no edit of the sound restores the answer, it is
said of the one kind for which a measurement speaks that it recovers *most* of the drop, if it recovers two thirds of it, twice what its
control does, and more than any kind that is not ordinary. What is named has the weaker verb where no drop is known, and where it is
counted to other recordings and nothing speaks for the kind beside the edit.

Where no edit restores an answer alone, and none recovers most of the drop, do two together?

Tried are pairs of different kinds at the strongest mild size, in both directions. A pair restores where the answer is good, stays good a
little beyond, and does not return where either of the two is replaced by its control. Of a kind for which something speaks every size
is tried, of gains those towards the level of the others. Two kinds are named where no other two do, and the pair recovers at least half of
the drop, and at least twice what any control or any edit of another kind does; or where something beside the edits speaks for one of them
and neither is ordinary, and of no other two that restore.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final

from robustness.explanations.edits import Answers, Attempt, Edit, intervention, interventions_for, most
from robustness.interventions.base import NEAR, EditKind, Intervention
from robustness.run.restoration import EditPair, Naming, NamingVerdict, Strength

HALF: Final = 0.5  # of the drop
MOST: Final = 2 / 3
TWICE: Final = 2.0
LIKE_THE_EDIT: Final = 0.75  # of what an edit recovers its control does not
MOST_KINDS: Final = 3
HINTED: Final[frozenset[EditKind]] = frozenset(
    {"speed"}
)  # no measurement speaks for them: words differ in length more than voices in speed
SHIFTED: Final[frozenset[EditKind]] = frozenset({"placement", "padding"})  # what a shift changes
REACH: Final = 1.5  # times the lean at the reference: elsewhere a word has less to spare


@dataclass(frozen=True)
class Beside:
    """What is known beside the edits.

    Attributes:
        speaks: the kinds for which a measurement speaks, or the same recording elsewhere.
        ordinary: the kinds of which everything measured lies among the recordings that are right.
        rings: whether a measurement lies outside that speaks for what no edit undoes.
        lean: by how many logits the network leans to its rejection labels; None where it does not.
        own_drop: whether the drop is counted to the same recording.
        shifted: whether the same recording is right without the shift under which it fails: what was done to it is known.
    """

    speaks: frozenset[EditKind] = frozenset()
    ordinary: frozenset[EditKind] = frozenset()
    rings: bool = False
    lean: float | None = None
    own_drop: bool = True
    shifted: bool = False

    def fits(self, kinds: Iterable[str]) -> bool:
        """Whether something speaks for one of some kinds, and of the others more than a hint, and none of them is ordinary."""
        found = set(kinds)
        return not self.speaks.isdisjoint(found) and found.isdisjoint(self.ordinary | (HINTED - self.speaks))


def name(tried: Sequence[Attempt], beside: Beside = Beside()) -> Naming:
    """The verdict on everything tried on one failing answer."""
    heard = [attempt for attempt in tried if attempt.kind != "output"]
    restoring = tuple(attempt.name for attempt in tried if attempt.restores_at is not None)
    counting = [attempt for attempt in heard if counts(attempt) and (attempt.kind in SHIFTED or not beside.shifted)]
    placed = beside.own_drop and "placement" in beside.speaks and any(one.kind == "placement" for one in counting)
    reach = (beside.lean or 0.0) * (1.0 if placed else REACH)
    leaning = [one for one in tried if one.kind == "output" and one.restores_at is not None and one.restores_at <= reach]
    best = leading(leaning or _spoken_for(counting, beside) or ([] if beside.rings else _standing_out(counting, heard, beside)))
    others = {other.kind: counted(max(_shares(tried, other.kind))) for other in heard if best is None or other.kind != best.kind}
    next_kind = max(others, key=lambda one: others[one], default=None)
    next_share = others[next_kind] if next_kind is not None else 0.0
    if best is None:
        verdict: NamingVerdict = "several" if len(restoring) > 1 else "one" if restoring else "none"
        return Naming(verdict, None, None, None, next_kind, next_share, restoring)
    weak = best.best.share is None or not (beside.own_drop or best.kind in beside.speaks or best.kind == "output")
    strength: Strength = "weak" if weak else "full"
    return Naming("named", best.kind, best.name, best.best.share, next_kind, next_share, restoring, strength)


def mostly(naming: Naming, tried: Sequence[Attempt], beside: Beside) -> Naming:
    """The verdict where no edit restores an answer: the kind that recovers most of what is lost, if one kind alone is spoken for."""
    heard = [attempt for attempt in tried if attempt.kind != "output"]
    if beside.rings or len(beside.speaks) != 1 or any(one.restores_at is not None for one in heard):
        return naming
    best = leading([one for one in heard if one.kind in beside.speaks and counted(one.share) >= MOST])
    if best is None or counted(best.control.share) * TWICE > counted(best.share):
        return naming
    others = [counted(one.share) for one in heard if one.kind not in {best.kind, *beside.ordinary}]
    if max(others, default=0.0) >= counted(best.share):
        return naming
    strength: Strength = "full" if beside.own_drop else "weak"
    return replace(naming, verdict="most", kind=best.kind, by=best.name, share=best.best.share, strength=strength)


def counts(attempt: Attempt) -> bool:
    """Whether an edit restores, its control does not, and it recovers enough."""
    if attempt.restores_at is None or attempt.control.restores:
        return False
    share, control = attempt.best.share, attempt.control.share
    return share is None or control is None or (share >= HALF and counted(control) <= LIKE_THE_EDIT * share)


def _spoken_for(counting: Sequence[Attempt], beside: Beside) -> list[Attempt]:
    """The edits of the one kind that counts and for which something speaks, else of the one that is not ordinary; none of two."""
    kinds = {one.kind for one in counting}
    left = kinds - (beside.ordinary - HINTED)
    spoken = kinds & beside.speaks or (left if left <= HINTED and beside.ordinary and not beside.rings else set())
    return [one for one in counting if one.kind in spoken] if len(spoken) == 1 and len(left) <= MOST_KINDS else []


def _standing_out(counting: Sequence[Attempt], heard: Sequence[Attempt], beside: Beside) -> list[Attempt]:
    """The edits of the one kind that counts, is not ordinary and recovers twice what all others do; none where there is none."""
    counting = [one for one in counting if one.kind not in beside.ordinary]
    mild = [one for one in counting if _mild(one, one.restores_at)]
    counting = mild or counting
    first = max(counting, key=lambda one: _share(one, mild=bool(mild)), default=None)
    if first is None:
        return []
    alike = [one for one in counting if one.kind == first.kind]
    if first.best.share is None:
        return alike if len(alike) == len(counting) and not beside.speaks else []
    others = [_share(one, mild=bool(mild)) for one in heard if one.kind != first.kind] + [counted(one.control.share) for one in heard]
    return alike if _share(first, mild=bool(mild)) >= max(HALF, TWICE * max(others)) else []


def _mild(attempt: Attempt, size: float | None) -> bool:
    return size is not None and abs(size) <= intervention(attempt.name).sizes_tried.mild


def _share(attempt: Attempt, *, mild: bool) -> float:
    """What it recovers at best, at mild sizes alone or at all."""
    return max(
        (counted(tried_size.share) for tried_size in attempt.tried_sizes if not mild or _mild(attempt, tried_size.size)), default=0.0
    )


def leading(alike: Sequence[Attempt]) -> Attempt | None:
    """The edit to speak of, of several of a kind.

    Of those that recover half of the drop, the one that is not random: it is tried as it is said.
    """
    return max(alike, key=lambda one: (counted(one.best.share) >= HALF, -one.draws, counted(one.best.share)), default=None)


def counted(share: float | None) -> float:
    """A share between nothing and the whole drop."""
    return 0.0 if share is None else min(1.0, max(0.0, share))


def _shares(tried: Sequence[Attempt], kind: EditKind) -> list[float]:
    return [counted(attempt.share) for attempt in tried if attempt.kind == kind]


PAIRED: Final = ("move-word", "fill-floor", "gain", "remove-noise", "band-limit", "equalise", "speed")  # one or two of each kind


def pairs(answers: Answers, variant: str, wanted: float | None, beside: Beside = Beside()) -> list[EditPair]:
    """The pairs that restore a failing answer, the one that recovers most first.

    Args:
        answers: to the edits of the failing window.
        variant: the one that fails.
        wanted: the margin at which the whole drop is recovered; None where no drop is known.
        beside: what is known beside the edits: of a pair that fits it most sizes a little beyond are enough.
    """
    there = [one for one in interventions_for(answers, variant) if one.name in PAIRED]
    single = [edit for one in there for edit in paired_sizes(one, answers, every=one.kind in beside.speaks)]
    couples = [two for two in combinations(single, 2) if intervention(two[0].name).kind != intervention(two[1].name).kind]
    answers.ask(couples)
    right = [two for two in couples if answers.of(variant, *two).good]
    answers.ask([other for two in right for other in (*_beyond(two), *_half_control(two))])
    found = [two for two in right if _restores(answers, variant, two, beside)]
    return sorted((_pair(answers, variant, two, wanted) for two in found), key=lambda pair: -pair.margin)


def named_pair(found: Sequence[EditPair], tried: Sequence[Attempt], beside: Beside = Beside()) -> EditPair | None:
    """The pair to name; None where there is none.

    Args:
        found: the pairs that restore, the one that recovers most first.
        tried: the single edits.
        beside: what is known beside the edits: where pairs of several kinds restore, it is one that fits.
    """
    spoken = [pair for pair in found if beside.fits(pair.kinds)]
    found = spoken or found
    kinds = {frozenset(pair.kinds) for pair in found}
    if len(kinds) != 1:
        return None
    best = counted(found[0].share)
    others = [counted(one.share) for one in tried if one.kind not in found[0].kinds] + [counted(one.control.share) for one in tried]
    return found[0] if best >= (HALF if spoken else max(HALF, TWICE * max(others, default=0.0))) else None


def paired_sizes(one: Intervention, answers: Answers, *, every: bool = False) -> list[Edit]:
    """The strongest mild size in each direction, and the one that the recording asks for; or every size. None against what it asks for."""
    asked = one.asked_for(answers.scene)
    sizes = [size for size in one.sizes(answers.scene) if not asked or size * asked > 0]
    mild = {size > 0: size for size in sizes if abs(size) <= one.sizes_tried.mild}
    chosen = sizes if every else dict.fromkeys([*mild.values(), *([asked] if asked in sizes else [])])
    return [Edit(one.name, size) for size in chosen]


def _beyond(two: tuple[Edit, Edit]) -> list[tuple[Edit, Edit]]:
    return [(_further(two[0], step), _further(two[1], step)) for step in range(len(NEAR))]


def _further(edit: Edit, step: int) -> Edit:
    """The edit a little stronger; of what is random, another draw."""
    one = intervention(edit.name)
    return edit._replace(draw=step + 1) if one.draws > 1 else edit._replace(size=one.near(edit.size)[step])


def _half_control(two: tuple[Edit, Edit]) -> list[tuple[Edit, Edit]]:
    first, second = two
    return [(first._replace(role="control"), second), (first, second._replace(role="control"))]


def _restores(answers: Answers, variant: str, two: tuple[Edit, Edit], beside: Beside) -> bool:
    beyond = [answers.of(variant, *other) for other in _beyond(two)]
    spoken = beside.fits(intervention(edit.name).kind for edit in two)
    return (most(beyond) if spoken else all(given.good for given in beyond)) and not any(
        answers.of(variant, *other).good for other in _half_control(two)
    )


def _pair(answers: Answers, variant: str, two: tuple[Edit, Edit], wanted: float | None) -> EditPair:
    margin, here = answers.of(variant, *two).margin, answers.here[variant].margin
    first, second = two
    kinds = (intervention(first.name).kind, intervention(second.name).kind)
    share = None if wanted is None else (margin - here) / (wanted - here)
    return EditPair((first.name, second.name), kinds, (first.size, second.size), margin, share)
