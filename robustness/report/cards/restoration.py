"""What restores an answer, in one sentence a variant: what does, by how much, and what does not. Each clause was tried on that recording.

Made of the run's `evidence/restoring.json`; names of interventions come from there. Loads no torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from robustness.report.view import View
from robustness.report.words import alike, capital, listed, number, percent, plural, shortest, signed, with_unit
from robustness.run.restoration import CohortEffect, CohortFacts, EditPair, RestorationRecord, RestoredAnswer, TriedEdit, read_restoration

NOTHING: Final = RestorationRecord({}, 0, 0, (), ())
SMALL: Final = 0.5  # logits: with so little missing, small changes of any kind can be enough
ALWAYS: Final = ("move-word", "gain", "fill-floor", "add-white-noise")  # said of every failure, whichever way they went


@lru_cache(maxsize=4)
def restoring(view: View) -> RestorationRecord:
    """What was tried on the failures of a run; nothing where it was not written."""
    return read_restoration(view.run.evidence) or NOTHING


def tried_on(view: View, card: str) -> dict[str, RestoredAnswer]:
    """What was tried on the failure of a card, by variant in the page's order."""
    found = restoring(view).cards.get(card, {})
    return {variant.name: found[variant.name] for variant in view.variants if variant.name in found}


def restoration_says(found: Mapping[str, RestoredAnswer], names: Mapping[str, str]) -> list[str]:
    """What is said of each variant, those of which the same is said together.

    Args:
        found: what was tried, by variant.
        names: how the page calls each variant.
    """
    groups = alike({variant: signature(facts) for variant, facts in found.items()})
    several = len(groups) > 1
    return [
        (f"In {listed([names[v] for v in variants], 6)}: " if several else "") + restoration_sentence(found[variants[0]])
        for variants in groups.values()
    ]


def signature(facts: RestoredAnswer) -> str:
    """What decides the sentence, but for its numbers."""
    naming = facts.naming
    pair = facts.pair.kinds if facts.pair else [two.kinds for two in facts.pairs]
    return str((naming.verdict, naming.by, sorted(_restoring(facts)), pair))


def restoration_sentence(facts: RestoredAnswer) -> str:
    """One variant: what is named, or what helps; then what does not."""
    naming = facts.naming
    told = {"named": _named, "most": _most, "several": _several, "one": _one, "none": _none}[naming.verdict](facts)
    parts = [told, _lean(facts), _next(facts), _small(facts), _not(facts)]
    return " ".join(part for part in parts if part)


def _lean(facts: RestoredAnswer) -> str:
    """What the network's own answers say, and what less of its lean would cost, where the output is named."""
    lean = facts.lean
    if lean is None or facts.naming.kind != "output":
        return ""
    back = f"{number(lean.back)} of {number(lean.missed)} missed commands come back"
    cost = f"; {number(lean.carried_out)} of {number(lean.unknown)} unknown words are carried out then" if lean.unknown else ""
    return (
        f"The network leans to saying nothing: at the reference placement, with {shortest(lean.size)} logits less for that, {back}{cost}."
    )


def _by_name(facts: RestoredAnswer) -> dict[str, TriedEdit]:
    return {attempt.name: attempt for attempt in facts.tried}


def _restoring(facts: RestoredAnswer) -> list[str]:
    return [attempt.name for attempt in facts.tried if attempt.restores_at is not None]


def _named(facts: RestoredAnswer) -> str:
    attempt = facts.named
    best, at = attempt.best, size_text(attempt, attempt.smallest)
    does = capital(attempt.does)
    control = f"its control, {attempt.control_does}, does not"
    if facts.drop is None or best.share is None:
        return f"{does} ({at}) restores it; {control}. No share of the loss can be given: there is no right answer to compare it with."
    recovered = f"{share(best.share)} of the loss of {number(facts.drop.logits, 1)} logits"
    how = f"{at} is enough, and {size_text(attempt, best.size)} recovers" if best.size != attempt.smallest else f"{at} recovers"
    verb = "restores it" if facts.naming.strength == "full" else "is enough to restore it"
    alone = "" if facts.naming.strength == "full" else " Nothing measured of the recording speaks for that as its cause."
    return f"{does} {verb}: {how} {recovered}{against(facts)}; {control} ({share(attempt.control.share)}).{alone}"


