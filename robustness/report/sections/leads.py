"""Where in the window are how many recordings heard rightly: the shift atlas of all recordings, sorted and binned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from robustness.report.figures import Figure, Table, packed
from robustness.report.sections.base import SECTIONS, Section, SectionPart, fill
from robustness.report.view import Variant, View
from robustness.report.words import number, percent

TEMPLATE = """
<p>All {{ count }} labelled recordings, the most fragile at the top: each row of the figure is {{ each }} of them, by how many of the
leads {{ first }} recognises correctly. Blue: all of a row are right at that lead; orange: none is.
The order is the same in every figure.</p>
<div class="panels">{% for f in figures %}<div>{{ figure(f) }}</div>{% endfor %}</div>
"""

ROWS: Final = 40
TENTHS: Final = 10  # rows of the table behind a figure
MOST_COLUMNS: Final = 12


@SECTIONS.register
@dataclass(frozen=True)
class Leads(Section):
    """A heat map of quantile rows by leads, a figure a variant; of runs with more recordings than the table of answers shows."""

    name: ClassVar[str] = "leads"
    title: ClassVar[str] = "Where in the window"
    order: ClassVar[int] = 35

    def part(self, view: View) -> SectionPart | None:
        """The figures."""
        if not view.many or not view.labelled or not view.sums.among(view.shifting, offsets=True):
            return None
        figures = tuple(_figure(view, variant) for variant in view.variants)
        count = len(order_of(view))
        each = "one" if count <= ROWS else f"about {number(count / ROWS)}"
        return SectionPart(fill(TEMPLATE, count=number(count), each=each, first=view.first.short, figures=figures), figures)


def right_at(view: View, variant: Variant) -> NDArray[np.float64]:
    """Whether each recording's outcome is good at each lead, [leads recordings]; NaN where it was not heard there."""
    sums = view.sums
    return np.stack([sums.share(sums.good, variant.mark, i) for i in sums.among(view.shifting, offsets=True)])


def counted_in(view: View) -> NDArray[np.bool_]:
    """The recordings with a label that can be moved, [recordings]."""
    counted: NDArray[np.bool_] = (view.sums.truth >= 0) & ~view.sums.table["untestable"].to_numpy(dtype=bool)
    return counted


def order_of(view: View) -> NDArray[np.int64]:
    """The labelled recordings, the one with the fewest right leads of the first variant first; among equals as in the run's table."""
    counted = counted_in(view)
    right = np.nanmean(right_at(view, view.first)[:, counted], axis=0)
    there = np.flatnonzero(counted)
    return there[np.argsort(right, kind="stable")]


def binned(view: View, variant: Variant, rows: int) -> NDArray[np.float64]:
    """The share that is good in each quantile of the recordings at each lead, [rows leads]."""
    right = right_at(view, variant)[:, order_of(view)]
    return np.stack([np.nanmean(part, axis=1) for part in np.array_split(right, min(rows, right.shape[1]), axis=1)])


def _figure(view: View, variant: Variant) -> Figure:
    leads = [float(view.sums.conditions[i].level or 0.0) for i in view.sums.among(view.shifting, offsets=True)]
    shares = binned(view, variant, ROWS)
    places = [round(100 * (i + 0.5) / len(shares), 2) for i in range(len(shares))]
    heat = {"type": "heatmap", "x": leads, "y": places, "z": packed(np.nan_to_num(shares), low=0.0, step=1 / 255), "zmin": 0, "zmax": 1}
    heat |= {"colorscale": [[0.0, "var(--wrong)"], [0.5, "var(--middle)"], [1.0, "var(--right)"]], "showscale": False}
    heat |= {"hovertemplate": "lead %{x} ms, %{y:.0f} % of the way down: %{z:.0%} good<extra></extra>"}
    layout = {
        "xaxis": {"title": {"text": "lead, ms from the window’s start"}},
        "yaxis": {"title": {"text": "recordings, most fragile first"}, "range": [100, 0], "dtick": 25, "ticksuffix": " %"},
        "margin": {"l": 62},
    }
    return Figure(
        f"leads-{variant.slug}", variant.short, _sentence(view, variant, leads), [heat], layout, _table(view, variant, leads), 300
    )


def _sentence(view: View, variant: Variant, leads: list[float]) -> str:
    overall = np.nanmean(right_at(view, variant)[:, counted_in(view)], axis=1)
    best, worst = int(overall.argmax()), int(overall.argmin())
    said = f"{percent(float(overall[best]))} are good at a lead of {number(leads[best])} ms"
    return f"Heat map of all recordings by leads, {variant.short}: {said}, {percent(float(overall[worst]))} at {number(leads[worst])} ms."


def _table(view: View, variant: Variant, leads: list[float]) -> Table:
    shares = binned(view, variant, TENTHS)
    step = -(-len(leads) // MOST_COLUMNS)
    columns = range(0, len(leads), step)
    names = [f"{number(100 * i / len(shares))} to {number(100 * (i + 1) / len(shares))} %" for i in range(len(shares))]
    rows = [[name, *(percent(float(line[c])) for c in columns)] for name, line in zip(names, shares, strict=True)]
    return Table(
        f"Share of good outcomes by lead, recordings most fragile first, {variant.short}",
        ["recordings", *(f"{number(leads[c])} ms" for c in columns)],
        rows,
    )
