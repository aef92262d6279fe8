"""How a gate says numbers, bars, conditions and rules: plain text, escaped where it is used. Loads no torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from robustness.conditions import NO_WORD, NONE, Condition
from robustness.gates.metrics.base import METRICS, Kinds
from robustness.gates.rules import BASELINE, Rule

if TYPE_CHECKING:
    from robustness.gates.verdicts import Verdict

FILLS: Final = {"zeros": "", "floor": ", padding filled with the recording's background level"}
PLACES: Final = {"start": "at the start", "center": "in the center", "end": "at the end"}
SCOPES: Final = {"files": "of these recordings alone", "population": "of the population that these recordings come from"}


def amount(value: float, unit: str) -> str:
    """A value in its unit: `90 %`, `+1.5 points`, `100 ms`, `none` where a tolerance holds nowhere."""
    if math.isinf(value):
        return "none"
    if unit == "share":
        return f"{round(100 * value, 2):g} %"
    if unit == "points":
        points = f"{round(100 * value, 2) + 0.0:g}"
        return f"{points} point{'' if points in ('1', '-1') else 's'}"
    if unit == "bytes":
        return f"{value:,.0f} bytes"
    return f"{value:.4g}" if unit in ("ratio", "level") else f"{value:.4g} {unit}"


def bar(rule: Rule) -> str:
    """What is allowed: `at least 90 %`, `at most 5 %`."""
    unit = METRICS[rule.metric].unit
    ends = [*([f"at least {amount(rule.min, unit)}"] if rule.min is not None else [])]
    return " and ".join([*ends, *([f"at most {amount(rule.max, unit)}"] if rule.max is not None else [])])


def condition_text(condition: Condition | None, kinds: Kinds) -> str:
    """A condition in words.

    Args:
        condition: the condition; None says nothing.
        kinds: what is known of the perturbations, by name.
    """
    if condition is None:
        return ""
    place = PLACES.get(condition.placement, "")
    if condition.perturbation == NONE:
        return f"{place}, undisturbed"
    if condition.perturbation == NO_WORD:
        return "without a word"
    if condition.placement == "offset":
        return "at every lead within the slack"
    kind = kinds[condition.perturbation]
    level = float("nan") if condition.level is None else condition.level
    said = kind.said(level, lambda value, signed: f"{value:+g} {kind.unit}" if signed else f"{value:g} {kind.unit}", place)
    return f"{said}{FILLS[condition.fill]}"


def figure(verdict: Verdict) -> str:
    """What was measured in the worst case: `80 % (8 of 10)`; empty if nothing was."""
    if verdict.worst is None:
        return ""
    sample = verdict.worst.case.sample
    return amount(sample.value, METRICS[verdict.rule.metric].unit) + (f" ({sample.tally})" if sample.tally else "")


def counted(count: int, noun: str) -> str:
    """`1 speaker`, `2 speakers`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def some(names: Sequence[str], most: int = 5) -> str:
    """A few names and how many more."""
    return ", ".join(names) if len(names) <= most + 1 else f"{', '.join(names[:most])} and {len(names) - most} more"


def meaning(name: str, rule: Rule, version: int = 2) -> str:
    """What a rule of that version of the rules means, in a sentence."""
    metric = METRICS[rule.metric]
    who = "every variant" if rule.variant == "*" else rule.variant
    label = {None: "", "*": ", for each label"}.get(rule.label, f", for the label {rule.label}")
    within = "" if rule.within_ms is None else f", ± {amount(rule.within_ms, 'ms')}"
    at = "" if rule.at is None else f" (the bar that must hold is {amount(rule.at, 'share')})"
    scope = SCOPES[rule.scope or "files"]
    if rule.scope == "population":
        scope += f", by the bad end of its {amount(rule.confidence or 0.95, 'share')} interval"
    verb = "warns" if rule.severity == "warn" else "fails"
    unsure = (
        ""
        if rule.scope != "population"
        else f"; where the interval straddles the bar it {'warns' if 'warn' in (rule.on_inconclusive, rule.severity) else 'fails'}"
    )
    there = "; skipped where that variant quantizes nothing of the model" if rule.if_variant else ""
    subject = f"the {metric.meaning(version)}{at}{label}, {_done(rule)}{within}{_beside(rule)}"
    return f"{name}: for {who}, {subject}, must be {bar(rule)}; {scope}; {verb} otherwise{unsure}{there}."


def _done(rule: Rule) -> str:
    name = METRICS[rule.metric].about(rule, {})
    if METRICS[rule.metric].within:
        return "around the reference placement"
    if name is None and rule.family is None:
        return "over what was run" if METRICS[rule.metric].perturbation == "none" else "at the reference placement"
    parts = [f"under {name}" if rule.family is None else f"under each perturbation of the family {rule.family}"]
    if rule.placement is not None:
        parts.append(PLACES[rule.placement])
    elif rule.levels is not None:
        parts.append(f"at the levels {rule.levels}" if rule.levels.everyday else f"at level {rule.levels}")
    elif METRICS[rule.metric].level:
        parts.append("at every level of its grid, the worst judged")
    return " ".join([*parts, *([f"filled with {rule.fill}"] if rule.fill else [])])


def _beside(rule: Rule) -> str:
    if rule.against is None:
        return " against the reference placement" if METRICS[rule.metric].against == "optional" else ""
    return f", paired with {'the baseline' if rule.against == BASELINE else rule.against}"
