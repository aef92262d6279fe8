"""What fails, where, and how sure that is: sentences and four tiles, each linked to its evidence."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from robustness.analysis.accuracy import accuracy
from robustness.analysis.counts import ALL, RECORDED, counts, no_word_rates
from robustness.analysis.outcomes import FALSE_ACCEPT, MISSED, SUBSTITUTED
from robustness.report.findings import Change, Worst, changes, has_known, judged, score_of, worst_condition
from robustness.report.sections.base import SECTIONS, Section, SectionPart, fill
from robustness.report.sentences import summary
from robustness.report.view import View, rows_of
from robustness.report.words import PLACES, bracketed, condition_name, difference, number, plural, share_of, surely, tally

TEMPLATE = """
<p class="lead">{% for line in lines %}{{ line }} {% endfor %}</p>
<div class="tiles">
{% for tile in tiles %}
<a class="tile" id="{{ tile.id }}" href="#{{ tile.to }}"><strong{% if tile.bad %} class="wrong"{% endif %}>{{ tile.number }}</strong>
<span class="what">{{ tile.what }}</span>{% for line in tile.lines %}<span class="note">{{ line }}</span>{% endfor %}</a>
{% endfor %}
</div>
"""


class Tile(NamedTuple):
    """One number, what it counts, its interval and what goes beside it, and where its evidence is."""

    id: str
    to: str
    number: str
    what: str
    lines: list[str]
    bad: bool = False


@SECTIONS.register
@dataclass(frozen=True)
class Summary(Section):
    """The page's first lines."""

    name: ClassVar[str] = "summary"
    title: ClassVar[str] = "Summary"
    order: ClassVar[int] = 10

    def part(self, view: View) -> SectionPart:
        """Sentences and tiles."""
        makers = (at_reference, worst, false_accepts, between_variants)
        tiles = [maker(view) for maker in makers]
        return SectionPart(fill(TEMPLATE, lines=summary(view), tiles=[tile for tile in tiles if tile]))


def at_reference(view: View) -> Tile | None:
    """How many are right where recordings normally lie."""
    if not view.labelled:
        return None
    scores = {v.short: score_of(view, view.of(v, view.clean)) for v in view.variants}
    first = scores[view.first.short]
    overall = accuracy(view.of(view.first, view.clean), view.speakers)
    lines = [
        f"{surely(first)}, {view.first.short}",
        _beside({short: f"{tally(score)}/{number(score.total)}" for short, score in scores.items()}),
        f"by the winning label alone {share_of(overall)} right{bracketed(overall)}",
    ]
    what = "known words accepted right" if has_known(view) else "unknown words rejected"
    return Tile(
        "accepted", "outcomes", f"{tally(first)}/{number(first.total)}", f"{what}, {PLACES[view.reference]}", [x for x in lines if x]
    )


def _beside(values: dict[str, str]) -> str:
    """The other variants' numbers, or that they are the same."""
    first, *others = values.items()
    if not others:
        return ""
    if all(value == first[1] for _, value in others):
        return "the same in both variants" if len(others) == 1 else "the same in every variant"
    return ", ".join(f"{short}: {value}" for short, value in others)


def worst(view: View) -> Tile | None:
    """The placement in which the fewest are right, and the worst of all conditions that lose no speech."""
    placement = worst_condition(view, [view.placed])
    anything = worst_condition(view, view.trials.parts(), keeping_speech=True)
    if placement is None or anything is None:
        return None
    if len(view.placements) == 1:
        return _worst_of_all(view, anything)
    name = condition_name(placement.condition, view.kinds)
    rows = view.of(placement.variant, view.placed[view.placed["placement"] == placement.condition["placement"]])
    outcome = judged(view, rows)["outcome"].value_counts()
    said = [(outcome.get(MISSED, 0), "missed", "missed"), (outcome.get(SUBSTITUTED, 0), "wrong command", "wrong commands")]
    kinds = [plural(int(count), one, many) for count, one, many in said if count]
    ratio = f"{tally(placement.right)}/{number(placement.right.total)}"
    lines = [
        f"{surely(placement.right)}, {placement.variant.short}",
        f"worst of the {_conditions(anything)}: {tally(anything.right)}/{number(anything.right.total)}, {_where(view, anything)}",
    ]
    what = f"{name}, the worst placement" + (f": {', '.join(kinds)}" if kinds else "")
    to = "failures" if view.failures.failures and kinds else "outcomes"
    return Tile("worst", to, ratio, what, lines, placement.right.value < 1)


def _worst_of_all(view: View, anything: Worst) -> Tile | None:
    """The worst condition, where recordings were at one placement alone."""
    if anything.conditions == 1:
        return None
    lines = [f"{surely(anything.right)}, {anything.variant.short}"]
    ratio = f"{tally(anything.right)}/{number(anything.right.total)}"
    what = f"{_where(view, anything)}, the worst of the {_conditions(anything)}"
    return Tile("worst", "curves", ratio, what, lines, anything.right.value < 1)


def _where(view: View, anything: Worst) -> str:
    return condition_name(anything.condition, view.kinds)


def _conditions(anything: Worst) -> str:
    return f"{number(anything.conditions)} conditions that lose no speech"


def false_accepts(view: View) -> Tile | None:
    """Commands found where there was none."""
    lines, first = [], view.first
    found = counts(view.of(first, view.clean), view.speakers)
    unknown = found.falsely_accepted
    wordless = None
    if not view.no_word.empty:
        rates = {row.kind: row for row in rows_of(no_word_rates(view.of(first, view.no_word), view.model["window_ms"]))}
        every, recorded = rates[ALL], rates.get(RECORDED)
        wordless = f"{number(every.accepted)} in {plural(every.windows, 'window')} of noise and silence"
        if recorded is not None:
            ends = f"{number(recorded.low)}–{number(recorded.high)}"
            lines.append(f"{number(recorded.value)} an hour of recorded sounds (95 % interval {ends})")
    if unknown.total:
        lines = [f"{surely(unknown)}, {first.short}", *([wordless] if wordless else []), *lines]
        ratio = f"{tally(unknown)}/{number(unknown.total)}"
        return Tile("false-accepts", "outcomes", ratio, f"unknown words {FALSE_ACCEPT}", lines, unknown.value > 0)
    if wordless is None:
        return None
    count, what = wordless.split(" ", 1)
    return Tile("false-accepts", "outcomes", count, what, lines, count != "0")


def between_variants(view: View) -> Tile | None:
    """What quantization changes, at most."""
    found = changes(view)
    if not found:
        return Tile("variants", "quantization", "–", "one variant in this run: nothing to compare", [])
    most: Change = max(found, key=lambda change: change.changed)
    paired = most.paired.get(view.reference) or next(iter(most.paired.values()), None)  # a gate's run may have no such condition
    lines = []
    if view.labelled and paired:
        sure = "" if math.isnan(paired.difference.low) else ", 95 % interval"
        lines = [f"accuracy {PLACES[view.reference]}: {difference(paired.difference)}{sure}"]
    lines.append(f"{number(len(most.everywhere))} of {number(most.all_answers)} in all conditions")
    what = f"of {number(most.answers)} answers changed by {most.variant.short}"
    return Tile("variants", "quantization", number(most.changed), what, lines, most.changed > 0)
