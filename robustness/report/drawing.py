"""Small figures as SVG of our own, which need no script: lines over an axis, bars of counts. Colours follow the page's theme.

Everything that is text is escaped. Loads no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from typing import Final, NamedTuple

import numpy as np
from markupsafe import Markup, escape

from robustness.report.words import number

TICK_PX: Final = 11
LETTER: Final = 0.6  # of that, how wide a letter is at most on average
ABOVE: Final = -7.0  # px from a point to the text beside it
BELOW: Final = 16.0
ASIDE: Final = 9.0


Curve = tuple[Sequence[float], Sequence[float]]  # along x, ascending, and y


class PlotPoint(NamedTuple):
    """A point of a drawing, in pixels."""

    x: float
    y: float


class PlotText(NamedTuple):
    """A text at a place, of a class; `end` among its words is a text that ends there."""

    place: PlotPoint
    words: str
    name: str

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, right, top and bottom, in pixels."""
        width = len(self.words) * TICK_PX * LETTER
        left = self.place.x - width if "end" in self.name.split() else self.place.x
        return left, left + width, self.place.y - TICK_PX + 1, self.place.y + 3

    def overlaps(self, other: PlotText) -> bool:
        """Whether both lie on one place."""
        (left, right, top, bottom), (start, end, high, low) = self.box, other.box
        return left < end and start < right and top < low and high < bottom

    @property
    def drawn(self) -> Markup:
        """As SVG."""
        return text(*self)


@dataclass(frozen=True)
class PlotFrame:
    """A drawing's box and its two axes.

    Attributes:
        width, height: of the whole drawing, in pixels.
        x, y: the ends of the axes, in their units.
        left, right, top, bottom: room around the axes, in pixels.
    """

    width: int
    height: int
    x: tuple[float, float]
    y: tuple[float, float]
    left: int = 30
    right: int = 12
    top: int = 18
    bottom: int = 34

    def at(self, x: float, y: float) -> PlotPoint:
        """Where values lie."""
        across = (x - self.x[0]) / ((self.x[1] - self.x[0]) or 1)
        up = (y - self.y[0]) / ((self.y[1] - self.y[0]) or 1)
        inner_width, inner_height = self.width - self.left - self.right, self.height - self.top - self.bottom
        return PlotPoint(round(self.left + across * inner_width, 1), round(self.top + (1 - up) * inner_height, 1))

    def line(self, xs: Sequence[float], ys: Sequence[float], name: str) -> Markup:
        """A line through points, of a class."""
        points = " ".join(f"{place.x:g},{place.y:g}" for place in (self.at(x, y) for x, y in zip(xs, ys, strict=True)))
        return Markup('<polyline class="{}" points="{}"/>').format(name, points)

    def area(self, start: float, end: float, name: str) -> Markup:
        """A stretch of the x axis over the whole height, of a class."""
        low, high = self.at(max(start, self.x[0]), self.y[1]), self.at(min(end, self.x[1]), self.y[0])
        box = (name, low.x, low.y, round(high.x - low.x, 1), round(high.y - low.y, 1))
        return Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>').format(*box)

    def ticks(self, xs: Sequence[float], ys: Sequence[float], label: str, suffix: str = "") -> Markup:
        """Both axes: horizontal hairlines with their values, values below, and what the x axis is."""
        parts = []
        for y in ys:
            start, end = self.at(self.x[0], y), self.at(self.x[1], y)
            parts.append(Markup('<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(start.x, end.x, start.y, end.y))
            parts.append(text(PlotPoint(start.x - 5, start.y + 4), number(y) + suffix, "tick end"))
        for x in xs:
            base = self.at(x, self.y[0])
            parts.append(text(PlotPoint(base.x, base.y + 14), number(x), "tick middle"))
        middle = self.at((self.x[0] + self.x[1]) / 2, self.y[0])
        parts.append(text(PlotPoint(middle.x, middle.y + 29), label, "tick middle"))
        return Markup("").join(parts)

    def dot(self, x: float, y: float, name: str) -> Markup:
        """A round mark of a class."""
        place = self.at(x, y)
        return Markup('<circle class="{}" cx="{}" cy="{}" r="4"/>').format(name, place.x, place.y)

    def beside(self, x: float, y: float, words: str, name: str, *, curves: Sequence[Curve], others: Sequence[PlotText] = ()) -> PlotText:
        """A text beside a point: above or below it, to the right or the left, where it is free."""
        dot = self.at(x, y)
        sides = [(ASIDE, name), (-ASIDE, f"{name} end")]
        choices = [PlotText(PlotPoint(dot.x + aside, dot.y + up), words, side) for aside, side in sides for up in (ABOVE, BELOW)]
        return self.free(choices, curves, others)

    def free(self, choices: Sequence[PlotText], curves: Sequence[Curve], others: Sequence[PlotText] = ()) -> PlotText:
        """The text at the first of some places where the drawing does not cut it, no other text lies, and the fewest curves cross it."""

        def taken(one: PlotText) -> tuple[bool, bool, int]:
            return self._outside(one), any(map(one.overlaps, others)), sum(self._crossing(one, curve) for curve in curves)

        return min(choices, key=taken)

    def _outside(self, label: PlotText) -> bool:
        left, right, top, bottom = label.box
        return left < self.left or right > self.width or top < 0 or bottom > self.height - self.bottom

    def _crossing(self, label: PlotText, curve: Curve) -> bool:
        """Whether a curve lies neither above nor below the whole text."""
        left, right, top, bottom = label.box
        places = [place for place in (self.at(x, y) for x, y in zip(*curve, strict=True)) if not isnan(place.y)]
        if not places or right < places[0].x or left > places[-1].x:
            return False
        across = np.linspace(max(left, places[0].x), min(right, places[-1].x), int(right - left) + 2)
        height = np.interp(across, [place.x for place in places], [place.y for place in places])
        return not ((height <= top).all() or (height >= bottom).all())

    def drawn(self, sentence: str, *parts: Markup, name: str = "") -> Markup:
        """The whole drawing, of one class more where it has a name, with a sentence for those who do not see it."""
        head = Markup('<svg class="{}" role="img" aria-label="{}" viewBox="0 0 {} {}" width="{}" height="{}">')
        return (
            head.format(f"drawing {name}".strip(), sentence, self.width, self.height, self.width, self.height)
            + Markup("").join(parts)
            + Markup("</svg>")
        )


def text(place: PlotPoint, content: object, name: str = "tick") -> Markup:
    """A text at a place, of a class."""
    return Markup('<text class="{}" x="{}" y="{}">{}</text>').format(name, place.x, place.y, escape(content))


def round_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round values between two ends, at most so many."""
    for step in (1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000, 5000, 10_000):
        values = [float(step * i) for i in range(int(low // step), int(high // step) + 2) if low <= step * i <= high]
        if len(values) <= most:
            return values
    return [low, high]
