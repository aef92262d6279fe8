"""What a failure's card says of its maps: what each method is, what it was checked for, and how far the variants' maps agree.

The words of a failure's card: what restores the answer and what does not, and where it is right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from markupsafe import Markup

from robustness.analysis.outcomes import MISSED
from robustness.report.cards import restoration
from robustness.report.cards.figures import CardFigures
from robustness.report.cards.noise import mildest
from robustness.report.view import Variant
from robustness.report.words import PLACES, alike, listed, number, percent, signed
from robustness.run.evidence import (
    CounterpartSpans,
    FailureCard,
    MapDifference,
    MapFigures,
    MapForgetting,
    MapLift,
    MapMethod,
    VariantAnswer,
)

TRUST: Final = {True: "within its bound", False: "beyond its bound: take this map with care"}
FIGURES: Final = (
    ("spearman", "rank correlation"),
    ("spearman_abs", "of |φ|"),
    ("top_iou", "overlap of the top 10 %"),
    ("sign", "same sign"),
)


def method_lines(card: CardFigures) -> list[str]:
    """Each method in a line: what it is, its baseline, how far it can be trusted, how well it agrees with the others."""
    lines = [_method(method) for method in card.facts.methods]
    for pair in card.facts.correlations:
        if pair.spearman is not None:
            a, b = (f"{spoken(method)} {card.short(variant)}" for method, variant in (pair.a, pair.b))
            lines.append(f"Rank correlation of {a} with {b}: {number(pair.spearman, 2)} over {number(pair.cells)} cells.")
    paragraph = [Markup(" ").join(lines)] if lines else []
    return [*paragraph, *_compared(card), *trust_lines(card)]


def spoken(method: str) -> str:
    """The name of a method as a text has it."""
    return method.replace("-", " ")


def _method(method: MapMethod) -> str:
    name = spoken(method.name)
    text = f"{name[0].upper()}{name[1:]}: baseline {method.baseline}, {method.passes} passes"
    if method.surrogate is not None and method.logit_gap is not None:
        stands_in = f"on {method.surrogate}, a surrogate of {listed(method.variants)} for its gradients"
        text += f", {stands_in}, whose logits lie {number(method.logit_gap, 2)} away at most"
    if method.completeness_gap is not None and method.score_change is not None:
        gap, change = number(abs(method.completeness_gap), 3), number(abs(method.score_change), 2)
        text += f"; completeness gap {gap} of {change} logits, {TRUST[bool(method.within_bound)]}"
    if method.error is not None:
        text += f"; largest standard error of a block {number(method.error, 2)} logits"
    return f"{text} ({method.source})." if method.source else f"{text}."


def _compared(card: CardFigures) -> list[str]:
    """How far each variant's map agrees with the float one's, between its floor and its ceiling."""
    lines = []
    for found in card.facts.differences:
        of, against = card.short(found.of), card.short(found.against)
        figures = [text for key, name in FIGURES if (text := _figure(found, key, name))]
        shift = _shift(found.agreement, float(card.facts.hop_ms))
        lines.append(f"Maps of {of} and {against} by {spoken(found.method)}: {listed([*figures, *shift], 9)}.")
    return lines


def _figure(found: MapDifference, key: str, name: str) -> str | None:
    value = getattr(found.agreement, key)
    if value is None:
        return None
    beside = [
        f"{what} {number(getattr(end, key), 2)}"
        for end, what in ((found.floor, "other recordings"), (found.ceiling, "moved by a frame"))
        if end is not None and getattr(end, key) is not None
    ]
    return f"{name} {number(value, 2)}{f' ({listed(beside)})' if beside else ''}"


def _shift(agreement: MapFigures, hop_ms: float) -> list[str]:
    if agreement.shift_frames is None or agreement.shift_bands is None:
        return []
    ms, bands = signed(agreement.shift_frames * hop_ms, 0), signed(agreement.shift_bands, 1)
    return [f"center of mass moved by {ms} ms and {bands} mel bands"]


def trust_lines(card: CardFigures) -> list[str]:
    """The trust box of each map in a line."""
    lines = ["The maps of this card were not checked."] if card.facts.trust == {} else []
    boxes = card.facts.trust or {}
    unchecked = [spoken(one.name) for one in card.facts.methods if boxes and not any(key.startswith(f"{one.name}/") for key in boxes)]
    lines += [f"{name.capitalize()} is there to compare variants by, and is not checked." for name in unchecked]
    for key, box in boxes.items():
        method, variant = key.split("/", 1)
        checks = [*_lift(box.lift), *_random(box.stages)]
        said = f"fails: {'; '.join(box.failed)}" if box.failed else "passes its checks"
        name = spoken(method)
        tail = f"seed {box.seed}, {number(box.passes)} passes with its checks"
        lines.append(f"{name[0].upper()}{name[1:]}, {card.short(variant)}, {said}: {'; '.join([*checks, tail])}.")
    return lines


def _lift(lift: MapLift | None) -> list[str]:
    if lift is None:
        return ["no order of its cells was tested, for a fill by the mean of each band hardly changes the score"]
    deletion, insertion, spread = signed(lift.deletion, 2), signed(lift.insertion, 2), number(lift.spread, 2)
    return [f"lift over random orders {deletion} logits in deletion and {insertion} in insertion, their spread ±{spread}"]


def _random(stages: Sequence[MapForgetting]) -> list[str]:
    if not stages:
        return ["its weights cannot be drawn anew"]
    each = [f"{'constant' if s.spearman is None else number(s.spearman, 2)} ({s.layers} of {s.of})" for s in stages]
    return [f"rank correlation with random weights, from the last layer down, {listed(each, 4)}"]


def told(card: CardFigures) -> str:
    """What restores the answer, what does not, and where it is right; each clause was tried on that recording."""
    facts = card.facts
    wrong = {variant.short: v for variant, v in card.answers if v.wrong}
    found = {name: v for name, v in wrong.items() if v.restored_at_ms is not None}
    at_ms = {name: v.restored_at_ms for name, v in wrong.items() if v.restored_at_ms is not None}
    parts = restoration.restoration_says(
        restoration.tried_on(card.view, card.id), {variant.name: variant.short for variant in card.view.variants}
    )
    noisy = card.view.change(facts.condition)
    if not card.view.at_a_place(facts.condition):
        parts.insert(0, mildest(card.view, facts))
    if found:
        leads = alike({name: f"{number(ms)}\u00a0ms" for name, ms in at_ms.items()})
        each = [f"{lead}{'' if len(leads) == 1 else f' ({listed(names, 6)})'}" for lead, names in leads.items()]
        here = f"{number(facts.offset_ms)} ms"
        same = f" in the same {noisy}" if noisy else ""
        parts.append(f"The nearest right place found{same}, to 1 ms, is a lead of {listed(each, 6)}; here it is {here}.")
        parts.append(_onsets(facts, found))
        parts += [
            f"At that lead {number(v.restored_lost_ms)} ms of the speech are lost ({name})."
            for name, v in found.items()
            if v.restored_lost_ms
        ]
    lost = alike({name: _not_restored(v) for name, v in wrong.items() if v.restored_at_ms is None})
    parts += [f"{text} in {listed(names, 6)}." for text, names in lost.items()]
    other = facts.counterpart
    parts += _under_threshold([pair for pair in card.answers if pair[1].predicted == facts.label and pair[1].outcome == MISSED])
    parts.append(_counterpart(card, other) if other else "At no placement tried is it right.")
    return " ".join(part for part in parts if part)


def _onsets(facts: FailureCard, found: Mapping[str, VariantAnswer]) -> str:
    """The same in onsets: where the word begins."""
    here = facts.speech_ms[0]
    onsets = dict.fromkeys(f"{number(here + v.restored_by_ms)} ms" for v in found.values() if v.restored_by_ms is not None)
    return f"The word begins at {number(here)} ms, and is right with an onset of {listed(list(onsets), 6)}." if onsets else ""


def _not_restored(answer: VariantAnswer) -> str:
    """That no lead was found, and of which; or that none was looked for."""
    searched = answer.searched_ms
    if not searched:
        return "Other leads were not searched"
    return f"No lead tried from {number(searched[0])} to {number(searched[1])} ms restores it"


def _under_threshold(missed: Sequence[tuple[Variant, VariantAnswer]]) -> list[str]:
    """A right label that is not carried out, variants with the same threshold together."""
    needed = alike({variant.short: f"{variant.point.threshold:g}" for variant, _ in missed})
    chances = {variant.short: percent(answer.p_predicted, 1) for variant, answer in missed}
    return [
        f"The right label wins with {listed([f'{chances[name]} in {name}' for name in names], 6)}, "
        f"under the threshold of {threshold}: it is missed."
        for threshold, names in needed.items()
    ]


def _counterpart(card: CardFigures, other: CounterpartSpans) -> str:
    label = card.facts.label
    chances = {variant.short: v.probabilities["counterpart"][label] for variant, v in card.answers if "counterpart" in v.probabilities}
    place = PLACES.get(other.placement, f"at a lead of {number(other.offset_ms)} ms")
    changed = card.view.change(card.facts.condition)
    place = f"without the {changed}" if changed else place
    return f"{place[0].upper()}{place[1:]} it is recognised as {label} ({', '.join(f'{percent(p)} {n}' for n, p in chances.items())})."