def _most(facts: RestoredAnswer) -> str:
    """The kind that regains most of what is lost, where nothing restores the answer."""
    attempt, lost = facts.named, 0.0 if facts.drop is None else facts.drop.logits
    regains = f"{share(attempt.best.share)} of the loss of {number(lost, 1)} logits{against(facts)}"
    control = f"its control, {attempt.control_does}, regains {share(attempt.control.share)}"
    return (
        f"No edit restores it. {capital(attempt.does)} ({size_text(attempt, attempt.best.size)}) regains {regains}; {control}. What was "
        f"measured of the recording speaks for that alone."
    )


def against(facts: RestoredAnswer) -> str:
    """What the loss is counted to, where that is not the recording itself."""
    drop = facts.drop
    if drop is None or drop.against == "counterpart":
        return ""
    if drop.against == "good run":
        others = plural(drop.others, "good recording")
        return f" (counted to the median of {others} of the run given by --good-run)"
    return f" (counted to the median of {number(drop.others)} other recordings that are right there)"


def _several(facts: RestoredAnswer) -> str:
    helped = sorted((_by_name(facts)[name] for name in _restoring(facts)), key=lambda one: -(one.best.share or 0))
    each = [f"{one.does} ({size_text(one, one.smallest)}; {share(one.best.share)} of the loss at best)" for one in helped]
    return f"Several edits restore it, and none stands out: {listed(each, 4)}.{_beside(facts)}"


def _one(facts: RestoredAnswer) -> str:
    attempt = _by_name(facts)[_restoring(facts)[0]]
    why = "but so does its control" if attempt.control.restores else "but does not stand out enough to be named"
    size = size_text(attempt, attempt.smallest)
    return f"Of all that was tried only {attempt.does} ({size}) restores it{_share_note(attempt)}, {why}.{_beside(facts)}"


def _beside(facts: RestoredAnswer) -> str:
    """Two edits that explain it together, where those that restore it alone are not named."""
    if facts.pair is None:
        return ""
    verb = "restore it" if facts.pair.restores else "regain most of it"
    return f" {capital(_both(facts, facts.pair))} together {verb}{_worth(facts.pair)}, and what was measured of the recording fits them."


def _share_note(attempt: TriedEdit) -> str:
    found = attempt.best.share
    return "" if found is None else f" ({share(found)} of the loss)"


def _none(facts: RestoredAnswer) -> str:
    pair, count = facts.pair, plural(len(facts.pairs), "pair")
    if pair and pair.restores:
        return f"None of the edits tried restores it alone; {_both(facts, pair)} together do{_worth(pair)}."
    if pair:
        worth = f"{share(pair.share)} of the loss{against(facts)}"
        fits = "What was measured of the recording speaks for both."
        return f"None of the edits tried restores it alone. {capital(_both(facts, pair))} together regain {worth}. {fits}"
    if facts.pairs:
        does = "does" if len(facts.pairs) == 1 else "do"
        return f"None of the edits tried restores it alone; {count} of them, of different kinds, {does}."
    return "None of the edits tried restores it, alone or in pairs."


def _both(facts: RestoredAnswer, pair: EditPair) -> str:
    tried = _by_name(facts)
    return " and ".join(f"{tried[n].does} ({size_text(tried[n], s)})" for n, s in zip(pair.names, pair.sizes, strict=True))


def _worth(pair: EditPair) -> str:
    return "" if pair.share is None else f", {share(pair.share)} of the loss"


