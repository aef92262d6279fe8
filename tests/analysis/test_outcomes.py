"""Whether outcomes at the operating point are what a user of the device meets."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from robustness.analysis import counts, outcomes
from robustness.analysis.intervals import wilson
from robustness.analysis.outcomes import OperatingPoint
from tests.trials import table, trial

WITH_UNKNOWN = OperatingPoint(frozenset({"unknown"}))


@pytest.mark.parametrize(
    ("label", "predicted", "probability", "threshold", "expected"),
    [
        ("up", "up", 0.3, None, "accepted right"),
        ("up", "up", 0.5, 0.5, "accepted right"),
        ("up", "up", 0.49, 0.5, "missed"),
        ("up", "unknown", 0.9, None, "missed"),
        ("up", "silence", 0.9, None, "missed"),
        ("up", "left", 0.9, None, "substituted"),
        ("up", "left", 0.4, 0.5, "missed"),
        ("unknown", "unknown", 0.9, None, "left alone"),
        ("unknown", "silence", 0.9, None, "left alone"),
        ("unknown", "left", 0.9, 0.5, "falsely accepted"),
        ("unknown", "left", 0.4, 0.5, "left alone"),
        ("silence", "left", 0.9, None, "falsely accepted"),
        (None, "left", 0.9, None, None),
    ],
)
def test_outcome(label: str | None, predicted: str, probability: float, threshold: float | None, expected: str | None) -> None:
    point = OperatingPoint(frozenset({"unknown", "silence"}), threshold)
    found = outcomes.outcomes(table([trial("a", label, predicted, p_predicted=probability)]), point)[0]
    assert pd.isna(found) if expected is None else found == expected


def test_a_window_without_a_word_is_accepted_or_rejected() -> None:
    rows = table([trial("silence", None, name, perturbation="no-word") for name in ("unknown", "go")])
    assert outcomes.outcomes(rows, WITH_UNKNOWN).tolist() == ["left alone", "falsely accepted"]
    assert outcomes.outcomes(rows, OperatingPoint(frozenset())).tolist() == ["falsely accepted"] * 2


def test_operating_point_of_a_model() -> None:
    assert OperatingPoint.of({"unknown": None, "silence": "_", "threshold": 0.5}) == OperatingPoint(frozenset({"_"}), 0.5)


def test_counts_have_their_own_denominators() -> None:
    rows = [
        trial("a", "up", "up"),
        trial("b", "up", "unknown"),
        trial("c", "go", "up"),
        trial("d", "unknown", "go"),
        trial("e", None, "go"),
    ]
    found = counts.counts(table(rows))
    assert found.right == wilson(1, 3)
    assert found.missed == wilson(1, 3)
    assert found.substituted == wilson(1, 3)
    assert found.falsely_accepted == wilson(1, 1)
    assert found.accuracy == wilson(1, 4)
    assert found.balanced == pytest.approx((0.5 + 0 + 0) / 3)
    assert (found.known, found.unknown) == (3, 1)


def test_counts_average_draws_within_a_recording() -> None:
    rows = [trial("a", "up", "up", draw=k) for k in range(4)] + [trial("a", "up", "go", draw=4), trial("b", "up", "up")]
    found = counts.counts(table(rows))
    assert found.right == wilson(1.8, 2)
    assert found.accuracy.total == 2


def test_counts_without_labels_are_unknown() -> None:
    found = counts.counts(table([trial("a", None, "up")]))
    assert found.right.total == 0
    assert math.isnan(found.accuracy.value)
    assert math.isnan(found.balanced)


def test_recorded_sounds_have_hours_and_made_noise_has_windows() -> None:
    rows = [trial("silence", None, "unknown", perturbation="no-word") for _ in range(36)]
    rows += [trial("white noise", None, "go" if k == 0 else "unknown", perturbation="no-word") for k in range(36)]
    found = counts.no_word_rates(table(rows), 1000.0).set_index("kind")
    assert found[["value", "low", "high"]].isna().to_numpy().all()
    assert (found.loc["all", "windows"], found.loc["all", "accepted"]) == (72, 1)
    assert "recorded" not in found.index
    for sound, accepted in (("fan.wav", 1), ("street.wav", 0)):
        rows += [trial(sound, None, "go" if k < accepted else "unknown", perturbation="no-word") for k in range(36)]
    found = counts.no_word_rates(table(rows), 1000.0).set_index("kind")
    assert found.loc["fan.wav", "value"] == pytest.approx(100.0)
    assert found.loc["street.wav", "low"] == 0.0
    assert [found.loc["recorded", name] for name in ("windows", "accepted", "value")] == [72, 1, pytest.approx(50.0)]
    assert found.loc["all", "windows"] == 144
