"""The figures of a stream in sentences, for the terminal and the page. Loads no torch."""

from __future__ import annotations

import math
from collections.abc import Sequence

from robustness.streaming.figures import StreamFigures, hours_needed
from robustness.streaming.pairing import PairedHits
from robustness.streaming.phases import Phases
from robustness.streaming.repair import AtHop, Repairs, WordRecord
from robustness.streaming.states import StateFigures

CLAIM_AN_HOUR = 0.5
SURE = 0.05


def counted(count: int, one: str, many: str | None = None) -> str:
    """`1 word`, `2 words`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def shown(value: float) -> str:
    """A number with three digits."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def lasting(hours: float) -> str:
    """How long, in the unit that one would say: `13 s`, `42 min`, `5.9 h`."""
    if hours < 1 / 30:
        return f"{hours * 3600:.0f}\u00a0s"
    return f"{hours * 60:.0f}\u00a0min" if hours < 2 else f"{hours:,.1f}\u00a0h"


def stream_sentence(found: StreamFigures) -> str:
    """What happens to the words of the vocabulary: `18 of 20 words are hit`."""
    if not found.words:
        return "No word of the vocabulary is labelled: false alarms alone are counted."
    wrong = f"another command is said during {counted(found.wrong_words, 'word')}" if found.wrong_words else "no wrong command is said"
    again = f", {counted(found.repeats, 'hit comes twice', 'hits come twice')}" if found.repeats else ""
    late = "" if math.isnan(found.latency_ms) else f"; the median hit comes {_after(found.latency_ms)} the word's end"
    return (
        f"{found.hits:,} of {counted(found.words, 'word')} {'is' if 1 in (found.hits, found.words) else 'are'} hit, {wrong}{again}{late}."
    )


def _after(ms: float) -> str:
    return f"{abs(ms):.0f} ms {'before' if ms < 0 else 'after'}"


def alarms_sentence(found: StreamFigures) -> str:
    """False alarms an hour with their interval, and what would be needed for a claim."""
    if found.hours <= 0:
        return "No time outside of the words is left in which a false alarm could come."
    rate = found.rate
    during = f" ({found.during_other_words:,} during words outside the vocabulary)" if found.during_other_words else ""
    needed = hours_needed(CLAIM_AN_HOUR, found.false_alarms)
    return (
        f"{counted(found.false_alarms, 'false alarm')}{during} in {lasting(found.hours)}, which is {shown(rate.value)} an hour "
        f"(95 % interval {shown(rate.low)}–{shown(rate.high)}); to show fewer than {CLAIM_AN_HOUR:g} an hour takes {lasting(needed)} "
        "with as many."
    )


def phases_sentence(phases: Phases) -> str:
    """The mean over the phases of the first window, and the worst by name."""
    figures, worst = phases.figures, phases.worst
    if len(figures) == 1:
        return ""
    bad = figures[worst]
    over, where = f"Over {len(figures)} phases of the first window, every {phases.step_ms:g} ms,", f"{worst * phases.step_ms:g} ms"
    if not bad.words:
        mean = shown(phases.mean("false_alarms"))
        return f"{over} false alarms are {mean} on average and {bad.false_alarms:,} at the worst phase, {where}."
    return (
        f"{over} hits are {shown(phases.mean('hits'))} of "
        f"{counted(bad.words, 'word')} on average; at the worst phase, {where}, they are {bad.hits:,}, and another "
        f"command is said during {counted(bad.wrong_words, 'word') if bad.wrong_words else 'none'}."
    )


def word_sentence(one: WordRecord, hop_ms: float) -> str:
    """One word that fails alone: what streaming every H ms does to it."""
    name = f"`{one.word.label}`" + (f" at {one.word.start_ms / 1000:.2f} s" if one.word.clip_ms is None else "")
    return f"{name} {_alone(one)}; {_streamed(one, hop_ms)}."


def _alone(one: WordRecord) -> str:
    bad = [(place, answer) for place, answer in one.alone.items() if not answer.good]
    if not bad:
        return "is good in a single window"
    said = [f"{'in the' if place == 'center' else 'at the'} {place}: {answer.outcome}, {answer.predicted}" for place, answer in bad]
    return f"fails in a single window ({'; '.join(said)})"


