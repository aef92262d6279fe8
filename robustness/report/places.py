"""The figures of a card that compare: two variants' maps, segment by segment, and what the place does to the evidence."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from robustness.report.figures import WRONG_TO_RIGHT, Figure, Table, Trace, packed_signed, stroke
from robustness.report.maps import HEIGHT, Card
from robustness.report.overlay import overlaid, scale_of
from robustness.report.words import number, signed


def compared_figures(card: Card) -> list[Figure]:
    """Differences of maps, values of segments, the counterpart, the ladder: those that the run has."""
    return [*(_difference(card, d) for d in _differences(card)), *_segments(card), *_ladder(card)]


def _difference(card: Card, found: dict[str, Any]) -> Figure:
    """One variant's map minus the float one's, by the same method."""
    name = f"{found['method']}, {card.short(found['of'])} minus {card.short(found['against'])}"
    return overlaid(card, found["key"], name, scale_of(card.arrays, [found["key"]]))


def _differences(card: Card) -> list[dict[str, Any]]:
    return [d for d in card.facts.get("differences", []) if d["key"] in card.arrays]


def _segments(card: Card) -> list[Figure]:
    """Exact Shapley values of tenths of the window: each variant against silence, the worst one against its counterpart."""
    facts, other = card.facts.get("segments"), card.facts.get("donor")
    if not facts:
        return []
    edges, data, rows = facts["edges_ms"], [], {}
    for variant in card.view.variants:
        if variant.name in facts["values"]:
            data.append(_steps(edges, facts["values"][variant.name], f"{variant.short} against silence", stroke(variant.mark)["line"]))
            rows[f"{variant.short} against silence"] = facts["values"][variant.name]
    if other:
        name = f"{card.short(other['variant'])} against the counterpart"
        data.append(_steps(other["edges_ms"], other["values"], name, {"color": "var(--wrong)", "width": 1.5, "dash": "dashdot"}))
        rows[name] = other["values"]
    layout = card.time_layout() | {"yaxis": {"title": {"text": "logits"}, "zeroline": True}, "showlegend": False}
    table = Table(
        f"What each segment adds to the margin, in logits; rows sum to {_sums(card)}",
        ["against", *(f"{number(low)}–{number(high)} ms" for low, high in pairwise(edges))],
        [[name, *(signed(value, 2) for value in values)] for name, values in rows.items()],
    )
    sentence = f"Exact Shapley values by segment; they sum to {_sums(card)}."
    return [Figure(f"{card.id}-segments", "segments, exact Shapley values; hover names the line", sentence, data, layout, table, HEIGHT)]


def _sums(card: Card) -> str:
    """What the values of each line sum to."""
    facts, other = card.facts["segments"], card.facts.get("donor")
    sums = [f"{signed(change, 2)} ({card.short(name)} against silence)" for name, change in facts["change"].items()]
    return ", ".join([*sums, *([f"{signed(other['change'], 2)} (against the counterpart)"] if other else [])])


def _steps(edges: list[float], values: list[float], name: str, line: dict[str, Any]) -> Trace:
    x = [edge for low, high in pairwise(edges) for edge in (low, high)]
    y = [round(value, 4) for value in values for _ in range(2)]
    hover = f"%{{x}} ms: %{{y:.2f}} logits, {name}<extra></extra>"
    return {"type": "scatter", "mode": "lines", "x": x, "y": y, "line": line, "name": name, "hovertemplate": hover}


def _ladder(card: Card) -> list[Figure]:
    """Time strips from the wrong place to the right one, one under another."""
    facts = card.facts.get("ladder")
    if not facts or facts["key"] not in card.arrays:
        return []
    strips, leads, right = card.arrays[facts["key"]], facts["leads_ms"], facts["right"]
    largest = float(facts["max_abs"])
    rungs = zip(leads, right, facts["margins"], strict=True)
    marks = [f"{number(lead)} {'✓' if ok else '✗'} {signed(margin, 1)}" for lead, ok, margin in rungs]
    heat: Trace = {
        "type": "heatmap",
        "z": packed_signed(np.asarray(strips), largest),
        "x0": 0,
        "dx": card.facts["hop_ms"],
        "zmin": -largest,
        "zmax": largest,
        "colorscale": WRONG_TO_RIGHT,
        "showscale": False,
        "ygap": 2,
        "hovertemplate": "%{x} ms: %{z:.2g} logits<extra></extra>",
    }
    axis = {"tickvals": list(range(len(leads))), "ticktext": marks, "autorange": "reversed", "showgrid": False, "tickfont": {"size": 10}}
    layout = {
        "xaxis": {"title": {"text": "ms"}, "range": [0, card.facts["window_ms"]], "showgrid": False},
        "yaxis": axis,
        "shapes": [_flip(at + 0.5) for at, (above, below) in enumerate(pairwise(right)) if above != below],
        "margin": {"t": 6, "l": 84, "r": 4, "b": 36},
    }
    flips = [leads[i + 1] for i, (a, b) in enumerate(pairwise(right)) if a != b]
    flipped = (
        f"the answer turns at a lead of {', '.join(number(ms) for ms in flips)} ms" if flips else "the answer does not turn on the way"
    )
    target = card.facts["target"]
    what = f"{target['label']} over {target['rival']}, ±{largest:.2g}"
    title = f"evidence by lead, {card.short(facts['variant'])}: {what}; the line marks the flip"
    sentence = f"Time strips by occlusion at each lead, from the wrong place to the right one: {flipped}."
    table = Table("Margin and answer by lead", ["lead", "margin, logits", "answer"], _rows(facts))
    return [Figure(f"{card.id}-strips", title, sentence, [heat], layout, table, HEIGHT)]


def _rows(facts: dict[str, Any]) -> list[list[str]]:
    each = zip(facts["leads_ms"], facts["margins"], facts["right"], strict=True)
    return [[f"{number(lead)} ms", signed(margin, 1), "right" if ok else "wrong"] for lead, margin, ok in each]


def _flip(y: float) -> dict[str, Any]:
    line = {"color": "var(--right)", "width": 2}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "yref": "y", "y0": y, "y1": y, "line": line}
