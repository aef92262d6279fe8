"""Which kind of edit may be said to restore an answer?

An edit *counts* where it restores the answer, a little beyond its size as well, and recovers at least half of the drop where that is
known; its own control does not restore it, and recovers three quarters of what the edit does at most. A kind counts where an edit of it
does. Named is

1. the output, where the network leans to its rejection labels and one and a half times that lean brings the answer back; of a word that is
   right at another place, where that recovers half of what the place costs, too. Where the network does not lean, a bias on the output
   brings back any missed word, and counts for nothing;
2. of three kinds that count at most, the one for which something speaks beside the edit: a measurement of the recording that lies outside
   of all that are right, or, of placement and precision, the same recording that is right elsewhere or in float. Where measurements speak
   for two, the one that lies twice as far outside: of many measurements one lies a little outside by chance. What is ordinary is
   never named;
3. the one kind that counts and for which speaks in what the recordings that fail at that place differ from those of the same words that are
   right (`failing_group`). It comes before a kind for which a measurement of this recording alone speaks, and speed is named for it where
   the edit makes the word less short, or less long;
4. speed, of which a word's length is no more than a hint, where the word is one of the shortest or longest, the edit makes it less so, and
   recovers two thirds of the drop or restores it alone; not where another kind counts that is not ordinary, and not where a measurement
   speaks for another kind that restores it, or for what no edit undoes, such as a room that rings on;
4. where fewer than five recordings are right, so that nothing is known of what is ordinary, the kind that stands out by itself: it recovers
   at least twice what any other kind does, whether that restores or not, and twice what any control does. Where an edit counts at a mild
   size, sizes beyond the mild ones are left aside: a small change that is enough comes before a large one. Shares count up to the whole
   drop. Where no drop is known, it is the only kind that counts, and nothing speaks for another. Beside five others an edit that nothing
   measured speaks for is a coincidence more often than a cause, and is listed.

Of what fails under a shift and is right without it nothing but its place or its padding is named: what was done to it is known.

Else the edits that restore are listed, and none of them is put before the others. Where no edit of the sound restores the answer, it is
said of the one kind for which a measurement speaks that it recovers *most* of the drop, if it recovers two thirds of it (half, where all
that fail there have it in common), twice what its control does, and more than any kind that is not ordinary. What is named has the weaker
verb where no drop is known, and where it is counted to other recordings and nothing speaks for the kind beside the edit.

Where no edit restores an answer alone, and none recovers most of the drop, do two together?

Tried are pairs of different kinds at the strongest mild size, in both directions. A pair restores where the answer is good, stays good a
little beyond, and does not return where either of the two is replaced by its control. Of a kind for which something speaks every size
is tried, of gains those towards the level of the others. Two kinds are named where no other two do, and the pair recovers at least half of
the drop, and at least twice what any control or any edit of another kind does; or where something beside the edits speaks for one of them
and neither is ordinary, and of no other two that restore. Beside five recordings that are right the second alone names them, and a place or
another precision is one of them where the network's own answers speak for it. Where measurements speak for two kinds and none of the pairs
that restore fits them, a pair of these two may recover most of the drop: two thirds of it, a quarter of that by neither alone with the
other's control, and more than any other pair of which neither is ordinary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final

from robustness.explanations.edits import Answers, Attempt, Edit, intervention, interventions_for, most
from robustness.explanations.standing import Side
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
SEVERAL_SOUNDS: Final[frozenset[EditKind]] = frozenset({"noise", "band"})  # kinds of which an edit undoes some
ANSWERED: Final[frozenset[EditKind]] = frozenset({"placement", "precision"})  # the network's own answers speak for them
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
        loudest: the kind for which a measurement speaks that lies at least twice as far beyond as those of any other cause; None if none.
        length: whether the word is shorter or longer than most that are right, and rings on no more; None where it is neither.
        compared: whether enough recordings are right to compare it with.
        undoing: the edits that undo what speaks for noise or a band: a click is no steady noise, and less of the lowest bands is no more of
            the highest; None where that is not known.
        group: the kinds for which speaks in what those that fail there differ from those that are right.
        group_length: whether those that fail are shorter or longer than those of the same word that are right; None where neither.
    """

    speaks: frozenset[EditKind] = frozenset()
    ordinary: frozenset[EditKind] = frozenset()
    rings: bool = False
    lean: float | None = None
    own_drop: bool = True
    shifted: bool = False
    loudest: EditKind | None = None
    length: Side | None = None
    compared: bool = False
    undoing: frozenset[str] | None = None
    group: frozenset[EditKind] = frozenset()
    group_length: Side | None = None

    def undone_by(self, kind: str, edit: str) -> bool:
        """Whether an edit of a kind undoes what speaks for that."""
        return kind not in self.speaks & SEVERAL_SOUNDS or self.undoing is None or edit in self.undoing

    def fits(self, kinds: Sequence[str], names: Sequence[str]) -> bool:
        """Whether something speaks for one of two kinds, and of the others more than a hint, and none of them is ordinary."""
        found = set(kinds)
        if not all(map(self.undone_by, kinds, names)):
            return False
        return not self.speaks.isdisjoint(found) and found.isdisjoint(self.ordinary | ((HINTED | ANSWERED) - self.speaks))


