"""Which perturbation costs the model most, how sure that is, and whom it costs most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from markupsafe import Markup

from robustness.analysis.groups import GroupCost
from robustness.report.costs import Cost, Level, cost_ends, costs_of, hardest_hit
from robustness.report.findings import good_word, has_known
from robustness.report.sections.base import SECTIONS, Section, SectionPart, fill
from robustness.report.sections.outcomes import cohort
from robustness.report.view import View
from robustness.report.words import bracketed, condition_name, level_of, number, percent, plural

TEMPLATE = """
<p class="wide">{{ says }}</p>
<p class="soft">{{ what }}, less the mean over a perturbation's grid, in points. {{ who }} The cells go from the mildest condition to the
harshest, as they turned out; the darker, the fewer are right.</p>
<div class="scroll" tabindex="0" role="group" aria-label="Heat map of what each perturbation costs each variant">
<table class="heat"><caption class="hidden">What each perturbation costs each variant, the costliest first</caption>
<thead><tr><th scope="col">perturbation</th><th scope="col">variant</th><th scope="col" class="number">costs, points</th>
<th scope="col">95 % interval</th><th scope="col" colspan="{{ most }}">right at each condition, mild → harsh</th></tr></thead>
<tbody>
{% for row in rows %}<tr>
<th scope="row">{% if row.first %}{{ row.name }}{% else %}<span class="hidden">{{ row.name }}</span>{% endif %}</th>
<td>{{ row.variant }}</td>
<td class="number" style="--heat:{{ row.heat }}%"><strong>{{ row.cost }}</strong></td><td>{{ row.interval }}</td>
{% for cell in row.cells %}
<td style="--heat:{{ cell.heat }}%" title="{{ cell.title }}">{{ cell.right }} <small>{{ cell.level }}</small></td>
{% endfor %}</tr>
{% endfor %}</tbody></table></div>
"""

MOST_CELLS: Final = 8  # conditions shown of a perturbation: evenly from the mildest to the harshest, both included
DARKEST: Final = 55  # percent of the colour for wrong in a cell where nothing is right: text on it stays readable


@SECTIONS.register
@dataclass(frozen=True)
class CostsSection(Section):
    """A heat map of perturbations by variants; of runs with more recordings than the table of answers shows."""

    name: ClassVar[str] = "costs"
    title: ClassVar[str] = "What costs most"
    order: ClassVar[int] = 15

    def part(self, view: View) -> SectionPart | None:
        """The sentence and the heat map."""
        if not view.many or not view.labelled or not (costs := costs_of(view)):
            return None
        rows = [_row(view, cost, costs[i - 1] if i else None) for i, cost in enumerate(costs)]
        most = max(len(row.cells) for row in rows)
        return SectionPart(fill(TEMPLATE, says=costs_sentence(view), what=_what(view), who=cohort(view), rows=rows, most=most))


def _what(view: View) -> str:
    return f"The share of {'commands accepted' if has_known(view) else 'other words left alone'} at the reference"


def costs_sentence(view: View) -> Markup:
    """Which perturbation costs the first variant most, beside the next one, and whom."""
    costs = [cost for cost in costs_of(view) if cost.variant is view.first]
    if not costs:
        return Markup("")
    worst, others = costs[0], costs[1:]
    if worst.mean.value <= 0:
        return Markup("No perturbation costs {} anything on average.").format(view.first.short)
    text = Markup("<strong>{}</strong> costs {} most: {} on average over its grid{}; at its harshest, {}, {} are {}").format(
        _name(worst).capitalize(),
        view.first.short,
        _points(worst),
        f"; next is {_name(others[0])} with {_points(others[0])}" if others else "",
        _where(view, worst.worst),
        percent(worst.worst.right.value),
        good_word(view),
    )
    whom = [_whom(column, group) for column in ("speaker", "label") if (group := hardest_hit(view, column, worst.perturbation))]
    return text + ". " + (Markup("Hit hardest: {}.").format(" and ".join(whom)) if whom else "")


def _whom(column: str, group: GroupCost) -> str:
    low = ", already low without it" if group.low_before else ""
    right = f"{percent(group.before.value)} without it, {percent(group.after.value)} under it{low}"
    return f"{column} “{group.name}” ({right}; {plural(group.recordings, 'recording')})"


def _name(cost: Cost) -> str:
    return cost.perturbation.replace("-", " ")


def _points(cost: Cost) -> str:
    ends = cost_ends(cost.mean)
    return f"{number(100 * cost.mean.value, 1)} points{f' (95 % interval {ends})' if ends != '–' else ''}"


def _where(view: View, level: Level) -> str:
    condition = level.condition
    return condition_name(condition, view.kinds)


@dataclass(frozen=True)
class CostCell:
    """One level of a row, in words; `heat` from 0."""

    right: str
    level: str
    title: str
    heat: int


@dataclass(frozen=True)
class CostRow:
    """What one perturbation costs one variant, in words; `first` of its perturbation."""

    name: str
    first: bool
    variant: str
    cost: str
    interval: str
    heat: int
    cells: list[CostCell]


def _row(view: View, cost: Cost, before: Cost | None) -> CostRow:
    return CostRow(
        name=_name(cost),
        first=before is None or before.perturbation != cost.perturbation,
        variant=cost.variant.short,
        cost=number(100 * cost.mean.value, 1),
        interval=cost_ends(cost.mean),
        heat=_heat(cost.mean.value),
        cells=[_cell(view, level) for level in _spread(cost.levels)],
    )


def _spread(levels: tuple[Level, ...]) -> list[Level]:
    """At most so many levels, evenly from the first to the last."""
    if len(levels) <= MOST_CELLS:
        return list(levels)
    step = (len(levels) - 1) / (MOST_CELLS - 1)
    return [levels[round(i * step)] for i in range(MOST_CELLS)]


def _cell(view: View, level: Level) -> CostCell:
    condition, right = level.condition, level.right
    level_text = level_of(condition.level or 0.0, view.unit(condition.perturbation))
    short = condition.placement if condition.perturbation == view.placing else level_text
    short += "" if condition.fill == "zeros" else f", {condition.fill}"
    title = f"{_where(view, level)}: {percent(right.value, 1)} of {number(right.total)}{bracketed(right)}"
    return CostCell(percent(right.value), short, title, _heat(1 - right.value))


def _heat(share: float) -> int:
    return round(DARKEST * min(1.0, max(0.0, share)))
