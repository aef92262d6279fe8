"""Thresholds for a budget of false alarms on one page: what was chosen, whether the other half confirms it, and what it costs in misses.

One file that works from disk, offline; the same scores give the same bytes. Loads no torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from robustness.report.figures import DASHES, Figure, Table, Trace, color
from robustness.report.packing import own, packed_page
from robustness.report.sections.base import MACROS, compiled
from robustness.report.words import percent
from robustness.streaming.thresholds import LabelFigures, StreamPart

HALVES: Final = ("the half on which they were chosen", "the other half")
LEAST_RATE: Final = 0.01
MOST_POINTS: Final = 4_000
PAGE: Final = """{% include "head" %}
<body>
<a class="skip" href="#main">Skip to the verdict</a>
<header><h1>{{ title }}</h1></header>
<main id="main">
<p class="lead">{{ verdict[0] }}</p>
{% for line in verdict[1:] %}<p class="wide">{{ line }}</p>{% endfor %}
<section id="labels" aria-labelledby="labels-title"><h2 id="labels-title">What they cost in misses</h2>
{{ table(labels) }}</section>
{% if curve %}<section id="curve-section" aria-labelledby="curve-title"><h2 id="curve-title">Words missed against false alarms an hour</h2>
<p class="wide">One threshold for all commands, at every value. The marks are what was chosen.</p>
{{ figure(curve) }}</section>{% endif %}
<section id="method" aria-labelledby="method-title"><h2 id="method-title">How it was counted</h2>
<p class="wide">Words of one half of the speakers were composed into a take with pauses, and streamed with half of the takes without a
command; thresholds of the plain rule with the most hits within the budget were chosen there, and counted on the other half. Intervals of
misses are Wilson's, those of false alarms are a Poisson count's (Garwood 1936), at 95 %.</p></section>
</main>
{{ packed }}
</body>
</html>
"""


class About(NamedTuple):
    """What was asked, and the answer in sentences."""

    name: str
    sentences: Sequence[str]
    per_hour: float
    refractory_ms: float


def threshold_page(halves: Sequence[StreamPart], values: Mapping[str, float], about: About) -> str:
    """The page as text.

    Args:
        halves: on which thresholds were chosen, and on which confirmed.
        values: the thresholds, by command.
        about: what was asked.
    """
    curve = _curve(halves, values, about)
    scripts = [get_plotlyjs(), *(own(f"scripts/{name}") for name in ("figures.js", "page.js"))]
    packed = packed_page(scripts, {"figures": {one.id: one.spec() for one in [curve] if one is not None}})
    rendered = compiled(MACROS + PAGE).render(
        title=f"{about.name}: thresholds for {about.per_hour:g} false alarms an hour",
        verdict=about.sentences,
        labels=_labels(halves, values, about),
        curve=curve,
        policy=packed.policy,
        style=Markup(own("style.css")),
        packed=packed.elements,
    )
    return rendered + "\n"


def _labels(halves: Sequence[StreamPart], values: Mapping[str, float], about: About) -> Table:
    head = (
        "command",
        "threshold",
        "words",
        "missed",
        "95 % interval",
        "false alarms",
        "words, other half",
        "missed",
        "95 % interval",
        "false alarms",
    )
    parts = [half.by_label(values, about.refractory_ms) for half in halves]
    rows = [
        [mine.label, f"{mine.threshold:.4g}", *(cell for one in (mine, other) for cell in _cells(one))]
        for mine, other in zip(*parts, strict=True)
    ]
    totals = [half.figures(values, about.refractory_ms) for half in halves]
    together = [LabelFigures("all", 0.0, one.words, one.hits, one.false_alarms) for one in totals]
    return Table("Misses by command", head, [*rows, ["all", "", *(cell for one in together for cell in _cells(one))]])


def _cells(one: LabelFigures) -> list[object]:
    if not one.words:
        return [0, "–", "–", one.false_alarms]
    missed = one.missed
    said = f"{one.words - one.hits} ({percent(missed.value)})"
    return [one.words, said, f"{percent(missed.low)} to {percent(missed.high)}", one.false_alarms]


def _curve(halves: Sequence[StreamPart], values: Mapping[str, float], about: About) -> Figure | None:
    data: list[Trace] = []
    for mark, (half, name) in enumerate(zip(halves, HALVES, strict=True)):
        curve = half.curve(about.refractory_ms)
        if not curve.words or not curve.hours or not len(curve.thresholds):
            return None
        kept = np.unique(np.linspace(0, len(curve.thresholds) - 1, MOST_POINTS).astype(int))
        rate, missed = np.maximum(curve.false_alarms / curve.hours, LEAST_RATE)[kept], (1 - curve.hits / curve.words)[kept]
        line = {"color": color(mark), "dash": DASHES[mark % len(DASHES)], "shape": "hv"}
        data.append(
            {"type": "scatter", "mode": "lines", "name": name, "x": rate.round(4).tolist(), "y": missed.round(4).tolist(), "line": line}
        )
        found = half.figures(values, about.refractory_ms)
        point = {
            "x": [max(found.rate.value, LEAST_RATE)],
            "y": [1 - found.hit_rate],
            "marker": {"color": color(mark), "size": 11, "symbol": "diamond"},
        }
        data.append({"type": "scatter", "mode": "markers", "name": f"chosen, on {name}", **point})
    layout = {
        "showlegend": True,
        "legend": {"orientation": "h", "y": -0.3},
        "xaxis": {"type": "log", "title": {"text": "false alarms an hour (those of none at the left end)"}},
        "yaxis": {"range": [-0.02, 1.02], "tickformat": ".0%", "title": {"text": "words missed"}},
        "shapes": [
            {"type": "line", "x0": about.per_hour, "x1": about.per_hour, "y0": 0, "y1": 1, "line": {"color": "var(--soft)", "dash": "dot"}}
        ],
    }
    return Figure("curve", "", "Words missed against false alarms an hour, on both halves", data, layout, height=320)
