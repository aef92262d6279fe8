"""What does each intervention do to a failing answer: the smallest size that restores it, what each size recovers, and its sham?

An edit *restores* an answer where most of its draws are right; one that is not random, where most sizes a little beyond are right too.
The share recovered is the gain in margin over the drop, of the median draw. Nothing here depends on batch or order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

from robustness.diagnosis.asking import Answers, Edit, Given, intervention
from robustness.diagnosis.cases import float_of
from robustness.interventions.base import INTERVENTIONS, Intervention, Kind


class Rung(NamedTuple):
    """An intervention at one size.

    Attributes:
        size: in the ladder's unit.
        margin: of the median draw, in logits.
        share: of the drop recovered by the median draw; None where no drop is known.
        right: the share of draws that are right.
        answer: the commonest answer.
        restores: whether it is right, and stays so a little beyond.
    """

    size: float
    margin: float
    share: float | None
    right: float
    answer: str
    restores: bool


@dataclass(frozen=True)
class Attempt:
    """Everything that one intervention gave on one failing answer.

    Attributes:
        name: of the intervention.
        kind: of the intervention.
        rungs: by size, as on the ladder.
        sham: at the smallest size that restores the answer, or at the one that recovers most where none does.
        draws: of each rung.
    """

    name: str
    kind: Kind
    rungs: tuple[Rung, ...]
    sham: Rung
    draws: int

    @property
    def restores_at(self) -> float | None:
        """The smallest size that restores the answer; None where none does."""
        found = smallest(self.rungs)
        return None if found is None else found.size

    @property
    def best(self) -> Rung:
        """The rung that recovers most; of those that restore, where there are any."""
        restoring = [rung for rung in self.rungs if rung.restores]
        return max(restoring or self.rungs, key=lambda rung: rung.margin)

    @property
    def share(self) -> float | None:
        """What it recovers at best, of the whole ladder."""
        shares = [rung.share for rung in self.rungs if rung.share is not None]
        return max(shares, default=None)


def interventions_for(answers: Answers, variant: str) -> list[Intervention]:
    """Those that make sense for a failing answer, by name."""
    made = [intervention(name) for name in INTERVENTIONS.names()]
    possible = [one for one in made if one.sizes(answers.scene)]
    return [one for one in possible if not one.in_float or float_of(answers.classifiers, variant) is not None]


def attempts(answers: Answers, variants: Sequence[str], wanted: Mapping[str, float | None]) -> dict[str, list[Attempt]]:
    """Every intervention on one recording, for each variant that fails: what it gives, and then its sham.

    Args:
        answers: to the edits of the failing window.
        variants: those that fail.
        wanted: by variant, the margin at which the whole drop is recovered; None where no drop is known.
    """
    made = {variant: interventions_for(answers, variant) for variant in variants}
    every = {one.name: one for found in made.values() for one in found}
    answers.ask([edit] for one in every.values() for size in one.sizes(answers.scene) for edit in edits(one, size))
    answers.ask([edit] for variant in variants for one in made[variant] for edit in _beyond(answers, variant, one))
    climbed = {v: {one.name: rungs(answers, v, one, wanted[v]) for one in made[v]} for v in variants}
    answers.ask([edit] for v in variants for one in made[v] for edit in shams(one, climbed[v][one.name]))
    return {v: [_attempt(answers, v, one, climbed[v][one.name], wanted[v]) for one in made[v]] for v in variants}


def edits(one: Intervention, size: float) -> list[Edit]:
    """The draws of an intervention at a size."""
    return [Edit(one.name, size, draw) for draw in range(one.draws)]


def shams(one: Intervention, found: Sequence[Rung]) -> list[Edit]:
    """Its sham, in every draw at the smallest size that restores; where none does, in one draw at the size that recovers most."""
    at = smallest(found)
    draws = one.sham_draws if at else 1
    return [Edit(one.name, (at or strongest(found)).size, draw, "sham") for draw in range(draws)]


def _near(answers: Answers, one: Intervention, size: float) -> list[Edit]:
    return [Edit(one.name, near) for near in one.near(size) if one.possible(answers.scene, near)]


def _beyond(answers: Answers, variant: str, one: Intervention) -> Iterable[Edit]:
    """The sizes a little beyond those that are right."""
    for size in one.sizes(answers.scene):
        if most(answers.of(variant, edit) for edit in edits(one, size)):
            yield from _near(answers, one, size)


def most(given: Iterable[Given]) -> bool:
    """Whether more than half are right."""
    right = [one.right for one in given]
    return sum(right) * 2 > len(right)


def rungs(answers: Answers, variant: str, one: Intervention, wanted: float | None) -> list[Rung]:
    """An intervention at each size."""
    here = answers.here[variant].margin
    found = []
    for size in one.sizes(answers.scene):
        given = [answers.of(variant, edit) for edit in edits(one, size)]
        restores = most(given)
        if restores and (near := _near(answers, one, size)):
            restores = most(answers.of(variant, edit) for edit in near)
        found.append(_rung(size, given, here, wanted, restores=restores))
    return found


def _rung(size: float, given: list[Given], here: float, wanted: float | None, *, restores: bool) -> Rung:
    margin = median(one.margin for one in given)
    answer = Counter(sorted(one.predicted for one in given)).most_common(1)[0][0]
    share = None if wanted is None else (margin - here) / (wanted - here)
    return Rung(size, margin, share, sum(one.right for one in given) / len(given), answer, restores)


def smallest(found: Sequence[Rung]) -> Rung | None:
    """The mildest rung that restores the answer; of two signs of a size, the one that recovers more."""
    restoring = [rung for rung in found if rung.restores]
    first = next(iter(restoring), None)
    return first and max((rung for rung in restoring if abs(rung.size) == abs(first.size)), key=lambda rung: rung.margin)


def strongest(found: Sequence[Rung]) -> Rung:
    """The rung that recovers most."""
    return max(found, key=lambda rung: rung.margin)


def _attempt(answers: Answers, variant: str, one: Intervention, found: Sequence[Rung], wanted: float | None) -> Attempt:
    done = shams(one, found)
    given = [answers.of(variant, edit) for edit in done]
    sham = _rung(done[0].size, given, answers.here[variant].margin, wanted, restores=most(given))
    return Attempt(one.name, one.kind, tuple(found), sham, one.draws)
