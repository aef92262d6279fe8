"""What does the device get wrong, and how much of it? Each kind of problem with its counts, the largest first; and the page's verdict.

A problem is called one from two recordings and a twentieth of those it can happen to. Without rules of the user's own the verdict is
never that a model may ship. Loads no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from markupsafe import Markup
from pandas import DataFrame

from robustness.analysis.outcomes import ACCEPTED, BAD, FALSE_ACCEPT, GOOD, LEFT_ALONE, MISSED, SUBSTITUTED
from robustness.report.costs import Costs, Level, costs_of
from robustness.report.findings import good_word, has_known
from robustness.report.view import View
from robustness.report.words import condition_name, number, plural

LEAST: Final = 2  # recordings
LEAST_SHARE: Final = 0.05  # of those it can happen to
HARSH_SHARE: Final = 0.5  # of what is good undisturbed: what takes as much is told, though it is no level of an ordinary day
LEAST_AT_REFERENCE: Final = 0.2  # where nothing is done to the recordings, a model errs now and then
ENOUGH: Final = 5  # commands, below which nothing is said
KNOWN: Final = (ACCEPTED, MISSED, SUBSTITUTED)
BEGINS: Final = {"start": "when the word begins with the window", "center": "in the middle", "end": "when the word ends with the window"}
Kind = Literal["found", "none", "little"]


class Problem(NamedTuple):
    """Something that the device gets wrong.

    Attributes:
        name: what it has to do with, such as `placement`.
        share: of the recordings that it can happen to.
        sentence: what happens, with its counts.
        placement: where it is about a placement: which.
    """

    name: str
    share: float
    sentence: Markup
    placement: str | None = None


class Met(NamedTuple):
    """What the commands of some rows met, of those that can be moved where the rows were moved."""

    commands: int
    accepted: int
    missed: int
    substituted: int
    others: int
    acted: int


@dataclass(frozen=True)
class PageVerdict:
    """The page's verdict: problems, none, or too little to say."""

    kind: Kind
    problems: tuple[Problem, ...]

    @property
    def heading(self) -> str:
        """`PROBLEM FOUND`, `NO PROBLEM FOUND` or `TOO LITTLE TO SAY`."""
        return {"found": "PROBLEM FOUND", "none": "NO PROBLEM FOUND", "little": "TOO LITTLE TO SAY"}[self.kind]


def met(view: View, rows: DataFrame, *, moved: bool = False) -> Met:
    """Counts of outcomes of the first variant in one condition; what was moved leaves out what cannot be moved."""
    mine = view.of(view.first, rows)
    mine = view.movable(mine) if moved else mine
    count = mine["outcome"].value_counts()
    found = {name: int(count.get(name, 0)) for name in (*KNOWN, LEFT_ALONE, FALSE_ACCEPT)}
    commands, others = sum(found[name] for name in KNOWN), found[LEFT_ALONE] + found[FALSE_ACCEPT]
    return Met(commands, found[ACCEPTED], found[MISSED], found[SUBSTITUTED], others, found[FALSE_ACCEPT])


def at_placement(view: View, placement: str) -> Met:
    """What is met at a placement, by the recordings that can be moved."""
    return met(view, view.placed[view.placed["placement"] == placement], moved=True)


def bad_commands(found: Met) -> str:
    """`8 of 10 commands are missed`, `2 missed and 1 taken for another`."""
    return failing(found.missed, found.substituted, found.commands)


def failing(missed: int, substituted: int, commands: int) -> str:
    """How many commands go wrong and how."""
    bad = missed + substituted
    verb = "is" if bad == 1 else "are"
    of = f"{number(bad)} of {plural(commands, 'command')} {verb}"
    if not substituted:
        return f"{of} missed"
    if not missed:
        return f"{of} taken for another command"
    return f"{of} not carried out ({number(missed)} missed, {number(substituted)} taken for another)"


@lru_cache(maxsize=4)
def verdict_of(view: View) -> PageVerdict:
    """The verdict of a run, by what its first variant's device does."""
    here = met(view, view.clean)
    if here.commands < ENOUGH and not here.others:
        return PageVerdict("little", ())
    found = sorted((p for maker in MAKERS for p in maker(view)), key=lambda problem: -problem.share)
    if found:
        return PageVerdict("found", tuple(found))
    return PageVerdict("none" if here.commands >= ENOUGH else "little", ())


def _enough(count: int, of: int, share: float = LEAST_SHARE) -> bool:
    return count >= LEAST and count >= share * of


def of_placement(view: View) -> Iterator[Problem]:
    """Commands lost where the word lies elsewhere than at the reference."""
    before = at_placement(view, view.reference)
    ends = {place: at_placement(view, place) for place in view.placements if place != view.reference}
    if not ends or not before.commands:
        return
    place, worst = min(ends.items(), key=lambda item: item[1].accepted)
    lost = before.accepted - worst.accepted
    if not _enough(lost, before.commands):
        return
    there = "all" if before.accepted == before.commands else ""
    usual = f"{there} {number(before.accepted)} {'is' if before.accepted == 1 else 'are'} accepted {BEGINS[view.reference]}".strip()
    text = Markup("{} {}; {}.").format(bad_commands(worst), BEGINS[place], usual)
    yield Problem("placement", lost / before.commands, text, place)


