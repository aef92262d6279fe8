"""The figure of a map: signed colour over the grey log-mel of what was heard, on a scale centered on zero that all maps of a method share.

The tenth of the cells that say the most is outlined; above stands what each frame says over all bands, beside it what each band says over
all frames. Loads no torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from robustness.report.figures import Figure, Trace, packed, packed_range, packed_signed
from robustness.report.words import number
from robustness.run.schema import OVER_BANDS, OVER_TIME

if TYPE_CHECKING:
    from robustness.report.cards.figures import CardFigures

TOP_SHARE: Final = 0.1
HEIGHT: Final = 250
SIDES: Final = [[0.0, "var(--wrong)"], [0.5, "var(--wrong)"], [0.5, "var(--right)"], [1.0, "var(--right)"]]
OVER: Final = [[place, f"var(--over-{i})"] for i, place in enumerate((0.0, 0.25, 0.499, 0.501, 0.75, 1.0))]
MEL: Final = [[0.0, "var(--paper)"], [1.0, "var(--mel)"]]

Picture = NDArray[np.float32]


class Scale(NamedTuple):
    """The largest |value| of the maps that are compared, and of what frames and bands say; in logits."""

    map: float
    strip: float
    bar: float


def top_cells(values: Picture, share: float = TOP_SHARE) -> NDArray[np.bool_]:
    """Which cells hold the largest |values|: the share of those that are not zero, at least one; ties go together."""
    strength = np.abs(values)
    there = np.sort(strength[strength > 0])[::-1]
    if not len(there):
        return np.zeros(values.shape, dtype=bool)
    least = there[max(1, round(share * len(there))) - 1]
    found: NDArray[np.bool_] = strength >= least
    return found


def strip_of(arrays: Mapping[str, Picture], key: str) -> Picture:
    """What each frame says, [frames]; the sum over bands where it was not asked apart."""
    return arrays[OVER_TIME + key] if OVER_TIME + key in arrays else arrays[key].sum(0)


def bar_of(arrays: Mapping[str, Picture], key: str) -> Picture:
    """What each band says, [bands]; the sum over frames where it was not asked apart."""
    return arrays[OVER_BANDS + key] if OVER_BANDS + key in arrays else arrays[key].sum(1)


def scale_of(arrays: Mapping[str, Picture], keys: Iterable[str]) -> Scale:
    """The scale on which these maps can be compared."""
    each = [(arrays[key], strip_of(arrays, key), bar_of(arrays, key)) for key in keys]
    return Scale(*(max((float(np.abs(values).max()) for values in same), default=0.0) or 1.0 for same in zip(*each, strict=True)))


def overlaid(card: CardFigures, key: str, name: str, scale: Scale, warning: str = "") -> Figure:
    """A map of a card under its name."""
    facts, array = card.facts, card.arrays[key]
    printed = f"{scale.map:.2g}"
    strongest = np.unravel_index(np.abs(array).argmax(), array.shape)
    when, hertz = strongest[1] * facts.hop_ms, facts.band_hz[strongest[0]]
    sign = facts.target.label if array[strongest] > 0 else facts.target.rival
    sentence = f"Map by {name}: strongest at {number(when)} ms and {number(hertz)} Hz, for {sign}; scale ±{printed} logits{warning}."
    title = f"{name}: {facts.target.label} over {facts.target.rival}, ±{printed}{warning}"
    return Figure(
        card.address_of(key), title, sentence, _traces(card, key, scale), _layout(card, scale), card.blocks(array, "logits"), HEIGHT
    )


def _traces(card: CardFigures, key: str, scale: Scale) -> list[Trace]:
    array, hop_ms = card.arrays[key], card.facts.hop_ms
    time = {"x0": 0, "dx": hop_ms}
    top = packed(top_cells(array).astype(np.float32), low=0.0, step=1.0)
    rim = {
        "contours": {"start": 0.5, "end": 0.5, "size": 1, "coloring": "none"},
        "line": {"color": "var(--ink)", "width": 1, "smoothing": 0},
    }
    grey = {"type": "heatmap", "z": packed_range(card.arrays["log_mel"]), "colorscale": MEL, "showscale": False, "hoverinfo": "skip"}
    over = {"type": "heatmap", "z": packed_signed(array, scale.map), "zmin": -scale.map, "zmax": scale.map, "colorscale": OVER}
    over |= {"showscale": False, "hovertemplate": "%{x} ms: %{z:.2g} logits<extra></extra>"}
    outline = {"type": "contour", "z": top, "autocontour": False, "showscale": False, "hoverinfo": "skip", **rim}
    strip, bar = packed_signed(strip_of(card.arrays, key), scale.strip), packed_signed(bar_of(card.arrays, key), scale.bar)
    above = {"type": "bar", "y": strip, "yaxis": "y2", "width": hop_ms, "marker": _sides(strip, scale.strip), **time}
    beside = {"type": "bar", "orientation": "h", "x": bar, "xaxis": "x2", "width": 1, "marker": _sides(bar, scale.bar), "y0": 0, "dy": 1}
    return [
        grey | time,
        over | time,
        outline | time,
        above | {"hovertemplate": "%{x} ms: %{y:.2g} logits over all bands<extra></extra>"},
        beside | {"hovertemplate": "%{x:.2g} logits over all frames<extra></extra>"},
    ]


def _sides(values: dict[str, Any], largest: float) -> dict[str, Any]:
    """Bars of one colour for the label and another against it."""
    return {"color": values, "cmin": -largest, "cmax": largest, "colorscale": SIDES, "line": {"width": 0}}


def _layout(card: CardFigures, scale: Scale) -> dict[str, Any]:
    layout = card.time_layout()
    quiet = {"showgrid": False, "zeroline": True, "zerolinecolor": "var(--line)", "ticks": "", "showticklabels": False}
    end = {
        "xref": "paper",
        "yref": "paper",
        "x": 1,
        "xanchor": "right",
        "y": 0.93,
        "yanchor": "middle",
        "showarrow": False,
        "text": f"±{scale.strip:.2g}",
        "font": {"size": 10},
    }
    below = {"text": f"±{scale.bar:.2g}", "font": {"size": 10}, "standoff": 17}
    return layout | {
        "bargap": 0,
        "annotations": [end],
        "xaxis": {**layout["xaxis"], "domain": [0, 0.88]},
        "yaxis": {**card.bands_axis(), "title": {"text": "Hz"}, "showgrid": False, "domain": [0, 0.82]},
        "xaxis2": {**quiet, "range": [-scale.bar, scale.bar], "domain": [0.9, 1], "title": below},
        "yaxis2": {**quiet, "range": [-scale.strip, scale.strip], "domain": [0.86, 1]},
    }
