"""The share of good outcomes before and after, a row a perturbation and variant: drawn without a script. Loads no torch."""

from __future__ import annotations

from typing import Final, NamedTuple

from markupsafe import Markup, escape

from robustness.comparison import Comparison, PerturbationChange
from robustness.conditions import NONE
from robustness.report.words import percent

ROW: Final = 22  # of height, for each line of the figure, in pixels
MARGIN: Final = 30  # beside the axis, for its last number


class RowSize(NamedTuple):
    """How wide the figure is, and how much of that its names take, in pixels; how large its letters are, and which shares it marks."""

    width: int
    left: int
    letters: int
    marks: tuple[float, ...]

    def x(self, share: float) -> float:
        """Where a share lies."""
        return round(self.left + share * (self.width - MARGIN - self.left), 1)


# the page shows the one that it has room for
SIZES: Final = {"on-wide": RowSize(860, 250, 13, (0.0, 0.25, 0.5, 0.75, 1.0)), "on-narrow": RowSize(350, 205, 11, (0.0, 0.5, 1.0))}


def comparison_figure(comparison: Comparison) -> Markup:
    """A ring for before, a disc for after, a line between them: blue where it rose, orange where it fell."""
    return Markup("\n").join(_figure(comparison, name, size) for name, size in SIZES.items())


def _figure(comparison: Comparison, called: str, size: RowSize) -> Markup:
    rows = comparison.perturbations
    several = len({row.variant for row in rows}) > 1
    height = ROW * (len(rows) + 2)
    said = "; ".join(f"{_name(row, several=several)} {percent(row.before)} to {percent(row.after)}" for row in rows)
    lines = [
        f'<svg class="{called}" role="img" viewBox="0 0 {size.width} {height}" width="100%" style="max-width:{size.width}px" '
        f'aria-label="{escape(f"Share of good outcomes before and after: {said}")}">'
    ]
    for mark in size.marks:
        lines.append(f'<line x1="{size.x(mark)}" x2="{size.x(mark)}" y1="{ROW}" y2="{height - ROW}" stroke="var(--grid)"/>')
        at = f'x="{size.x(mark)}" y="{height - 5}" text-anchor="middle" font-size="{size.letters - 1}"'
        lines.append(f'<text {at} fill="currentColor">{percent(mark)}</text>')
    key = f'y="14" text-anchor="end" font-size="{size.letters - 1}" fill="currentColor">share of good outcomes: ○ before, ● after</text>'
    lines.append(f'<text x="{size.width - 4}" {key}')
    lines += [_row(row, (place + 1.5) * ROW, size, several=several) for place, row in enumerate(rows)]
    return Markup("\n".join([*lines, "</svg>"]))


def _name(row: PerturbationChange, *, several: bool) -> str:
    name = "reference" if row.perturbation == NONE else row.perturbation.replace("-", " ")
    return f"{name}, {row.variant}" if several else name


def _row(row: PerturbationChange, y: float, size: RowSize, *, several: bool) -> str:
    ink = "var(--right)" if row.after >= row.before else "var(--wrong)"
    before, after = size.x(row.before), size.x(row.after)
    name = escape(_name(row, several=several))
    return (
        f'<text x="{size.left - 10}" y="{y + 4}" text-anchor="end" font-size="{size.letters}" fill="currentColor">{name}</text>'
        f'<line x1="{before}" x2="{after}" y1="{y}" y2="{y}" stroke="{ink}" stroke-width="3"/>'
        f'<circle cx="{before}" cy="{y}" r="5" fill="var(--paper)" stroke="{ink}" stroke-width="2"/>'
        f'<circle cx="{after}" cy="{y}" r="5" fill="{ink}"/>'
    )