def name(tried: Sequence[Attempt], beside: Beside = Beside()) -> Naming:
    """The verdict on everything tried on one failing answer."""
    heard = [attempt for attempt in tried if attempt.kind != "output"]
    restoring = tuple(attempt.name for attempt in tried if attempt.restores_at is not None)
    counting = [attempt for attempt in heard if counts(attempt) and (attempt.kind in SHIFTED or not beside.shifted)]
    leaning = [one for one in tried if _within(one, beside)]
    alone = [] if beside.compared or beside.rings else _standing_out(counting, heard, beside)
    best = leading(leaning or _spoken_for(counting, beside) or _of_the_group(counting, beside) or _hinted(counting, heard, beside) or alone)
    others = {other.kind: counted(max(_shares(tried, other.kind))) for other in heard if best is None or other.kind != best.kind}
    next_kind = max(others, key=lambda one: others[one], default=None)
    next_share = others[next_kind] if next_kind is not None else 0.0
    if best is None:
        verdict: NamingVerdict = "several" if len(restoring) > 1 else "one" if restoring else "none"
        return Naming(verdict, None, None, None, next_kind, next_share, restoring)
    weak = best.best.share is None or not (beside.own_drop or best.kind in beside.speaks | beside.group or best.kind == "output")
    strength: Strength = "weak" if weak else "full"
    return Naming("named", best.kind, best.name, best.best.share, next_kind, next_share, restoring, strength)


def mostly(naming: Naming, tried: Sequence[Attempt], beside: Beside) -> Naming:
    """The verdict where no edit restores an answer: the kind that recovers most of what is lost, if one kind alone is spoken for."""
    heard = [attempt for attempt in tried if attempt.kind != "output"]
    spoken_for = beside.speaks or beside.group
    alone = spoken_for if len(spoken_for) == 1 and not beside.rings else {beside.loudest}
    if any(one.restores_at is not None for one in heard):
        return naming
    spoken = [one for one in heard if one.kind in alone and beside.undone_by(one.kind, one.name)]
    spoken = [one for one in spoken if one.kind not in HINTED or _less_so(one.best.size, beside.group_length)]
    best = leading([one for one in spoken if counted(one.share) >= (HALF if one.kind in beside.group else MOST)])
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


def _within(attempt: Attempt, beside: Beside) -> bool:
    """Whether a bias as small as the network's lean restores the answer.

    Of a word that is right at another place it recovers half of what the place costs, too: what is lost beyond that is the place's. Where
    all that fail have something in common, they are missed for that.
    """
    reach = (beside.lean or 0.0) * REACH
    if attempt.kind != "output" or attempt.restores_at is None or attempt.restores_at > reach or beside.group:
        return False
    return not beside.own_drop or max((counted(one.share) for one in attempt.tried_sizes if one.size <= reach), default=0.0) >= HALF


def _spoken_for(counting: Sequence[Attempt], beside: Beside) -> list[Attempt]:
    """The edits of the one kind that counts and for which something speaks; of two, of the one that speaks far louder."""
    spoken = {one.kind for one in counting if beside.undone_by(one.kind, one.name)} & beside.speaks
    if beside.loudest in spoken and spoken.isdisjoint(ANSWERED):
        spoken = {beside.loudest}
    named = [one for one in counting if one.kind in spoken and beside.undone_by(one.kind, one.name)]
    alone = len(spoken) == 1 and (not beside.group or spoken <= beside.group | ANSWERED)  # what the others have as well comes first
    return named if alone and _few(counting, beside.ordinary) else []


def _of_the_group(counting: Sequence[Attempt], beside: Beside) -> list[Attempt]:
    """The edits of the one kind that counts and for which speaks in what all that fail there differ."""
    named = [one for one in counting if one.kind in beside.group]
    if len({one.kind for one in named}) != 1 or not _few(counting, beside.ordinary - beside.group) or beside.rings:
        return []
    return [one for one in named if one.kind not in HINTED or _less_so(one.restores_at, beside.group_length)]


def _few(counting: Sequence[Attempt], ordinary: frozenset[EditKind]) -> bool:
    """Whether no more than three kinds count that are not ordinary; a hint makes nothing ordinary."""
    return len({one.kind for one in counting} - (ordinary - HINTED)) <= MOST_KINDS


def _less_so(percent: float | None, length: Side | None) -> bool:
    """Whether another speed makes a short word longer, or a long one shorter."""
    return percent is not None and length is not None and (percent < 0) == (length == "low")


