"""How numbers and names become words: percentages, intervals, lists, conditions. Everything returned is text, escaped where it is used."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Final

from robustness.analysis.intervals import Estimate
from robustness.conditions import NONE, Condition
from robustness.run.perturbations import PerturbationFacts

NO_BREAK: Final = "\u00a0"  # no line break between a number and its unit
PLACES: Final = {"start": "at the start", "center": "in the center", "end": "at the end"}
FILLS: Final = {"zeros": "zeros", "floor": "the recording's own background level"}


def number(value: float, digits: int = 0) -> str:
    """A number with a true minus sign; `–` where there is none."""
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    text = f"{value:,.{digits}f}".replace("-", "−")
    return text[1:] if re.fullmatch(r"−0(\.0*)?", text) else text


def shortest(value: float) -> str:
    """A level as one would say it: no trailing zeros."""
    return number(value) if float(value).is_integer() or not math.isfinite(value) else f"{value:g}".replace("-", "−")


def percent(share: float, digits: int = 0) -> str:
    """A share as a percentage; never rounded to 0 or 100 unless it is."""
    if share is None or math.isnan(share):
        return "–"
    value = 100 * share
    edge = 10.0**-digits
    if 0 < value < edge / 2:
        return f"<{edge:g}{NO_BREAK}%"
    if 100 - edge / 2 < value < 100:
        return f">{100 - edge:g}{NO_BREAK}%"
    return f"{number(value, digits)}{NO_BREAK}%"


def interval(estimate: Estimate) -> str:
    """The ends of an interval of a share, as `70–97 %`."""
    if estimate.total == 0 or math.isnan(estimate.low):
        return "–"
    return f"{number(100 * estimate.low)}–{number(100 * estimate.high)}{NO_BREAK}%"


def bracketed(estimate: Estimate) -> str:
    """The ends of an interval of a share behind a value, ` (70–97 %)`; nothing where there is no interval, of one speaker."""
    text = interval(estimate)
    return "" if text == "–" else f" ({text})"


def surely(estimate: Estimate) -> str:
    """How sure a share is: `95 % interval 70–97 %`, or that one speaker has none."""
    return f"95 % interval {interval(estimate)}" if not math.isnan(estimate.low) else "one speaker, no interval"


def difference(estimate: Estimate) -> str:
    """A difference of two shares in points, with its interval."""
    if estimate.total == 0:
        return "–"
    between = ends(estimate.low, estimate.high)
    return f"{signed(100 * estimate.value, 1)} points{f' ({between})' if between != '–' else ''}"


def ends(low: float, high: float) -> str:
    """The ends of an interval of a difference of two shares, in points; `–` where there are none."""
    return "–" if math.isnan(low) else f"{signed(100 * low, 1)} to {signed(100 * high, 1)}"


def signed(value: float, digits: int = 0) -> str:
    """A number with its sign; zero has none."""
    text = number(value, digits)
    return f"+{text}" if value > 0 and re.search("[1-9]", text) else text


def p_value(value: float) -> str:
    """A p-value with three decimals; never rounded to 0."""
    return f"<{NO_BREAK}0.001" if value < 0.0005 else number(value, 3)


def share_of(estimate: Estimate) -> str:
    """How many of how many: `18 of 20`, or `16.4 of 20` where draws are averaged."""
    return f"{tally(estimate)} of {number(estimate.total)}"


def tally(estimate: Estimate) -> str:
    """How many, with one decimal where draws are averaged."""
    right = estimate.value * estimate.total
    return "–" if math.isnan(right) else number(right, 0 if abs(right - round(right)) < 1e-6 else 1)


def plural(count: int, one: str, many: str | None = None) -> str:
    """`1 recording`, `2 recordings`."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


def some_of(count: int, total: int, noun: str, one: str, many: str) -> str:
    """`1 of 20 recordings has`, `2 of 20 recordings have`, `none of 20 recordings has`, `1 of 1 recording has`."""
    return f"{number(count) if count else 'none'} of {plural(total, noun)} {one if count <= 1 else many}"


def listed(names: Sequence[str], most: int = 3) -> str:
    """`up, left and no`, or the first few and how many more."""
    if len(names) > most + 1:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def alike(told: Mapping[str, str]) -> dict[str, list[str]]:
    """What is told of each name, with the names of which the same is told, in their order."""
    groups: dict[str, list[str]] = {}
    for name, text in told.items():
        groups.setdefault(text, []).append(name)
    return groups


def capital(text: str) -> str:
    """The first letter as at the beginning of a sentence."""
    return text[:1].upper() + text[1:]


def true_minus(text: str) -> str:
    """A text of the terminal with true minus signs before its numbers."""
    return re.sub(r"(?<![\w.])-(?=\d)", "−", text)


def slug(text: str) -> str:
    """A name as part of an address: lower case letters, digits and dashes."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "x"


def unique(names: Sequence[str]) -> list[str]:
    """The names, with a number added to those that were there before."""
    seen: set[str] = set()
    counts: dict[str, int] = {}  # where the search for each name's next number begins: many recordings have one word
    result = []
    for name in names:
        candidate, count = name, counts.get(name, 1)
        while candidate in seen:
            count += 1
            candidate = f"{name}-{count}"
        counts[name] = count
        seen.add(candidate)
        result.append(candidate)
    return result


def level_of(level: float, unit: str | None) -> str:
    """A level with its unit: `5 dB`, `1 sample`, `2 samples`."""
    return with_unit(shortest(level), level, unit)


def with_unit(text: str, value: float, unit: str | None) -> str:
    """A number as it is said, and its unit, which is one of a thing that is counted where the number is 1."""
    unit = unit or ""
    one = abs(value) == 1 and re.fullmatch("[a-z]{2,}s", unit)
    return f"{text}{NO_BREAK}{unit[:-1] if one else unit}".strip()


def condition_name(condition: Condition, kinds: Mapping[str, PerturbationFacts]) -> str:
    """A condition in words: `white noise at −5 dB`, `at the start, filled with zeros`.

    Args:
        condition: of a run.
        kinds: what is known of the perturbations, by name.
    """
    filled = "" if condition.fill == "zeros" else f", filled with {FILLS.get(condition.fill, condition.fill)}"
    place = PLACES.get(condition.placement, condition.placement)
    if condition.perturbation == NONE or condition.level is None:
        return f"{place}{filled}"
    return f"{level_said(kinds[condition.perturbation], condition.level, place)}{filled}"


def grid_said(kind: PerturbationFacts) -> str:
    """The levels of a perturbation in words, and what its neutral level is: `white noise at 30 dB to white noise at −5 dB, 6 levels …`."""
    levels = [level for level in kind.levels if level != kind.neutral]
    places = {level: PLACES.get(place, place) for place, level in kind.placements.items()}
    if places:
        return listed([level_said(kind, level, place) for level, place in places.items()], len(places))
    ends = list(dict.fromkeys(level_said(kind, level) for level in (levels[0], levels[-1]))) if levels else []
    counted = [f"{' to '.join(ends)}, {plural(len(levels), 'level')} of {kind.axis} in {kind.unit}"] if ends else []
    return "; ".join([*counted, f"{level_said(kind, kind.neutral)} changes nothing"])


def level_said(kind: PerturbationFacts, level: float, place: str = "") -> str:
    """A level of a perturbation in words, with a true minus sign: `time shift of +20 ms`, `white noise at −5 dB`, `no noise`."""
    return kind.said(level, lambda value, sign: with_unit(signed(value) if sign else shortest(value), value, kind.unit), place)