def at_reference(view: View) -> Iterator[Problem]:
    """Commands that fail where nothing was done to the recordings."""
    here = met(view, view.clean)
    bad = here.missed + here.substituted
    if here.commands and _enough(bad, here.commands, LEAST_AT_REFERENCE):
        text = Markup("{} where nothing is done to the recordings.").format(bad_commands(here))
        yield Problem("recognition", bad / here.commands, text)


def of_other_words(view: View) -> Iterator[Problem]:
    """Other words, and windows without a word, on which the device acts."""
    here = met(view, view.clean)
    if here.others and _enough(here.acted, here.others, LEAST_AT_REFERENCE):
        text = Markup("{} of {} {} acted on.").format(
            number(here.acted), plural(here.others, "other word"), "is" if here.acted == 1 else "are"
        )
        yield Problem("other words", here.acted / here.others, text)
    silent = view.of(view.first, view.no_word)
    acted = int((silent["outcome"] == FALSE_ACCEPT).sum())
    if len(silent) and _enough(acted, len(silent), LEAST_SHARE):
        text = Markup("{} of {} without a word {} taken for a command.").format(
            number(acted), plural(len(silent), "window"), "is" if acted == 1 else "are"
        )
        yield Problem("sound without a word", acted / len(silent), text)


def of_perturbations(view: View) -> Iterator[Problem]:
    """What the everyday levels of a perturbation cost; where it states no everyday range, the milder half of its grid."""
    costs = Costs(view)
    for cost in costs_of(view):
        if cost.variant is not view.first or view.kinds[cost.perturbation].moves:
            continue
        everyday = set(view.kinds[cost.perturbation].everyday_levels)
        levels = [level for level in cost.levels if level.condition.level in everyday]
        if not levels:
            continue
        worst = min(levels, key=lambda level: level.right.value)
        clean = costs.estimate(costs.clean(view.first))
        lost = (clean.value - worst.right.value) * clean.total
        if _enough(round(lost), clean.total, 2 * LEAST_SHARE):
            named = condition_name(worst.condition, view.kinds)
            share = number(worst.right.value * worst.right.total, 1 if view.kinds[cost.perturbation].draws > 1 else 0)
            text = Markup("Under {}, {} of {} are {}{}; without it {}.").format(
                named,
                share,
                plural(worst.right.total, "command" if has_known(view) else "other word"),
                good_word(view),
                f" (mean of {view.kinds[cost.perturbation].draws} draws)" if view.kinds[cost.perturbation].draws > 1 else "",
                number(clean.value * clean.total),
            )
            yield Problem(cost.perturbation.replace("-", " "), lost / clean.total, text)


@lru_cache(maxsize=4)
def beyond_everyday(view: View) -> Markup | None:
    """What the first variant loses outside the everyday range, where a level there takes half of it or more; None where none does.

    Told is the mildest of the levels that take most, and how many other kinds take half or more.
    """
    costs = Costs(view)
    clean = costs.estimate(costs.clean(view.first))
    found: list[tuple[float, Level]] = []
    for cost in costs_of(view):
        kind = view.kinds[cost.perturbation]
        harsh = [level for level in cost.levels if level.condition.level not in kind.everyday_levels and level.right.total == clean.total]
        if cost.variant is not view.first or kind.moves or not harsh:
            continue
        least = min(level.right.value for level in harsh)
        mildest = min((level for level in harsh if level.right.value == least), key=lambda level: kind.distance(_level(level)))
        lost = clean.value - least
        if _enough(round(lost * clean.total), clean.total) and lost >= HARSH_SHARE * clean.value:
            found.append((lost, mildest))
    if not found:
        return None
    worst = max(found, key=lambda one: one[0])[1]
    draws = view.kinds[worst.condition.perturbation].draws
    more = "" if len(found) == 1 else f"; {plural(len(found) - 1, 'more kind takes', 'more kinds take')} half of them or more"
    return Markup("Outside the everyday range, {} leaves {} of {} {}{}{}.").format(
        condition_name(worst.condition, view.kinds),
        number(worst.right.value * worst.right.total, 1 if draws > 1 else 0),
        plural(worst.right.total, "command" if has_known(view) else "other word"),
        good_word(view),
        f" (mean of {draws} draws)" if draws > 1 else "",
        more,
    )


def _level(level: Level) -> float:
    return 0.0 if level.condition.level is None else level.condition.level


def of_variants(view: View) -> Iterator[Problem]:
    """Good outcomes that another variant turns bad."""
    keys = ["recording", "placement"]
    first = view.of(view.first, view.placed).astype(dict.fromkeys(keys, str)).set_index(keys)["outcome"]
    for variant in view.variants[1:]:
        other = view.of(variant, view.placed).astype(dict.fromkeys(keys, str)).set_index(keys)["outcome"]
        broken = first.isin(GOOD) & other.reindex(first.index).isin(BAD)
        good = int(first.isin(GOOD).sum())
        if _enough(int(broken.sum()), good):
            text = Markup("{} turns {} of {} good outcomes bad.").format(variant.short, number(int(broken.sum())), number(good))
            yield Problem(variant.short, broken.sum() / good, text)


MAKERS: Final[tuple[Callable[[View], Iterator[Problem]], ...]] = (
    of_placement,
    at_reference,
    of_other_words,
    of_perturbations,
    of_variants,
)