def _streamed(one: WordRecord, hop_ms: float) -> str:
    hop, every = one.hops[hop_ms], f"H = {hop_ms:g} ms"
    if not one.spoken:
        if not hop.wrong:
            return f"streamed, nothing is said to it at any of {counted(hop.phases, 'phase')} at {every}"
        return f"streamed, {_names(hop)} is said at {hop.wrong} of {counted(hop.phases, 'phase')} at {every}"
    missed, from_ms = hop.phases - hop.caught, one.always_from_ms()
    if missed:
        parts = [f"streamed, it is missed at {missed} of {counted(hop.phases, 'phase')} at {every}"]
        parts.append("and at some phase of every H tried" if from_ms is None else f"at none from {from_ms:g} ms down")
    else:
        parts = [f"streamed, it is caught at {_every(hop.phases)} at {every}"]
        if from_ms is None or from_ms < hop_ms:
            parts.append("though not at every smaller H")
        elif from_ms > hop_ms:
            parts.append(f"and up to {from_ms:g} ms")
    first = f"; at {hop.first} of {hop.phases} {_names(hop)} is said first" if hop.first else ""
    return ", ".join(parts) + first


def _every(phases: int) -> str:
    return "the one phase" if phases == 1 else f"all {phases} phases"


def _names(hop: AtHop) -> str:
    names = [f"`{label}`" for label, _ in hop.said]
    return " or ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def pairs_sentence(found: Sequence[PairedHits]) -> str:
    """The words of two variants at equal false alarms an hour: at the least rate at which one of them hits a word."""
    able = [one for one in found if one.words > one.neither]
    if not able:
        return ""
    one = able[0]
    return (
        f"At no more than {one.per_hour:g} false alarms an hour each, {one.first} hits {one.both + one.first_only} and {one.second} "
        f"{one.both + one.second_only} of {counted(one.words, 'word')}: {counted(one.first_only, 'word')} by the first alone, "
        f"{one.second_only} by the second alone (p = {shown(one.p_value)}, McNemar's exact test)."
    )


def states_sentence(found: Sequence[StateFigures], *, memory: bool) -> str:
    """Whether it matters what came before; of a model without a memory that it does not."""
    if memory and not found:
        return (
            "The model has a memory. Nothing is known of the states that it starts from: no word of the vocabulary is said, or its "
            "front-end cannot be fed piece by piece here."
        )
    if not found:
        return (
            "The model keeps no state and its front-end has no memory: an answer depends on its window alone, from a cold start, after a "
            "trigger, noise, another word or silence."
        )
    said = ", ".join(f"{one.hits} of {counted(one.words, 'word')} {one.state}" for one in found)
    worst = min(found, key=lambda one: one.p_value)
    sure = "differs from a cold start" if worst.p_value < SURE else "differs surely from a cold start"
    which = f"{worst.state} it {sure} (p = {shown(worst.p_value)})" if worst.p_value < SURE else f"no state {sure}"
    return f"The model has a memory. Words that are hit, by what came before them: {said}; {which}."


def repairs_sentence(found: Repairs, hop_ms: float, step_ms: float) -> str:
    """Over all words: the failures of single windows that streaming repairs, and those that it makes."""
    if not found.words:
        return "No word was asked alone in a window."
    fail = "fails" if found.failing == 1 else "fail"
    new = "failure" if found.made == 1 else "failures"
    return (
        f"{found.failing:,} of {counted(found.words, 'word')} {fail} in a single window at the start, in the center or at the end; "
        f"streaming every {hop_ms:g} ms repairs {found.repaired:,} of them at every phase (every {step_ms:g} ms), "
        f"{found.partly:,} at some phases or with a wrong command, and {found.never:,} at none. It makes {found.made:,} new {new}: "
        "good alone at all three places, and missed or answered by another command at some phase."
    )


def failing_sentences(records: Sequence[WordRecord], hop_ms: float, most: int) -> list[str]:
    """One sentence a word that fails in a single window, and then one a word that fails when it is streamed alone; `most` at most."""
    asked = [one for one in records if one.alone]
    failing = [one for one in asked if one.fails_alone]
    made = [one for one in asked if not one.fails_alone and not one.hops[hop_ms].clean]
    said = [word_sentence(one, hop_ms) for one in [*failing, *made][:most]]
    rest = len(failing) + len(made) - len(said)
    return [*said, f"{counted(rest, 'more word fails', 'more words fail')}; `stream.json` has them all."] if rest else said
