"""Up to which level of each perturbation does the share hold, in its own unit, and does that cover an ordinary day?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final

import numpy as np

from robustness.analysis.tolerated import Tolerated, ToleratedSide, tolerated
from robustness.conditions import FAMILIES
from robustness.report.costs import Costs
from robustness.report.findings import has_known
from robustness.report.sections.base import SECTIONS, Section, SectionPart, fill
from robustness.report.view import Variant, View
from robustness.report.words import level_of, listed, percent
from robustness.run.perturbations import PerturbationFacts

TEMPLATE = """
<p class="wide">{{ says }}</p>
<p class="soft">The share of {{ what }}, draws averaged, must be at least {{ bar }} at a level and at every milder one of the grid, for
these recordings. An ordinary day is a range that somebody has stated; where nobody has, there is a dash. Cells go from the mildest level of
the grid to the harshest; the darker, the fewer are right.</p>
<div class="scroll" tabindex="0" role="group" aria-label="What is tolerated of each perturbation">
<table class="heat"><caption class="hidden">What is tolerated of each perturbation, by family, and the share at each level</caption>
<thead><tr><th scope="col">perturbation</th><th scope="col">family</th><th scope="col">variant</th><th scope="col">tolerated</th>
<th scope="col">an ordinary day</th><th scope="col">covered</th>
<th scope="col" colspan="{{ most }}">share at each level, mild → harsh</th></tr></thead>
<tbody>
{% for row in rows %}<tr>
<th scope="row">{% if row.first %}{{ row.name }}{% else %}<span class="hidden">{{ row.name }}</span>{% endif %}</th>
<td>{{ row.family }}</td><td>{{ row.variant }}</td><td>{{ row.range }}</td><td>{{ row.everyday }}</td><td>{{ row.covered }}</td>
{% for cell in row.cells %}
<td style="--heat:{{ cell.heat }}%" title="{{ cell.title }}">{{ cell.share }} <small>{{ cell.level }}</small></td>
{% endfor %}</tr>
{% endfor %}</tbody></table></div>
"""

BAR: Final = 0.9
MOST_CELLS: Final = 8
DARKEST: Final = 55  # percent of the colour for wrong in a cell where nothing is right
MOST_SAID: Final = 6


@SECTIONS.register
@dataclass(frozen=True)
class TolerancesSection(Section):
    """A sentence of ranges in their units, and a heat map by family."""

    name: ClassVar[str] = "tolerance"
    title: ClassVar[str] = "What is tolerated"
    order: ClassVar[int] = 38

    def part(self, view: View) -> SectionPart | None:
        """The sentence and the table; None if no perturbation has a grid of levels."""
        kinds = sorted((kind for kind in view.kinds.values() if not kind.placements), key=_order)
        if not view.labelled or view.manifest.get("purpose") == "audit":
            return None
        found = [(kind, variant, shares) for kind in kinds for variant in view.variants if (shares := shares_of(view, kind, variant))]
        if not found:
            return None
        rows = _alike([_row(*one, first=one[1] is view.first) for one in found])
        what = "commands accepted" if has_known(view) else "other words left alone"
        most = max(len(row["cells"]) for row in rows)
        return SectionPart(fill(TEMPLATE, says=says(view), what=what, bar=percent(BAR), rows=rows, most=most))


def _order(kind: PerturbationFacts) -> tuple[int, str]:
    return (FAMILIES.index(kind.family) if kind.family in FAMILIES else len(FAMILIES), kind.name)


def shares_of(view: View, kind: PerturbationFacts, variant: Variant) -> dict[float, float]:
    """The share that is right at each level of the grid, padded with zeros."""
    costs, sums = Costs(view), view.sums
    found = {}
    for i in sums.among(kind.name):
        condition = sums.conditions[i]
        scores = costs.score(variant, i)
        if condition.fill == "zeros" and condition.level in kind.levels and condition.level != kind.neutral and not np.isnan(scores).all():
            found[condition.level] = float(np.nanmean(scores))
    return found


def says(view: View) -> str:
    """What the first variant tolerates of the kinds that an ordinary day brings, the least covered first."""
    variant = view.first
    found = [(kind, shares) for kind in view.kinds.values() if kind.everyday and (shares := shares_of(view, kind, variant))]
    ranges = [(kind, tolerated(shares, kind.neutral, BAR)) for kind, shares in found]
    ranges.sort(key=lambda one: (covers(*one), _order(one[0])))
    who = "accepted" if has_known(view) else "left alone"
    if not ranges:
        return f"Of no perturbation that was run has anybody stated what an ordinary day brings; {variant.short} is in the table."
    parts = [f"{in_words(kind, range_)} in {kind.plain_name}" for kind, range_ in ranges[:MOST_SAID]]
    more = f" (and {len(ranges) - MOST_SAID} more kinds in the table)" if len(ranges) > MOST_SAID + 1 else ""
    short = [kind.plain_name for kind, range_ in ranges if not covers(kind, range_)]
    day = f" An ordinary day goes beyond that in {listed(short, MOST_SAID)}." if short else " That covers an ordinary day."
    return f"{variant.short}: {percent(BAR)} are {who} {', '.join(parts)}{more}.{day}"


def covers(kind: PerturbationFacts, range_: Tolerated) -> bool:
    """Whether every level of the grid that an ordinary day brings is tolerated."""
    return all(
        (side := range_.below if level < kind.neutral else range_.above) is not None
        and side.held is not None
        and side.levels.index(level) <= side.levels.index(side.held)
        for level in kind.everyday_levels
        if level != kind.neutral
    )


def in_words(kind: PerturbationFacts, range_: Tolerated) -> str:
    """A tolerated range: `down to 8 dB`, `to 0.5 s`, `from −18 dB to 12 dB`, `at no level`."""
    below, above = range_
    if below is not None and above is not None:
        return f"from {_end(kind, below)} to {_end(kind, above)}"
    side = below or above
    if side is None or side.held is None:
        return "at no level"
    return f"{'down to' if below is not None else 'to'} {_end(kind, side)}"


def _end(kind: PerturbationFacts, side: ToleratedSide) -> str:
    level = kind.neutral if side.held is None else side.held
    return level_of(level, kind.unit)


def _alike(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows, those of variants that agree told once."""
    told: dict[str, dict[str, Any]] = {}
    for row in rows:
        key = str([row["name"], row["range"], row["cells"]])
        told[key] = {**told[key], "variant": f"{told[key]['variant']}, {row['variant']}"} if key in told else row
    return list(told.values())


