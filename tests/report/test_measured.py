"""Is what lies outside said first, in words?"""

from __future__ import annotations

import pytest

from robustness.explanations.standing import SPEAKS
from robustness.report.cards.measured import WORDS, differing_sentence, measured_rows, measured_sentence
from robustness.run.measured_values import MeasuredDifference, MeasuredValue


def value(name: str, amount: float, *, above: int = 5, side: str | None = None, kind: str | None = None) -> MeasuredValue:
    return MeasuredValue(name, amount, 12 - above, above, 12, side, kind)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([], ""),
        ([value("floor_dbfs", -60)], "Measured: nothing lies outside of the 12 that are right."),
        (
            [value("length_ms", 900, above=0, side="high"), value("floor_dbfs", -31.2, above=0, side="high", kind="noise")],
            "Measured: floor −31 dBFS: louder than all 12 that are right and the word’s length 900 ms: longer than all 12 that are right.",
        ),
        (
            [
                MeasuredValue("floor_dbfs", -31, 12, 0, 12, "high", "noise", 2.0),
                MeasuredValue("hum_dbfs", -20, 12, 0, 12, "high", "noise", 9.0),
            ],
            "Measured: hum at multiples of the mains −20 dBFS: louder than all 12 that are right and floor −31 dBFS: louder than all "
            "12 that are right.",
        ),
        ([value("clipped", 0.123, above=0, side="high", kind="distortion")], "Measured: clipped 12.3 %: more than all 12 that are right."),
        (
            [value("level_dbfs", -50, above=11, side="low", kind="level")],
            "Measured: the word’s level −50 dBFS: softer than 11 of 12 that are right.",
        ),
        (
            [MeasuredValue("floor_dbfs", -61, 0, 0, 0)],
            "Measured: nothing lies outside of what is usual; too few recordings are right here to compare it with.",
        ),
        (
            [MeasuredValue("floor_dbfs", -31, 0, 0, 0, "high", "noise")],
            "Measured: floor −31 dBFS: louder than in 99 of 100 recorded commands.",
        ),
    ],
)
def test_the_sentence(found: list[MeasuredValue], said: str) -> None:
    assert measured_sentence(found).replace("\u00a0", " ").replace("\u202f", " ") == said


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([], ""),
        (
            [MeasuredDifference("length_ms", "low", "speed", 77, 89, 2e-5)],
            "What fails here, beside what is right of the same words: the word’s length shorter in 77 of 89 pairs (p < 0.001).",
        ),
        (
            [
                MeasuredDifference("surround", "high", "padding", 85, 85, 0.0051),
                MeasuredDifference("first_dbfs", "high", "padding", 84, 85, 0.006),
            ],
            "What fails here, beside what is right of the same words: a sound around the word that is not in it more in 85 of 85 pairs "
            "(p = 0.005) and first 10 ms louder in 84 of 85 pairs (p = 0.006).",
        ),
    ],
)
def test_the_sentence_of_what_all_that_fail_have_in_common(found: list[MeasuredDifference], said: str) -> None:
    assert differing_sentence(found).replace("\u00a0", " ").replace("\u202f", " ") == said


def test_every_measurement_has_words_and_a_row() -> None:
    assert set(WORDS) == set(SPEAKS)
    rows = measured_rows([value(name, 0.5) for name in SPEAKS])
    assert len(rows) == len(SPEAKS)
    assert rows[0].stands == "7 of 12 have less, 5 have more"
