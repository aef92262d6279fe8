"""What the card of a recording says that fails in noise alone: its margin against the level of the noise, draw by draw.

Loads no torch.
"""

from __future__ import annotations

from dataclasses import asdict
from functools import lru_cache
from typing import Final

from pandas import DataFrame

from robustness.conditions import Condition
from robustness.report.figures import Figure, Table, Trace, stroke, vertical
from robustness.report.view import Variant, View
from robustness.report.words import PLACES, condition_name, level_of, listed, number, signed
from robustness.run.evidence import FailureCard

HEIGHT: Final = 236


def noise_condition(view: View, condition: Condition) -> str:
    """The condition of a card in noise: `in white noise at 10 dB, in the center`."""
    place = PLACES.get(condition.placement, condition.placement)
    return f"in {condition_name(asdict(condition), view.kinds)}, {place}"


def level_in(facts: FailureCard) -> float:
    """The level of the noise that a card is in; not a number for one that is in none."""
    return float("nan") if facts.condition.level is None else facts.condition.level


def mildest(view: View, facts: FailureCard) -> str:
    """That milder levels were borne, and how many draws failed here."""
    condition, rows, level = facts.condition, _of(view, facts), level_in(facts)
    here = rows[rows["level"] == level]
    failing = {v.short: _wrong(view.of(v, here)) for v in view.variants}
    shares = [f"{wrong} of {of} draws are wrong in {name}" for name, (wrong, of) in failing.items()]
    milder = sorted({float(other) for other in rows["level"] if other > level})
    unit = view.unit(condition.perturbation)
    borne = f"; at {level_of(milder[0], unit)} at least half are right" if milder else ", and no milder level was tried"
    return f"At {level_of(level, unit)} {listed(shares, 6)}{borne}."


def against_noise(view: View, card: str, facts: FailureCard) -> Figure | None:
    """The margin of the true label against the level, every draw a dot and their median a line; None where the trials are gone."""
    rows = _of(view, facts)
    if rows.empty:
        return None
    condition, unit = facts.condition, view.unit(facts.condition.perturbation)
    data = [trace for variant in view.variants for trace in _traces(variant, view.of(variant, rows), unit)]
    zero = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": 0, "y1": 0, "line": {"color": "var(--ink)", "width": 1}}
    layout = {
        "margin": {"t": 22, "l": 40, "r": 8, "b": 38},
        "xaxis": {"title": {"text": f"{view.kinds[condition.perturbation].axis}, {unit}"}},
        "yaxis": {"title": {"text": "margin, logits"}},
        "shapes": [zero, vertical(level_in(facts), dash="dot", name="here")],
    }
    title = "margin against the noise: a dot a draw, the line their median"
    sentence = f"Margin of {facts.target.label} against the level of the noise. {mildest(view, facts)}"
    return Figure(f"{card}-noise", title, sentence, data, layout, _table(view, rows, unit), HEIGHT)


def _traces(variant: Variant, rows: DataFrame, unit: str | None) -> list[Trace]:
    middle = rows.groupby("level")["margin"].median().sort_index()
    style = stroke(variant.mark)
    line = {"type": "scatter", "mode": "lines", "x": list(middle.index), "y": [round(float(m), 3) for m in middle], "line": style["line"]}
    hover = [
        f"{variant.short}, {level_of(level, unit)}: {answer}, margin {signed(margin, 1)}"
        for level, answer, margin in zip(rows["level"], rows["predicted"], rows["margin"], strict=True)
    ]
    dots: Trace = {"type": "scatter", "mode": "markers", "x": list(rows["level"]), "y": [round(float(m), 3) for m in rows["margin"]]}
    dots |= {"text": hover, "hovertemplate": "%{text}<extra></extra>", "marker": {**style["marker"], "color": style["line"]["color"]}}
    return [line | {"hoverinfo": "skip"}, dots]


def _table(view: View, rows: DataFrame, unit: str | None) -> Table:
    body = []
    for level in sorted(set(rows["level"]), reverse=True):
        each = [view.of(variant, rows[rows["level"] == level]) for variant in view.variants]
        counts = [f"{wrong} of {of} wrong, {signed(some['margin'].median(), 1)}" for some in each for wrong, of in [_wrong(some)]]
        body.append([level_of(level, unit), *counts])
    return Table("Draws that are wrong and median margin by level", ["level", *(variant.short for variant in view.variants)], body)


def _wrong(rows: DataFrame) -> tuple[str, str]:
    """How many draws are wrong, of how many."""
    return number(int((~rows["correct"].astype(bool)).sum())), number(len(rows))


def _of(view: View, facts: FailureCard) -> DataFrame:
    """Every draw of the card's recording under its perturbation."""
    every = _drawn(view, facts.condition.perturbation)
    rows: DataFrame = every[every["recording"].astype(str) == facts.recording]
    return rows


@lru_cache(maxsize=4)
def _drawn(view: View, perturbation: str) -> DataFrame:
    """The trials under a perturbation of all recordings that fail in noise and have a card."""
    wanted = {card.recording for card in view.failures.failures if view.is_noisy(card.condition)}
    rows = view.trials.gathered(lambda part: part[part["recording"].isin(wanted)], perturbation=perturbation)
    found: DataFrame = rows[rows["level"].abs() < float("inf")]
    return found
