"""The figures of a stream: the operating curve, what hop and phase do, and how late hits come. Loads no torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from robustness.report.figures import DASHES, Figure, Table, Trace, color, plain
from robustness.report.words import number, percent
from robustness.streaming.pairing import PairedHits
from robustness.streaming.streams import VariantStream

MOST_POINTS: Final = 4_000  # of a curve
LATENCY_BIN_MS: Final = 50.0
LEAST_RATE: Final = 0.01  # false alarms an hour, where the axis of their logarithm begins


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


def phase_map(one: VariantStream) -> Figure | None:
    """The share of words that are hit, by hop and by phase of the first window; None with one hop of one phase, or without words."""
    words, step_ms = one.curve.words, one.phases.step_ms
    longest = max((len(hop.hits) for hop in one.hops), default=0)
    if not words or longest < 2:
        return None
    shares = [[round(hits / words, 3) for hits in hop.hits] + [None] * (longest - len(hop.hits)) for hop in one.hops]
    said = [
        [f"{hits} of {words} hit, another command during {wrong}" for hits, wrong in zip(hop.hits, hop.wrong, strict=True)]
        for hop in one.hops
    ]
    trace = {
        "type": "heatmap",
        "x": [round(place * step_ms, 3) for place in range(longest)],
        "y": [f"{hop.hop_ms:g}" for hop in one.hops],
        "z": shares,
        "text": [row + [""] * (longest - len(row)) for row in said],
        "zmin": 0.0,
        "zmax": 1.0,
        "colorscale": [[0.0, "var(--wrong)"], [0.5, "var(--grid)"], [1.0, "var(--right)"]],
        "colorbar": {"title": {"text": "hit"}, "tickformat": ".0%", "thickness": 12, "outlinewidth": 0},
        "hoverongaps": False,
        "hovertemplate": "every %{y} ms, from %{x} ms on: %{text}<extra></extra>",
    }
    worst = [min(range(len(hop.hits)), key=hop.hits.__getitem__) for hop in one.hops]
    rows = [
        [number(hop.hop_ms), len(hop.hits), number(sum(hop.hits) / len(hop.hits), 3), hop.hits[at], number(at * step_ms), max(hop.wrong)]
        for hop, at in zip(one.hops, worst, strict=True)
    ]
    head = ("H in ms", "phases", "hits on average", "fewest hits", "at the phase of ms", "most words with a wrong command")
    layout = {
        "xaxis": {"title": {"text": "phase: the first window begins so many ms later"}},
        "yaxis": {"type": "category", "title": {"text": "an answer every H ms"}},
    }
    table = Table("By hop and phase", head, rows)
    return Figure("phases", "", "The share of words that are hit, by hop and by phase", [trace], layout, table, height=340)


def latency_figure(variants: Sequence[VariantStream]) -> Figure | None:
    """How late hits come after the word's end, over all phases; None without a hit."""
    late = [
        [ms for takes in one.phases.matchings for m in takes for word in m.hits if (ms := m.latency_ms(word)) is not None]
        for one in variants
    ]
    every = [ms for mine in late for ms in mine]
    if not every:
        return None
    edges = np.arange(np.floor(min(every) / LATENCY_BIN_MS), np.floor(max(every) / LATENCY_BIN_MS) + 2) * LATENCY_BIN_MS
    data: list[Trace] = []
    rows: list[list[object]] = []
    for mark, (one, mine) in enumerate(zip(variants, late, strict=True)):
        if not mine:
            continue
        counts = np.histogram(mine, edges)[0]
        share = {"y": np.round(counts / len(mine), 4).tolist(), "x": (edges[:-1] + LATENCY_BIN_MS / 2).tolist()}
        bar = {"type": "bar", "name": plain(one.name), "marker": {"color": color(mark)}, "customdata": counts.tolist()}
        data.append(bar | share | {"hovertemplate": "%{customdata} hits (%{y:.0%}) around %{x:.0f} ms<extra></extra>"})
        rows.append([one.name, number(len(mine)), *(number(value) for value in np.percentile(mine, [0, 25, 50, 75, 95, 100]))])
    table = Table("Latency in ms, over all phases", ("variant", "hits", "earliest", "25 %", "median", "75 %", "95 %", "latest"), rows)
    layout = {
        "showlegend": len(data) > 1,
        "legend": {"orientation": "h", "y": -0.25},
        "barmode": "group",
        "bargap": 0.1,
        "xaxis": {"title": {"text": "ms from the word's end to its hit"}},
        "yaxis": {"tickformat": ".0%", "title": {"text": "hits"}},
    }
    return Figure("latency", "", "How late hits come after the word's end", data, layout, table, height=260)


def pairs_table(pairs: Sequence[PairedHits]) -> Table | None:
    """The words of two variants at equal false alarms an hour; None without a second variant."""
    if not pairs:
        return None
    head = (
        "first",
        "second",
        "at most an hour",
        "words",
        "both hit",
        "first alone",
        "second alone",
        "neither",
        "second − first",
        "95 % interval",
        "p",
    )
    rows = [
        [
            *(one.first, one.second, number(one.per_hour, 2), one.words, one.both, one.first_only, one.second_only, one.neither),
            percent(one.difference.value),
            f"{percent(one.difference.low)} to {percent(one.difference.high)}",
            number(one.p_value, 2),
        ]
        for one in pairs
    ]
    return Table("Words paired at equal false alarms an hour", head, rows)


def states_table(variants: Sequence[VariantStream]) -> Table:
    """Words by starting state; without rows for models without a memory."""
    head = ("variant", "state", "words", "hit", "95 % interval", "wrong command", "lost against a cold start", "gained", "p")
    rows = [
        [
            *(one.name, found.state, found.words, f"{found.hits} ({percent(found.rate.value)})"),
            f"{percent(found.rate.low)} to {percent(found.rate.high)}",
            *(found.wrong, found.lost, found.gained, number(found.p_value, 2)),
        ]
        for one in variants
        for found in one.states
    ]
    return Table("Words by starting state", head, rows)