def _row(kind: PerturbationFacts, variant: Variant, shares: dict[float, float], *, first: bool) -> dict[str, Any]:
    range_ = tolerated(shares, kind.neutral, BAR)
    ends = [side for side in range_ if side is not None]
    open_end = " (the grid ends there)" if all(side.whole for side in ends) else ""
    low, high = kind.everyday or (0.0, 0.0)
    levels = sorted(shares, key=kind.distance)
    step = max(1.0, (len(levels) - 1) / (MOST_CELLS - 1))
    shown = levels if len(levels) <= MOST_CELLS else [levels[round(i * step)] for i in range(MOST_CELLS)]
    return {
        "name": kind.plain_name,
        "first": first,
        "family": kind.family,
        "variant": variant.short,
        "range": f"{in_words(kind, range_)}{open_end}",
        "everyday": f"{level_of(low, kind.unit)} to {level_of(high, kind.unit)}" if kind.everyday else "–",
        "covered": ("yes" if covers(kind, range_) else "no") if kind.everyday else "–",
        "cells": [_cell(kind, level, shares[level]) for level in shown],
    }


def _cell(kind: PerturbationFacts, level: float, share: float) -> dict[str, Any]:
    text = level_of(level, kind.unit)
    heat = round(DARKEST * min(1.0, max(0.0, 1 - share)))
    return {
        "share": percent(share),
        "level": text,
        "heat": heat,
        "title": f"{kind.plain_name} at {text}: {percent(share, 1)}{_of_day(kind, level)}",
    }


def _of_day(kind: PerturbationFacts, level: float) -> str:
    return ", on an ordinary day" if kind.everyday and level in kind.everyday_levels else ""
