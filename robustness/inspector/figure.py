"""One map over the log-mel of what was heard, as a plotly figure for notebooks; the page draws its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from robustness.report.figures import frequency_ticks, plain

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from robustness.explanations.explanation import Explanation

AGAINST_FOR: Final = [[0.0, "rgba(213,94,0,1)"], [0.5, "rgba(255,255,255,0)"], [1.0, "rgba(0,114,178,1)"]]


def figure_of(found: Explanation, place: int = 0) -> Figure:
    """A map over the log-mel as a plotly figure, on a scale centered on zero.

    Args:
        found: an explanation.
        place: of the map, a row of its table.
    """
    import plotly.graph_objects as go

    arrays, row, axes = found.arrays, found.rows[place], found.axes
    shown = arrays[row.key]
    largest = float(np.abs(shown).max()) or 1.0
    time: dict[str, Any] = {"x0": 0, "dx": axes.hop_ms}
    mel = go.Heatmap(z=arrays["log_mel"], colorscale="Greys", showscale=False, hoverinfo="skip", **time)
    over = go.Heatmap(
        z=shown,
        zmin=-largest,
        zmax=largest,
        colorscale=AGAINST_FOR,
        colorbar={"title": {"text": "logits"}},
        hovertemplate="%{x:.0f} ms: %{z:.3g} logits<extra></extra>",
        **time,
    )
    figure = go.Figure([mel, over])
    figure.update_layout(
        title=plain(f"{row.title}, ±{largest:.2g} logits"),
        xaxis={"title": {"text": "ms"}},
        yaxis={"title": {"text": "Hz"}, **frequency_ticks(axes.band_hz)},
    )
    return figure