def _next(facts: RestoredAnswer) -> str:
    """What the strongest other kind recovers, where one is named."""
    naming = facts.naming
    if naming.verdict != "named" or naming.next_kind is None:
        return ""
    others = [one for one in facts.tried if one.kind == naming.next_kind]
    best, tried_size, most = max(((one, r, r.share or 0.0) for one in others for r in one.tried_sizes), key=lambda found: found[2])
    if most <= 0:
        return "No other kind of edit recovers any of it."
    return f"Of the other kinds, {best.does} ({size_text(best, tried_size.size)}) recovers most, {share(most)}."


def _small(facts: RestoredAnswer) -> str:
    """Where hardly anything is missing, that little things are enough."""
    naming, margin = facts.naming, facts.margin
    rest = [one for one in facts.tried if one.restores_at is not None and one.kind != naming.kind]
    if margin < -SMALL or not rest or naming.verdict != "named":
        return ""
    each = [f"{one.does} ({size_text(one, one.smallest)})" for one in sorted(rest, key=lambda one: -(one.best.share or 0))]
    return f"At a margin of {number(margin, 1)} little is missing, and small edits are enough to turn it as well: {listed(each, 4)}."


def _not(facts: RestoredAnswer) -> str:
    """What was tried and does not restore it."""
    failed = [one for one in facts.tried if one.restores_at is None]
    if not failed or facts.naming.verdict in {"none", "most"}:
        return ""
    first = [one.does for one in failed if one.name in ALWAYS] or [failed[0].does]
    rest = len(failed) - len(first)
    whole = [*first, f"{number(rest)} other edit{'s' if rest != 1 else ''} tried"] if rest else first
    return f"{capital(listed(whole, 12))} {'does' if len(whole) == 1 else 'do'} not restore it."


def size_text(attempt: TriedEdit, value: float) -> str:
    """A size in words: `+12 dB`, `40 ms`."""
    if value == 0 and attempt.unit == "float32":
        return "float32"
    both = any(tried_size.size < 0 for tried_size in attempt.tried_sizes) and any(tried_size.size > 0 for tried_size in attempt.tried_sizes)
    text = signed(value) if both and float(value).is_integer() else shortest(value)
    return with_unit(text, value, attempt.unit)


def share(value: float | None) -> str:
    """A share of the drop; what is beyond it is all of it."""
    if value is None:
        return "–"
    if abs(value - 1) < 0.05 or value > 1:
        return "all"
    return percent(value) if value >= 0 else f"−{percent(-value)}"


def over_recordings(conditions: Sequence[CohortFacts], names: Mapping[str, str], places: Mapping[str, str]) -> list[str]:
    """What holds over all recordings that share a failing condition, a sentence or two each."""
    return [text for facts in conditions for text in [_condition(facts, names, places)] if text]


def _condition(facts: CohortFacts, names: Mapping[str, str], places: Mapping[str, str]) -> str:
    where = places.get(facts.placement, facts.placement)
    parts = []
    if facts.cost:
        each = [f"lower for {one.lower} of {_words(one)} ({signed(one.median, 1)} logits)" for one in facts.cost]
        parts.append(f"{capital(where)} the margin is {' and '.join(each)}.")
    if facts.edit and facts.gives:
        edit = facts.edit
        amount = with_unit(signed(edit.size) if float(edit.size).is_integer() else shortest(edit.size), edit.size, edit.unit)
        each = [f"raises it for {one.higher} of {_words(one)} ({signed(one.median, 1)})" for one in facts.gives]
        right, wrong = (sum(getattr(one, key) for one in facts.gives) for key in ("turned_right", "turned_wrong"))
        parts.append(f"{capital(edit.does)} by {amount} {' and '.join(each)}; it turns {right} right and {wrong} wrong.")
    return f"{names[facts.variant]}: {' '.join(parts)}" if parts else ""


def _words(one: CohortEffect) -> str:
    speakers = f", {number(one.speakers)} speaker{'s' if one.speakers != 1 else ''}" if one.speakers else ""
    return f"{one.recordings} {one.words} word{'' if one.recordings == 1 else 's'}{speakers}"
