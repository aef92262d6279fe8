"""The figures of a stream: the take with what is said in it, the operating curve, and what the hop does. Loads no torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from robustness.report.figures import DASHES, Figure, FloatArray, Table, Trace, color, plain
from robustness.report.words import number, percent, plural
from robustness.streaming.matching import Matching, MatchKind
from robustness.streaming.streams import VariantStream

MOST_POINTS: Final = 4_000  # of a trace: a take of hours is shown by the largest of each stretch
LEAST_SHOWN: Final = 0.1  # a label that never reaches this has no trace
MOST_LABELS: Final = 12
LEAST_RATE: Final = 0.01  # false alarms an hour, where the axis of their logarithm begins
KINDS: Final[dict[MatchKind, tuple[str, str]]] = {
    "hit": ("circle", "var(--right)"),
    "repeat": ("circle-open", "var(--right)"),
    "wrong command": ("x", "var(--wrong)"),
    "false alarm": ("triangle-up", "var(--wrong)"),
}


class TakeSound(NamedTuple):
    """How a take sounds, for the page.

    Attributes:
        name: of the take.
        duration_ms: of it.
        low: the smallest sample of each of some equal stretches.
        high: the largest.
        flac: all of it in base64, where it is short; else empty.
    """

    name: str
    duration_ms: float
    low: FloatArray
    high: FloatArray
    flac: str = ""


def timeline_figure(at: int, one: VariantStream, sound: TakeSound | None) -> Figure:
    """A take: its waveform, the words, the commands' probabilities and what is said, over time."""
    scores, matching = one.scores[at], one.phases.matchings[0][at]
    data = [*(_waveform(sound) if sound else []), *_words(matching), *_posteriors(one, at), *_detections(matching)]
    layout = {
        "dragmode": "zoom",
        "showlegend": True,
        "legend": {"orientation": "h", "y": -0.22},
        "xaxis": {"fixedrange": False, "range": [0, scores.duration_ms], "title": {"text": "ms from the take's start"}},
        "yaxis": {"domain": [0.0, 0.58], "range": [-0.02, 1.14], "title": {"text": "probability"}},
        "yaxis2": {"domain": [0.64, 1.0], "range": [-1.4, 1.0], "showticklabels": False, "ticks": "", "title": {"text": "take"}},
    }
    sentence = (
        f"{scores.take}: {plural(len(matching.timeline.words), 'word')} and {plural(len(matching.heard), 'detection')} over "
        f"{scores.duration_ms / 1000:.0f} s"
    )
    return Figure(f"timeline-{at}", "", sentence, data, layout, height=380)


def _waveform(sound: TakeSound) -> list[Trace]:
    largest = float(max(np.abs(sound.low).max(initial=0.0), np.abs(sound.high).max(initial=0.0))) or 1.0
    x = (np.arange(len(sound.low)) + 0.5) * sound.duration_ms / len(sound.low)
    ends = np.stack([sound.low, sound.high], axis=1).reshape(-1) / largest
    line = {"color": "var(--soft)", "width": 1}
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "name": "waveform",
            "x": np.round(np.repeat(x, 2), 1).tolist(),
            "y": np.round(ends, 3).tolist(),
            "line": line,
            "yaxis": "y2",
            "hoverinfo": "skip",
            "showlegend": False,
        }
    ]


def _words(matching: Matching) -> list[Trace]:
    """A bar under the waveform for every word, with the word at its middle."""
    xs: list[float | None] = []
    for word in matching.timeline.words:
        xs += [round(word.start_ms, 1), round(word.end_ms, 1), None]
    bar = {"type": "scatter", "mode": "lines", "name": "words", "x": xs, "y": [None if x is None else -1.1 for x in xs], "yaxis": "y2"}
    middles = [round((word.start_ms + word.end_ms) / 2, 1) for word in matching.timeline.words]
    text = {
        "type": "scatter",
        "mode": "text" if len(middles) <= 60 else "markers",
        "x": middles,
        "y": [-1.27] * len(middles),
        "text": [plain(word.label) for word in matching.timeline.words],
        "marker": {"size": 4, "color": "var(--ink)"},
        "textfont": {"size": 10, "color": "var(--ink)"},
        "hovertemplate": "%{text}<extra></extra>",
        "yaxis": "y2",
        "showlegend": False,
    }
    return [bar | {"line": {"color": "var(--ink)", "width": 4}, "hoverinfo": "skip"}, text]


def _posteriors(one: VariantStream, at: int) -> list[Trace]:
    """The commands' probabilities at the first phase, those of them that reach something."""
    scores = one.scores[at].every(len(one.phases.matchings))
    places = [place for place in np.flatnonzero(scores.acts).tolist() if scores.values[:, place].max() >= LEAST_SHOWN]
    places = sorted(places, key=lambda place: -float(scores.values[:, place].sum()))[:MOST_LABELS]
    every = -(-len(scores) // MOST_POINTS)
    times = scores.times_ms[::every]
    traces = []
    for mark, place in enumerate(sorted(places)):
        values = np.maximum.reduceat(scores.values[:, place], np.arange(0, len(scores), every))
        line = {"color": color(mark), "dash": DASHES[mark % len(DASHES)], "width": 1.2}
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": plain(scores.labels[place]),
                "x": np.round(times, 1).tolist(),
                "y": np.round(values.astype(float), 3).tolist(),
                "line": line,
                "hovertemplate": f"{plain(scores.labels[place])} %{{y:.2f}} at %{{x:.0f}} ms<extra></extra>",
            }
        )
    return traces