def _hinted(counting: Sequence[Attempt], heard: Sequence[Attempt], beside: Beside) -> list[Attempt]:
    """The edits of speed, where the word is short or long and they make it less so, and nothing else explains it as well.

    A little less of what is missing comes back by many edits: they recover most of it, or nothing else restores the answer.
    """
    others = {one.kind for one in heard if one.restores_at is not None} - HINTED
    alike = {one.kind for one in counting} - HINTED - beside.ordinary
    if beside.group - HINTED:  # what those that fail have in common is another thing
        return []
    if beside.length is None or beside.rings or alike or len(others) >= MOST_KINDS or not others.isdisjoint(beside.speaks):
        return []
    least = MOST if others else HALF
    less_so = [one for one in counting if one.kind in HINTED and _less_so(one.restores_at, beside.length)]
    return [one for one in less_so if counted(one.best.share) >= least]


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
    """The pairs that restore a failing answer, the one that recovers most first; where none of them fits, the one that recovers most of it.

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
    found = [_pair(answers, variant, two, wanted) for two in _restoring(answers, variant, couples, beside)]
    partly = [] if any(beside.fits(pair.kinds, pair.names) for pair in found) else _most_by_two(answers, variant, couples, wanted, beside)
    return [*partly, *sorted(found, key=lambda pair: -pair.margin)]


def _fit(two: tuple[Edit, Edit], beside: Beside) -> bool:
    return beside.fits([intervention(edit.name).kind for edit in two], [edit.name for edit in two])


def _most_by_two(
    answers: Answers, variant: str, couples: Sequence[tuple[Edit, Edit]], wanted: float | None, beside: Beside
) -> list[EditPair]:
    """The pair of the two kinds for which measurements speak, if it recovers most of the drop; none else."""
    kinds = {two: {intervention(edit.name).kind for edit in two} for two in couples}
    spoken = [two for two in couples if kinds[two] == beside.speaks and _fit(two, beside)]
    if wanted is None or beside.rings or not spoken:
        return []
    best = max(spoken, key=lambda two: answers.of(variant, *two).margin)
    controls = _half_control(best)
    answers.ask(controls)
    others = [two for two in couples if kinds[two] != beside.speaks and kinds[two].isdisjoint(beside.ordinary)]
    found, *alone = (counted(_pair(answers, variant, two, wanted).share) for two in (best, *controls))
    rivals = [counted(_pair(answers, variant, two, wanted).share) for two in others]
    if found < max([MOST, *rivals]) or max(alone) > LIKE_THE_EDIT * found:
        return []
    return [replace(_pair(answers, variant, best, wanted), restores=False)]


def named_pair(found: Sequence[EditPair], tried: Sequence[Attempt], beside: Beside = Beside()) -> EditPair | None:
    """The pair to name; None where there is none.

    Args:
        found: the pairs that restore, the one that recovers most first.
        tried: the single edits.
        beside: what is known beside the edits: where pairs of several kinds restore, it is one that fits.
    """
    if found and not found[0].restores:
        return found[0]
    spoken = [pair for pair in found if beside.fits(pair.kinds, pair.names)]
    found = spoken or ([] if beside.compared else found)
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


def _further(edit: Edit, step: int) -> Edit:
    """The edit a little stronger; of what is random, another draw."""
    one = intervention(edit.name)
    return edit._replace(draw=step + 1) if one.draws > 1 else edit._replace(size=one.near(edit.size)[step])


def _half_control(two: tuple[Edit, Edit]) -> list[tuple[Edit, Edit]]:
    first, second = two
    return [(first._replace(role="control"), second), (first, second._replace(role="control"))]


def _restoring(answers: Answers, variant: str, couples: Sequence[tuple[Edit, Edit]], beside: Beside) -> list[tuple[Edit, Edit]]:
    """The pairs that restore; of one that is refuted nothing more is asked."""

    def good(two: tuple[Edit, Edit]) -> bool:
        return answers.of(variant, *two).good

    left = [two for two in couples if good(two)]
    answers.ask(other for two in left for other in _half_control(two))
    left = [two for two in left if not any(map(good, _half_control(two)))]
    for step in range(len(NEAR)):
        answers.ask(_beyond(two, step) for two in left)
        left = [two for two in left if good(_beyond(two, step)) or _fit(two, beside)]
    return [two for two in left if most(answers.of(variant, *_beyond(two, step)) for step in range(len(NEAR)))]


def _beyond(two: tuple[Edit, Edit], step: int) -> tuple[Edit, Edit]:
    return _further(two[0], step), _further(two[1], step)


def _pair(answers: Answers, variant: str, two: tuple[Edit, Edit], wanted: float | None) -> EditPair:
    margin, here = answers.of(variant, *two).margin, answers.here[variant].margin
    first, second = two
    kinds = (intervention(first.name).kind, intervention(second.name).kind)
    share = None if wanted is None else (margin - here) / (wanted - here)
    return EditPair((first.name, second.name), kinds, (first.size, second.size), margin, share)
