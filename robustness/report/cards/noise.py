"""What the card says of a recording that fails under a perturbation alone: its outcome margin against the level, draw by draw.

Loads no torch.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from pandas import DataFrame

from robustness.analysis.outcomes import BAD
from robustness.conditions import BEFORE, Condition
from robustness.report.figures import Figure, Table, Trace, stroke, vertical
from robustness.report.view import Variant, View
from robustness.report.words import PLACES, alike, condition_name, level_of, level_said, listed, number, plural, signed
from robustness.run.evidence import FailureCard
from robustness.run.perturbations import PerturbationFacts

HEIGHT: Final = 236


def noise_condition(view: View, condition: Condition) -> str:
    """The condition of a card: `in white noise at 10 dB, in the center`, `time shift of −60 ms, from the center`."""
    place, moved = PLACES.get(condition.placement, condition.placement), not view.is_noisy(condition)
    name = condition_name(condition, view.kinds)
    return f"{name} from its place {place}" if moved else f"{preposition(view, condition)} {name}, {place}"


def preposition(view: View, condition: Condition) -> str:
    """How a sentence goes on to what changes the sound: in white noise, with noise before the window."""
    return "with" if view.kinds[condition.perturbation].family == BEFORE else "in"


def level_in(facts: FailureCard) -> float:
    """The level of the perturbation that a card is under; not a number for one that is under none."""
    return float("nan") if facts.condition.level is None else facts.condition.level


def mildest(view: View, facts: FailureCard) -> str:
    """How many draws fail here, and which milder level was borne."""
    condition, rows, level = facts.condition, _of(view, facts), level_in(facts)
    here = rows[rows["level"] == level]
    failing = {v.short: _wrong(view.of(v, here)) for v in view.variants}
    told = alike({name: f"{wrong} of {plural(of, 'draw')} {'is' if wrong == 1 else 'are'} bad" for name, (wrong, of) in failing.items()})
    shares = [f"{text} in {listed(names, 6)}" for text, names in told.items()]
    kind, unit = view.kinds[condition.perturbation], view.unit(condition.perturbation)
    milder = sorted({float(other) for other in rows["level"] if kind.distance(other) < kind.distance(level)}, key=kind.distance)
    borne = f"; at {level_of(milder[-1], unit)} at least half are good" if milder else ", and no milder level was tried"
    return f"At {level_of(level, unit)} {listed(shares, 6)}{borne}."


def against_noise(view: View, card: str, facts: FailureCard) -> Figure | None:
    """The outcome margin against the level, every draw a dot and their median a line; None where the run has none."""
    rows = _of(view, facts)
    if rows["outcome_margin"].isna().all():
        return None
    condition, unit = facts.condition, view.unit(facts.condition.perturbation)
    kind = view.kinds[condition.perturbation]
    data = [trace for variant in view.variants for trace in _traces(variant, view.of(variant, rows), unit)]
    zero = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": 0, "y1": 0, "line": {"color": "var(--ink)", "width": 1}}
    layout = {
        "margin": {"t": 22, "l": 40, "r": 8, "b": 38},
        "xaxis": {"title": {"text": f"{kind.axis}, {unit}"}},
        "yaxis": {"title": {"text": "outcome margin, log-odds"}},
        "shapes": [zero, vertical(level_in(facts), dash="dot", name="here")],
    }
    title = "outcome margin against the level: a dot a draw, the line their median"
    sentence = f"Outcome margin of {facts.target.label} against the level. {mildest(view, facts)}"
    return Figure(f"{card}-noise", title, sentence, data, layout, _table(view, rows, kind), HEIGHT)


def _traces(variant: Variant, rows: DataFrame, unit: str | None) -> list[Trace]:
    middle = rows.groupby("level")["outcome_margin"].median().sort_index()
    style = stroke(variant.mark)
    line = {"type": "scatter", "mode": "lines", "x": list(middle.index), "y": [round(float(m), 3) for m in middle], "line": style["line"]}
    hover = [
        f"{variant.short}, {level_of(level, unit)}: {answer}, margin {signed(margin, 1)}"
        for level, answer, margin in zip(rows["level"], rows["predicted"], rows["outcome_margin"], strict=True)
    ]
    dots: Trace = {
        "type": "scatter",
        "mode": "markers",
        "x": list(rows["level"]),
        "y": [round(float(m), 3) for m in rows["outcome_margin"]],
    }
    dots |= {"text": hover, "hovertemplate": "%{text}<extra></extra>", "marker": {**style["marker"], "color": style["line"]["color"]}}
    return [line | {"hoverinfo": "skip"}, dots]


def _table(view: View, rows: DataFrame, kind: PerturbationFacts) -> Table:
    body = []
    for level in sorted(set(rows["level"]), reverse=True):
        counts = [_counted(view.of(variant, rows[rows["level"] == level])) for variant in view.variants]
        body.append([level_said(kind, level) if level == kind.neutral else level_of(level, kind.unit), *counts])
    return Table("Draws that are bad and median outcome margin by level", ["level", *(variant.short for variant in view.variants)], body)


def _counted(rows: DataFrame) -> str:
    """How many draws are bad, and their median outcome margin."""
    wrong, of = _wrong(rows)
    return f"{number(wrong)} of {number(of)} bad, {signed(rows['outcome_margin'].median(), 1)}"


def _wrong(rows: DataFrame) -> tuple[int, int]:
    """How many draws are bad, of how many."""
    return int(rows["outcome"].isin(BAD).sum()), len(rows)


def _of(view: View, facts: FailureCard) -> DataFrame:
    """Every draw of the card's recording under its perturbation."""
    every = _drawn(view, facts.condition.perturbation)
    rows: DataFrame = every[every["recording"].astype(str) == facts.recording]
    return rows


@lru_cache(maxsize=4)
def _drawn(view: View, perturbation: str) -> DataFrame:
    """The trials under a perturbation of all recordings that fail under it alone and have a card."""
    wanted = {card.recording for card in view.failures.failures if card.condition.perturbation == perturbation}
    rows = view.trials.gathered(lambda part: part[part["recording"].isin(wanted)], perturbation=perturbation)
    rows = rows[(rows["level"].abs() < float("inf")) & (rows["placement"] != "offset")]
    found: DataFrame = rows.assign(outcome_margin=rows["outcome_margin"].fillna(rows["margin"]))  # earlier runs have only that
    return found
