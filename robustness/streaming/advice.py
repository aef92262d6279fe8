"""What can be done about what a stream gets wrong: another threshold, another hop, or neither? Counted on the same takes. No torch."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

import numpy as np

from robustness.streaming.curve import OperatingCurve
from robustness.streaming.figures import figures_of
from robustness.streaming.matching import match
from robustness.streaming.repair import HopStreams
from robustness.streaming.rules.base import plain_rule
from robustness.streaming.sentences import counted
from robustness.streaming.streams import VariantStream

CHOSEN: Final = "It was chosen on these takes: confirm it on others."
CONFIRM: Final = "It was chosen on these takes: `robustness threshold` chooses one on some speakers and confirms it on others."
TRIED: Final = (0.99, 0.97, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)  # thresholds of a rule without an operating curve
WORTH: Final = 0.9  # of the present errors: what leaves more of them is not worth a change
MOST_ANSWERS: Final = 500_000  # to which a rule is applied anew at each of them


def advice_of(one: VariantStream) -> list[str]:
    """What to do, a sentence each; one that says so where nothing tried here helps."""
    figures = one.phases.figures[0]
    if not figures.words and not figures.false_alarms:
        return []
    curve = _thresholds(one)
    found = [*_threshold(one, curve), *_hop(one), *_never(one)]
    if found or not (figures.misses or figures.wrong_words or figures.false_alarms):
        return found or ["Nothing is to be done for these takes: every word is hit, and nothing else is said."]
    tried = [*(["threshold"] if curve else []), *(["hop"] if len(one.hops) > 1 else [])]
    if not tried:
        return ["No other threshold and no other hop was tried: scores and rule can be tried again by --scores with --threshold."]
    return [f"No {' and no '.join(tried)} that was tried does better on these takes: the model itself has to."]


def _bar(one: VariantStream) -> float | None:
    """The one threshold of all labels; None where they have several."""
    asked = np.unique(one.rule.bars(one.scores[0]))
    return float(asked[0]) if len(asked) == 1 and asked[0] < np.inf else None


def _is_plain(one: VariantStream) -> bool:
    """Whether the operating curve is of this rule."""
    return replace(one.rule, threshold=None) == plain_rule(None)


def _thresholds(one: VariantStream) -> OperatingCurve | None:
    """The errors by threshold: of the plain rule at all of them, of another at those of TRIED and its own; None where none can be tried."""
    bar = _bar(one)
    if bar is None:
        return None
    if _is_plain(one):
        return one.curve if len(one.curve.thresholds) else None
    steps = max(1, round(one.phases.hop_ms / one.phases.step_ms)) if one.phases.step_ms else 1
    takes = [take.every(steps) for take in one.scores]
    if sum(len(take) for take in takes) > MOST_ANSWERS:
        return None
    thresholds = sorted({*TRIED, *([bar] if bar > 0 else [])}, reverse=True)
    found = [
        figures_of([match(replace(one.rule, threshold=at).decide(take), line) for take, line in zip(takes, one.timelines, strict=True)])
        for at in thresholds
    ]
    hits, wrong, alarms = (np.asarray([getattr(f, name) for f in found], float) for name in ("hits", "wrong_words", "false_alarms"))
    return OperatingCurve(np.asarray(thresholds), hits, wrong, alarms, one.curve.words, one.curve.hours)


def _threshold(one: VariantStream, curve: OperatingCurve | None) -> list[str]:
    threshold = _bar(one)
    if curve is None or threshold is None:
        return []
    here = curve.at(threshold)
    other = better_threshold(curve, here)
    if other is None:
        return []
    hits, errors = curve.hits, curve.false_alarms + curve.wrong_words
    hits_here, errors_here = (hits[here], errors[here]) if here >= 0 else (0.0, 0.0)
    of = f"{hits[other]:.0f} of {counted(curve.words, 'word')}"
    heard = "" if not curve.words else f"still hits {of}" if hits[other] == hits_here else f"hits {of} instead of {hits_here:.0f}"
    wrong = counted(int(errors[other]), "false alarm or wrong command", "false alarms and wrong commands")
    made = f"makes {wrong} instead of {errors_here:.0f}"
    parts = " and ".join(part for part in (heard, made) if part)
    now = f"instead of {threshold:g}" if math.isfinite(threshold) else "instead of none"
    value = rounded(curve, other) if _is_plain(one) else f"{curve.thresholds[other]:g}"
    return [f"A threshold of {value} {now} {parts} at the first phase. {CONFIRM if _is_plain(one) else CHOSEN}"]


def better_threshold(curve: OperatingCurve, here: int) -> int | None:
    """The place on the curve that does better than the present one; None where there is none.

    It has as many hits and at least a tenth fewer errors, or more hits and as few errors, or else the fewest errors with half of the
    present hits.
    """
    errors = curve.false_alarms + curve.wrong_words
    hits_here, errors_here = (float(curve.hits[here]), float(errors[here])) if here >= 0 else (0.0, 0.0)
    able = [
        np.flatnonzero((curve.hits >= hits_here) & (errors < errors_here) & (errors <= WORTH * errors_here)),
        np.flatnonzero((curve.hits > hits_here) & (errors <= errors_here)),
        np.flatnonzero((curve.hits >= hits_here / 2) & (errors < errors_here)),
    ]
    found = next((places for places in able if len(places)), None)
    return None if found is None else int(min(found, key=lambda at: (errors[at], -curve.hits[at], at)))


def rounded(curve: OperatingCurve, place: int) -> str:
    """A threshold of a place on the curve with as few digits as stay within it."""
    highest = float(curve.thresholds[place])
    lower = float(curve.thresholds[place + 1]) if place + 1 < len(curve.thresholds) else 0.0
    for digits in range(2, 9):
        value = math.floor(highest * 10**digits) / 10**digits
        if value > lower:
            return f"{value:g}"
    return repr(highest)


def _hop(one: VariantStream) -> list[str]:
    here = next((hop for hop in one.hops if hop.hop_ms == one.phases.hop_ms), None)
    if here is None or not one.records or not any(record.spoken for record in one.records):
        return []
    words = sum(record.spoken for record in one.records)
    better = [
        hop for hop in one.hops if hop.hop_ms < here.hop_ms and _goodness(hop) > _goodness(here) and max(hop.wrong) <= max(here.wrong)
    ]
    if better:
        hop = max(better, key=lambda other: (_goodness(other), other.hop_ms))
        of = f"{min(hop.hits)} of {counted(words, 'word')}"
        return [f"An answer every {hop.hop_ms:g} ms hits {of} at its worst phase instead of {min(here.hits)}."]
    rarer = _rarest(one.hops, here)
    if rarer is None or not _goodness(here):  # of no hit nothing can be lost
        return []
    return [f"An answer every {rarer.hop_ms:g} ms does at its worst phase no worse than one every {here.hop_ms:g} ms, and costs less."]


def _rarest(hops: tuple[HopStreams, ...], here: HopStreams) -> HopStreams | None:
    """The rarest answer that, like each one between, is as good at its worst phase as the present one at its own."""
    found = None
    for hop in sorted((one for one in hops if one.hop_ms > here.hop_ms), key=lambda one: one.hop_ms):
        if _goodness(hop) < _goodness(here) or max(hop.wrong) > max(here.wrong):
            break
        found = hop
    return found


def _goodness(hop: HopStreams) -> int:
    return min(hop.hits)


def _never(one: VariantStream) -> list[str]:
    hop_ms = one.phases.hop_ms
    words = [record for record in one.records if record.spoken and record.alone and not record.hops[hop_ms].caught]
    if not words:
        return []
    are, they, them = ("is", "It is", "it") if len(words) == 1 else ("are", "They are", "them")
    names = ", ".join(f"`{label}`" for label in dict.fromkeys(record.word.label for record in words[:6]))
    more = "" if len(words) <= 6 else " and more"
    return [
        f"{counted(len(words), 'word')} ({names}{more}) {are} hit at no phase: another start does not help. {they} to be cut out by "
        f"`robustness segment` and asked by `robustness explain` for what restores {them}, or to be trained with."
    ]
