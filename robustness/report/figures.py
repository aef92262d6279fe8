"""What a figure is before a browser draws it: plotly traces in plain values, colours as CSS variables, arrays as base64.

Colours are written `var(--name)` and resolved in the browser, so that a figure follows light and dark. Names from outside go through
`plain`: plotly reads some tags in its texts.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pandas import DataFrame

FloatArray = NDArray[np.floating[Any]]
Trace = dict[str, Any]

DASHES: Final = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
MARKERS: Final = ("circle", "square-open", "diamond", "triangle-up-open", "x", "star")
WRONG_TO_RIGHT: Final = [
    [0.0, "var(--wrong-deep)"],
    [0.25, "var(--wrong)"],
    [0.5, "var(--middle)"],
    [0.75, "var(--right)"],
    [1.0, "var(--right-deep)"],
]


class Table(NamedTuple):
    """The numbers behind a figure; the first cell of a row names it."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[object]]


@dataclass(frozen=True)
class Figure:
    """A figure of the page.

    Attributes:
        id: its address.
        title: what stands above it.
        sentence: what it shows, for those who do not see it.
        data: plotly traces.
        layout: plotly layout, on top of what all figures share.
        table: the numbers behind it.
        height: in pixels.
        role: `img`, or `application` where keys walk through it.
    """

    id: str
    title: str
    sentence: str
    data: list[Trace]
    layout: dict[str, Any] = field(default_factory=dict)
    table: Table | None = None
    height: int = 240
    role: str = "img"

    def spec(self) -> dict[str, Any]:
        """What the browser needs to draw it."""
        return {"data": self.data, "layout": self.layout}


def plain(text: object) -> str:
    """A name that plotly shows as it is: none of its tags, none of its entities."""
    return str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def color(mark: int) -> str:
    """The colour of a variant, as a CSS variable."""
    return f"var(--variant-{mark % len(DASHES)})"


def packed(values: FloatArray, *, low: float, step: float, kind: str = "u1") -> dict[str, Any]:
    """An array as base64 of small integers: value = low + step · integer; the browser turns it back.

    Args:
        values: finite numbers, any shape.
        low: the value of integer 0.
        step: the resolution.
        kind: `u1`, `i1` or `i2`, little endian.
    """
    limits = np.iinfo(np.dtype(kind))
    integers = np.clip(np.rint((values - low) / step), limits.min, limits.max).astype(np.dtype(kind).newbyteorder("<"))
    return {"packed": base64.b64encode(integers.tobytes()).decode(), "kind": kind, "low": low, "step": step, "shape": list(values.shape)}


def packed_range(values: FloatArray) -> dict[str, Any]:
    """An array between its own minimum and maximum, in 255 steps."""
    low, high = float(values.min()), float(values.max())
    return packed(values, low=round(low, 6), step=round((high - low) / 255, 9) or 1.0)


def packed_signed(values: FloatArray, largest: float) -> dict[str, Any]:
    """An array on a scale centered on zero, in 127 steps to each side."""
    return packed(values, low=0.0, step=round(largest / 127, 9) or 1.0, kind="i1")


def vertical(x: float, *, dash: str = "dot", name: str = "", ink: str = "var(--ink)", width: float = 1) -> dict[str, Any]:
    """A line over the whole height of a figure, with its name at the top."""
    line = {"type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "paper", "line": {"color": ink, "width": width, "dash": dash}}
    return line | ({"label": {"text": name, "textposition": "end", "textangle": 0, "font": {"color": ink, "size": 11}}} if name else {})


def band(start: float, end: float) -> dict[str, Any]:
    """A grey stretch over the whole height: padding, or what lies outside."""
    return {"type": "rect", "x0": start, "x1": end, "y0": 0, "y1": 1, "yref": "paper", "line": {"width": 0}, "fillcolor": "var(--veil)"}


def frequency_ticks(band_hz: Sequence[float]) -> dict[str, Any]:
    """Ticks at round frequencies on an axis that counts bands."""
    hertz = np.asarray(band_hz)
    wanted = [f for f in (250, 500, 1000, 2000, 4000, 8000, 16000) if hertz[0] <= f <= hertz[-1] * 1.05]
    places = np.interp(wanted, hertz, np.arange(len(hertz)))
    return {"tickvals": [round(float(p), 2) for p in places], "ticktext": [_hertz(f) for f in wanted]}


def _hertz(frequency: int) -> str:
    return f"{frequency // 1000}k" if frequency >= 1000 else str(frequency)


def interval_line(x: Sequence[float], ends: DataFrame, variant: int, hover: list[str]) -> list[Trace]:
    """A line of `value` over x, with `low` to `high` as a band of the same colour where they are known."""
    line = {"type": "scatter", "mode": "lines+markers", "x": list(x), "y": _rounded(ends["value"]), **stroke(variant)}
    line |= {"text": hover, "hovertemplate": "%{text}<extra></extra>"}
    if ends["low"].isna().any():
        return [line]
    there = {"x": [*x, *x[::-1]], "y": [*_rounded(ends["high"]), *_rounded(ends["low"])[::-1]]}
    ribbon = {
        "type": "scatter",
        **there,
        "fill": "toself",
        "fillcolor": color(variant),
        "opacity": 0.16,
        "line": {"width": 0},
        "mode": "lines",
    }
    return [ribbon | {"hoverinfo": "skip"}, line]


def stroke(variant: int, width: float = 2) -> dict[str, Any]:
    """How a variant is drawn: colour, dash and marker, so that no two differ by colour alone."""
    line = {"color": color(variant), "dash": DASHES[variant % len(DASHES)], "width": width}
    return {"line": line, "marker": {"symbol": MARKERS[variant % len(MARKERS)], "size": 5}}


def _rounded(values: Iterable[float]) -> list[float]:
    return [round(float(v), 4) for v in values]