def _detections(matching: Matching) -> list[Trace]:
    traces = []
    for kind, (symbol, ink) in KINDS.items():
        mine = matching.of_kind(kind)
        if mine:
            traces.append(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "name": kind,
                    "x": [round(one.detection.time_ms, 1) for one in mine],
                    "y": [1.08] * len(mine),
                    "text": [f"{kind}: {plain(one.detection.label)}, {one.detection.score:.2f}" for one in mine],
                    "marker": {"symbol": symbol, "size": 9, "color": ink, "line": {"color": ink}},
                    "hovertemplate": "%{text}<extra></extra>",
                }
            )
    return traces


def curve_figure(variants: Sequence[VariantStream]) -> Figure | None:
    """Words missed against false alarms an hour, at every threshold of the plain rule; None without words or hours."""
    able = [(mark, one) for mark, one in enumerate(variants) if one.curve.words and one.curve.hours and len(one.curve.thresholds)]
    if not able:
        return None
    data = [_curve(mark, one) for mark, one in able]
    rows = [[one.name, *_at_rate(one, rate)] for _, one in able for rate in (0.5, 1.0, 10.0, 100.0)]
    table = Table("At equal false alarms an hour", ("variant", "at most an hour", "words missed", "threshold"), rows)
    layout = {
        "showlegend": len(able) > 1,
        "xaxis": {"type": "log", "title": {"text": "false alarms an hour (those of none at the left end)"}},
        "yaxis": {"range": [-0.02, 1.02], "tickformat": ".0%", "title": {"text": "words missed"}},
    }
    return Figure("curve", "", "Words missed against false alarms an hour over all thresholds", data, layout, table, height=300)


def _curve(mark: int, one: VariantStream) -> Trace:
    curve = one.curve
    rate, missed = np.maximum(curve.false_alarms / curve.hours, LEAST_RATE), 1 - curve.hits / curve.words
    changes = np.flatnonzero(np.r_[True, (np.diff(rate) != 0) | (np.diff(missed) != 0)])
    kept = changes[np.unique(np.linspace(0, len(changes) - 1, MOST_POINTS).astype(int))]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": plain(one.name),
        "x": np.round(rate[kept], 4).tolist(),
        "y": np.round(missed[kept], 4).tolist(),
        "text": [f"θ = {value:.3g}" for value in curve.thresholds[kept].tolist()],
        "line": {"color": color(mark), "dash": DASHES[mark % len(DASHES)], "shape": "hv"},
        "hovertemplate": "%{y:.1%} missed at %{x:.3g} an hour, %{text}<extra></extra>",
    }


def _at_rate(one: VariantStream, rate: float) -> tuple[str, str, str]:
    place = one.curve.within(rate)
    if place < 0:
        return number(rate, 1), percent(1.0), "–"
    return number(rate, 1), percent(1 - one.curve.hits[place] / one.curve.words), f"{one.curve.thresholds[place]:.3g}"


def hop_figure(variants: Sequence[VariantStream]) -> Figure | None:
    """The share of words that are hit, over all phases, by how often the device answers; None without words."""
    data: list[Trace] = []
    rows: list[list[object]] = []
    for mark, one in enumerate(variants):
        spoken = [record for record in one.records if record.spoken]
        if not spoken:
            continue
        hops = sorted(spoken[0].hops)
        caught = [_mean([record.hops[hop].caught / record.hops[hop].phases for record in spoken]) for hop in hops]
        wrong = [_mean([record.hops[hop].wrong / record.hops[hop].phases for record in spoken]) for hop in hops]
        always = [_mean([float(record.hops[hop].caught == record.hops[hop].phases) for record in spoken]) for hop in hops]
        for name, values, dash in (
            ("hit, mean over phases", caught, "solid"),
            ("hit at every phase", always, "dash"),
            ("wrong command", wrong, "dot"),
        ):
            data.append(_line(f"{one.name}: {name}" if len(variants) > 1 else name, hops, values, {"color": color(mark), "dash": dash}))
        rows += [[one.name, number(hop), *map(percent, row)] for hop, *row in zip(hops, caught, always, wrong, strict=True)]
    if not data:
        return None
    table = Table("By hop", ("variant", "H in ms", "hit, mean over phases", "hit at every phase", "wrong command"), rows)
    layout = {
        "showlegend": True,
        "legend": {"orientation": "h", "y": -0.25},
        "xaxis": {"title": {"text": "an answer every H ms"}},
        "yaxis": {"range": [-0.02, 1.02], "tickformat": ".0%", "title": {"text": "words"}},
    }
    return Figure("hops", "", "The share of words that are hit, by how often the device answers", data, layout, table, height=320)


def _line(name: str, hops: Sequence[float], values: Sequence[float], line: dict[str, Any]) -> Trace:
    said = {"hovertemplate": "%{y:.0%} at H = %{x:.0f} ms<extra></extra>", "line": line}
    return {"type": "scatter", "mode": "lines", "name": plain(name), "x": list(hops), "y": [round(value, 4) for value in values], **said}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
