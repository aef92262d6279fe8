"""The share of good outcomes before and after, a row a perturbation and variant: drawn without a script. Loads no torch."""

from __future__ import annotations

from typing import Final

from markupsafe import Markup, escape

from robustness.comparison import Comparison, PerturbationChange
from robustness.conditions import NONE
from robustness.report.words import percent

ROW: Final = 22  # of height, for each line of the figure, in pixels
LEFT: Final = 250
WIDTH: Final = 860
RIGHT: Final = WIDTH - 30
MARKS: Final = (0.0, 0.25, 0.5, 0.75, 1.0)


def comparison_figure(comparison: Comparison) -> Markup:
    """A ring for before, a disc for after, a line between them: blue where it rose, orange where it fell."""
    rows = comparison.perturbations
    several = len({row.variant for row in rows}) > 1
    height = ROW * (len(rows) + 2)
    said = "; ".join(f"{_name(row, several=several)} {percent(row.before)} to {percent(row.after)}" for row in rows)
    lines = [
        f'<svg role="img" viewBox="0 0 {WIDTH} {height}" width="100%" style="max-width:{WIDTH}px" '
        f'aria-label="{escape(f"Share of good outcomes before and after: {said}")}">'
    ]
    for mark in MARKS:
        lines.append(f'<line x1="{_x(mark)}" x2="{_x(mark)}" y1="{ROW}" y2="{height - ROW}" stroke="var(--grid)"/>')
        lines.append(
            f'<text x="{_x(mark)}" y="{height - 5}" text-anchor="middle" font-size="12" fill="currentColor">{percent(mark)}</text>'
        )
    lines.append(f'<text x="{LEFT}" y="14" font-size="12" fill="currentColor">share of good outcomes: ○ before, ● after</text>')
    lines += [_row(row, (place + 1.5) * ROW, several=several) for place, row in enumerate(rows)]
    return Markup("\n".join([*lines, "</svg>"]))


def _x(share: float) -> float:
    return round(LEFT + share * (RIGHT - LEFT), 1)


def _name(row: PerturbationChange, *, several: bool) -> str:
    name = "reference" if row.perturbation == NONE else row.perturbation.replace("-", " ")
    return f"{name}, {row.variant}" if several else name


def _row(row: PerturbationChange, y: float, *, several: bool) -> str:
    ink = "var(--right)" if row.after >= row.before else "var(--wrong)"
    before, after = _x(row.before), _x(row.after)
    name = escape(_name(row, several=several))
    return (
        f'<text x="{LEFT - 10}" y="{y + 4}" text-anchor="end" font-size="13" fill="currentColor">{name}</text>'
        f'<line x1="{before}" x2="{after}" y1="{y}" y2="{y}" stroke="{ink}" stroke-width="3"/>'
        f'<circle cx="{before}" cy="{y}" r="5" fill="var(--paper)" stroke="{ink}" stroke-width="2"/>'
        f'<circle cx="{after}" cy="{y}" r="5" fill="{ink}"/>'
    )
