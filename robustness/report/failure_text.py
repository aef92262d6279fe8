"""The words of a failure's card: what restores the answer and what does not, and where it is right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from robustness.outcomes import MISSED
from robustness.report import restored
from robustness.report.maps import Card
from robustness.report.noisy import mildest
from robustness.report.view import Variant, is_noisy
from robustness.report.words import PLACES, listed, number, percent


def told(card: Card) -> str:
    """What restores the answer, what does not, and where it is right; each clause was tried on that recording."""
    facts = card.facts
    wrong = {variant.short: v for variant, v in card.answers if v["wrong"]}
    found = {name: v for name, v in wrong.items() if v["restored_at_ms"] is not None}
    parts = restored.says(restored.tried_on(card.view, card.id), {variant.name: variant.short for variant in card.view.variants})
    noisy = is_noisy(facts["condition"])
    if noisy:
        parts.insert(0, mildest(card.view, facts))
    if found:
        leads = {
            f"{number(v['restored_at_ms'])} ms": [n for n, w in found.items() if w["restored_at_ms"] == v["restored_at_ms"]]
            for v in found.values()
        }
        each = [f"{lead}{'' if len(leads) == 1 else f' ({listed(names, 6)})'}" for lead, names in leads.items()]
        here = f"{number(facts['offset_ms'])} ms"
        same = " in the same noise" if noisy else ""
        parts.append(f"The nearest right place found{same}, to 1 ms, is a lead of {listed(each, 6)}; here it is {here}.")
        parts.append(_onsets(facts, found))
        parts += [
            f"At that lead {number(v['restored_lost_ms'])} ms of the speech are lost ({name})."
            for name, v in found.items()
            if v.get("restored_lost_ms")
        ]
    for name, v in wrong.items():
        if v["restored_at_ms"] is None:
            parts.append(_not_restored(v, name))
    other = facts["counterpart"]
    parts += [_under_threshold(variant, v) for variant, v in card.answers if not v["wrong"] and v["outcome"] == MISSED]
    parts.append(_counterpart(card, other) if other else "At no placement tried is it right.")
    return " ".join(part for part in parts if part)


def _onsets(facts: Mapping[str, Any], found: Mapping[str, Mapping[str, Any]]) -> str:
    """The same in onsets: where the word begins."""
    here = facts["speech_ms"][0]
    onsets = dict.fromkeys(f"{number(here + v['restored_by_ms'])} ms" for v in found.values() if v.get("restored_by_ms") is not None)
    return f"The word begins at {number(here)} ms, and is right with an onset of {listed(list(onsets), 6)}." if onsets else ""


def _not_restored(answer: Mapping[str, Any], name: str) -> str:
    """That no lead was found, and of which; or that none was looked for."""
    searched = answer.get("searched_ms")
    if not searched:
        return f"Other leads were not searched in {name}."
    return f"No lead tried from {number(searched[0])} to {number(searched[1])} ms restores it in {name}."


def _under_threshold(variant: Variant, answer: Mapping[str, Any]) -> str:
    """A right label that is not carried out."""
    found, needed = percent(answer["p_predicted"], 1), f"{variant.point.threshold:g}"
    return f"In {variant.short} the right label wins with {found}, under the threshold of {needed}: it is missed."


def _counterpart(card: Card, other: Mapping[str, Any]) -> str:
    label = card.facts["label"]
    chances = {
        variant.short: v["probabilities"]["counterpart"][label] for variant, v in card.answers if "counterpart" in v["probabilities"]
    }
    place = PLACES.get(other["placement"], f"at a lead of {number(other['offset_ms'])} ms")
    place = "without the noise" if is_noisy(card.facts["condition"]) else place
    return f"{place[0].upper()}{place[1:]} it is heard as {label} ({', '.join(f'{percent(p)} {n}' for n, p in chances.items())})."
