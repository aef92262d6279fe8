"""Whether numbers become the words that say them."""

from __future__ import annotations

import math

import pytest

from robustness.analysis.intervals import UNKNOWN, wilson
from robustness.conditions import Condition
from robustness.report import words
from robustness.run.perturbations import facts_of


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.0, 0, "0"),
        (-0.2, 0, "0"),
        (-0.04, 1, "0.0"),
        (-1.5, 1, "−1.5"),
        (1234.0, 0, "1,234"),
        (math.nan, 0, "–"),
        (math.inf, 0, "∞"),
        (-math.inf, 0, "−∞"),
    ],
)
def test_number(value: float, digits: int, text: str) -> None:
    assert words.number(value, digits) == text


@pytest.mark.parametrize(
    ("share", "digits", "text"),
    [
        (0.0, 0, "0"),
        (1.0, 0, "100"),
        (0.004, 0, "<1"),
        (0.996, 0, ">99"),
        (0.994, 0, "99"),
        (0.9996, 1, ">99.9"),
        (0.9990, 1, "99.9"),
        (0.5, 0, "50"),
    ],
)
def test_a_percentage_is_never_rounded_to_all_or_nothing(share: float, digits: int, text: str) -> None:
    assert words.percent(share, digits) == f"{text}\u00a0%"


def test_percent_of_nothing() -> None:
    assert words.percent(math.nan) == "–"


def test_intervals_and_shares() -> None:
    assert words.interval(wilson(18, 20)) == "70–97\u00a0%"
    assert words.share_of(wilson(18, 20)) == "18 of 20"
    assert words.share_of(wilson(16.4, 20)) == "16.4 of 20"
    assert words.interval(UNKNOWN) == words.difference(UNKNOWN) == "–"


@pytest.mark.parametrize(("value", "text"), [(0.0, "0"), (2.0, "+2"), (-2.0, "−2"), (0.3, "0")])
def test_signed(value: float, text: str) -> None:
    assert words.signed(value) == text


@pytest.mark.parametrize(
    ("names", "text"),
    [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (list("abcd"), "a, b, c and d"), (list("abcde"), "a, b, c and 2 more")],
)
def test_listed(names: list[str], text: str) -> None:
    assert words.listed(names) == text


@pytest.mark.parametrize(
    ("text", "slug"), [("Up!", "up"), ("go  on", "go-on"), ("für", "fur"), ("<script>", "script"), ("数", "x"), ("", "x")]
)
def test_slug_is_an_address(text: str, slug: str) -> None:
    assert words.slug(text) == slug


def test_unique_never_collides_with_its_own_numbers() -> None:
    assert words.unique(["up", "up", "up-2", "up"]) == ["up", "up-2", "up-2-2", "up-3"]


@pytest.mark.parametrize(
    ("condition", "unit", "text"),
    [
        (Condition("none", None, "zeros", 0, "center"), None, "in the center"),
        (Condition("padding-placement", 0.0, "zeros", 0, "start"), "share", "at the start"),
        (
            Condition("padding-placement", 1.0, "floor", 0, "end"),
            "share",
            "at the end, filled with the recording's own background level",
        ),
        (Condition("white-noise", -5.0, "zeros", 0, "center"), "dB", "white noise at −5\u00a0dB"),
        (Condition("time-shift", 40.0, "zeros", 0, "center"), "ms", "time shift of +40\u00a0ms"),
    ],
)
def test_condition(condition: Condition, unit: str | None, text: str) -> None:
    kind = facts_of(condition.perturbation, {"unit": unit, "levels": [], "neutral": 0.0})
    assert words.condition_name(condition, {kind.name: kind}) == text


@pytest.mark.parametrize(
    ("level", "unit", "says"),
    [
        (1, "samples", "1 sample"),
        (2, "samples", "2 samples"),
        (-1, "bands", "−1 band"),
        (1, "ms", "1 ms"),
        (1, "kbit/s", "1 kbit/s"),
        (1, None, "1"),
    ],
)
def test_a_level_agrees_with_its_unit(level: float, unit: str | None, says: str) -> None:
    assert words.level_of(level, unit).replace("\u00a0", " ") == says


def test_a_minus_stands_before_a_number_alone() -> None:
    assert words.true_minus("time shift of -100 ms, good-2 and 3-4, at -5.5 dB") == "time shift of −100 ms, good-2 and 3-4, at −5.5 dB"
