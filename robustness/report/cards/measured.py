"""What lies outside of the recordings that are right, in a sentence: what was measured before any network heard an edit.

Read from the run's `evidence/failures.json`. Loads no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from robustness.report.words import NO_BREAK, listed, number, p_value, percent
from robustness.run.measured_values import MeasuredDifference, MeasuredValue

MOST: Final = 4  # measurements in the sentence
FEWEST: Final = 5  # recordings that are right: with fewer, it is compared with what is usual
SILENT: Final = -119.0  # dBFS and less is no sound at all


class Words(NamedTuple):
    """How a measurement is called, its unit, its decimals, and what it is where there is less or more of it."""

    name: str
    unit: str
    digits: int
    low: str
    high: str


WORDS: Final = {
    "level_dbfs": Words("the word’s level", "dBFS", 0, "softer", "louder"),
    "floor_dbfs": Words("floor", "dBFS", 0, "softer", "louder"),
    "snr_db": Words("word over floor", "dB", 0, "less", "more"),
    "offset_dbfs": Words("offset", "dBFS", 0, "less", "more"),
    "hum_dbfs": Words("hum at multiples of the mains", "dBFS", 0, "softer", "louder"),
    "highest_hz": Words("energy up to", "Hz", 0, "less high", "higher"),
    "lowest_hz": Words("energy from", "Hz", 0, "lower", "less low"),
    "tilt_db": Words("spectral tilt", "dB an octave", 1, "darker", "brighter"),
    "length_ms": Words("the word’s length", "ms", 0, "shorter", "longer"),
    "first_dbfs": Words("first 10 ms", "dBFS", 0, "softer", "louder"),
    "last_dbfs": Words("last 10 ms", "dBFS", 0, "softer", "louder"),
    "surround": Words("a sound around the word that is not in it", "", 0, "less", "more"),
    "clipped": Words("clipped", "", 1, "less", "more"),
    "clicks": Words("clicks", "", 0, "fewer", "more"),
    "lead_ms": Words("room before the word", "ms", 0, "less", "more"),
    "tail_ms": Words("room after the word", "ms", 0, "less", "more"),
    "fall_db": Words("steepest fall of the level in 50 ms", "dB", 0, "slower", "faster"),
    "pitch_hz": Words("the voice’s pitch", "Hz", 0, "lower", "higher"),
    "middle_ms": Words("the word\u2019s middle in the window", "ms", 0, "earlier", "later"),
}
SHARES: Final = frozenset({"surround", "clipped"})


class MeasuredRow(NamedTuple):
    """A line of the table: what, how much, and where that stands."""

    name: str
    value: str
    stands: str
    outside: bool


def measured_sentence(found: Sequence[MeasuredValue]) -> str:
    """What lies outside, what speaks for an edit first, and of that what lies furthest out; that nothing does, where nothing does."""
    good = max((one.of for one in found), default=0)
    if not found:
        return ""
    outside = sorted((one for one in found if one.outside is not None), key=lambda one: (one.kind is None, -one.beyond))
    if not outside:
        among = f"the {good} that are right" if good >= FEWEST else "what is usual; too few recordings are right here to compare it with"
        return f"Measured: nothing lies outside of {among}."
    return f"Measured: {listed([_said(one) for one in outside[:MOST]], MOST)}."


def differing_sentence(found: Sequence[MeasuredDifference]) -> str:
    """In what most of the recordings that fail here differ from those of the same word that are right; nothing where in nothing."""
    if not found:
        return ""
    each = listed([_differing(one) for one in found[:MOST]], MOST)
    return f"What fails here, beside what is right of the same words: {each}."


def _differing(one: MeasuredDifference) -> str:
    words = WORDS.get(one.name)
    said = one.name if words is None else f"{words.name} {words.low if one.side == 'low' else words.high}"
    p = p_value(one.p)
    return f"{said} in {one.pairs} of {one.of} pairs (p{NO_BREAK}{p if p.startswith('<') else f'={NO_BREAK}{p}'})"


def _said(one: MeasuredValue) -> str:
    words = WORDS.get(one.name)
    if words is None:
        return f"{one.name} {number(one.value, 1)}"
    than = words.low if one.outside == "low" else words.high
    beyond = one.above if one.outside == "high" else one.below
    if one.of < FEWEST:
        return f"{words.name} {_value(one, words)}: {than} than in 99 of 100 recorded commands"
    rest = f"all {one.of} that are right" if not beyond else f"{one.of - beyond} of {one.of} that are right"
    return f"{words.name} {_value(one, words)}: {than} than {rest}"


def _value(one: MeasuredValue, words: Words) -> str:
    if one.name in SHARES:
        return percent(one.value, words.digits)
    if words.unit == "dBFS" and one.value <= SILENT:
        return "silent"
    return f"{number(one.value, words.digits)}{NO_BREAK}{words.unit}".rstrip(NO_BREAK)


def measured_rows(found: Sequence[MeasuredValue]) -> list[MeasuredRow]:
    """Everything that was measured."""
    known = [(one, WORDS[one.name]) for one in found if one.name in WORDS]
    return [
        MeasuredRow(words.name, _value(one, words), f"{one.below} of {one.of} have less, {one.above} have more", one.outside is not None)
        for one, words in known
    ]
