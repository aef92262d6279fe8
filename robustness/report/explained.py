"""What a failure's card says of its maps: what each method is, what it was checked for, and how far the variants' maps agree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from markupsafe import Markup

from robustness.report.maps import Card
from robustness.report.words import listed, number, signed

TRUST: Final = {True: "within its bound", False: "beyond its bound: take this map with care"}
FIGURES: Final = (
    ("spearman", "rank correlation"),
    ("spearman_abs", "of |φ|"),
    ("top_iou", "overlap of the top 10 %"),
    ("sign", "same sign"),
)


def method_lines(card: Card) -> list[str]:
    """Each method in a line: what it is, its baseline, how far it can be trusted, how well it agrees with the others."""
    lines = [_method(method) for method in card.facts["methods"]]
    for pair in card.facts["correlations"]:
        if pair["spearman"] is not None:
            a, b = (f"{spoken(method)} {card.short(variant)}" for method, variant in (pair["a"], pair["b"]))
            lines.append(f"Rank correlation of {a} with {b}: {number(pair['spearman'], 2)} over {number(pair['cells'])} cells.")
    paragraph = [Markup(" ").join(lines)] if lines else []
    return [*paragraph, *_compared(card), *trust_lines(card)]


def spoken(method: str) -> str:
    """The name of a method as a text has it."""
    return method.replace("-", " ")


def _method(method: Mapping[str, Any]) -> str:
    name = spoken(method["name"])
    text = f"{name[0].upper()}{name[1:]}: baseline {method['baseline']}, {method['passes']} passes"
    if "surrogate" in method:
        stands_in = f"on {method['surrogate']}, a surrogate of {listed(method['variants'])} for its gradients"
        text += f", {stands_in}, whose logits lie {number(method['logit_gap'], 2)} away at most"
    if "completeness_gap" in method:
        gap, change = number(abs(method["completeness_gap"]), 3), number(abs(method["score_change"]), 2)
        text += f"; completeness gap {gap} of {change} logits, {TRUST[bool(method['within_bound'])]}"
    return f"{text} ({method['source']})." if method.get("source") else f"{text}."


def _compared(card: Card) -> list[str]:
    """How far each variant's map agrees with the float one's, between its floor and its ceiling."""
    lines = []
    for found in card.facts.get("differences", []):
        of, against = card.short(found["of"]), card.short(found["against"])
        figures = [text for key, name in FIGURES if (text := _figure(found, key, name))]
        shift = _shift(found["agreement"], float(card.facts["hop_ms"]))
        lines.append(f"Maps of {of} and {against} by {spoken(found['method'])}: {listed([*figures, *shift], 9)}.")
    return lines


def _figure(found: Mapping[str, Any], key: str, name: str) -> str | None:
    value = found["agreement"][key]
    if value is None:
        return None
    beside = [
        f"{what} {number(found[end][key], 2)}"
        for end, what in (("floor", "other recordings"), ("ceiling", "moved by a frame"))
        if found[end] is not None and found[end][key] is not None
    ]
    return f"{name} {number(value, 2)}{f' ({listed(beside)})' if beside else ''}"


def _shift(agreement: Mapping[str, Any], hop_ms: float) -> list[str]:
    if agreement["shift_frames"] is None:
        return []
    ms, bands = signed(agreement["shift_frames"] * hop_ms, 0), signed(agreement["shift_bands"], 1)
    return [f"center of mass moved by {ms} ms and {bands} mel bands"]


def trust_lines(card: Card) -> list[str]:
    """The trust box of each map in a line."""
    lines = ["The maps of this card were not checked."] if card.facts.get("trust") == {} else []
    for key, box in card.facts.get("trust", {}).items():
        method, variant = key.split("/", 1)
        checks = [*_lift(box["lift"]), *_random(box["stages"])]
        said = f"fails: {'; '.join(box['failed'])}" if box["failed"] else "passes its checks"
        name = spoken(method)
        tail = f"seed {box['seed']}, {number(box['passes'])} passes with its checks"
        lines.append(f"{name[0].upper()}{name[1:]}, {card.short(variant)}, {said}: {'; '.join([*checks, tail])}.")
    return lines


def _lift(lift: Mapping[str, float] | None) -> list[str]:
    if lift is None:
        return []
    deletion, insertion, spread = signed(lift["deletion"], 2), signed(lift["insertion"], 2), number(lift["spread"], 2)
    return [f"lift over random orders {deletion} logits in deletion and {insertion} in insertion, their spread ±{spread}"]


def _random(stages: list[Mapping[str, Any]]) -> list[str]:
    if not stages:
        return ["its weights cannot be drawn anew"]
    each = [f"{'constant' if s['spearman'] is None else number(s['spearman'], 2)} ({s['layers']} of {s['of']})" for s in stages]
    return [f"rank correlation with random weights, from the last layer down, {listed(each, 4)}"]
