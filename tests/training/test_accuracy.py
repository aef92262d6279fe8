"""The figures of a card, counted by hand."""

from __future__ import annotations

import pytest

from robustness.analysis.intervals import Estimate, wilson
from robustness.training.accuracy import by_word, mean_accuracy

LABELS = ("yes", "no", "unknown")


def test_by_word_counts_each_label_by_its_truth() -> None:
    counted = by_word(["yes", "no", "no", "unknown", "yes"], ["yes", "yes", "no", "no", "no"], LABELS)
    assert counted["accuracy"]["value"] == pytest.approx(2 / 5)
    assert {word: (part["value"], part["of"]) for word, part in counted["words"].items()} == {"yes": (0.5, 2), "no": (0.3333, 3)}
    assert counted["balanced"]["value"] == pytest.approx((1 / 2 + 1 / 3) / 2, abs=1e-4)


def test_the_interval_of_a_mean_of_one_proportion_is_its_own() -> None:
    part = wilson(7, 10)
    assert mean_accuracy([part]) == pytest.approx(part)


def test_the_interval_of_a_mean_narrows_with_the_number_of_parts() -> None:
    one, four = mean_accuracy([wilson(50, 100)]), mean_accuracy([wilson(50, 100)] * 4)
    assert four.high - four.low == pytest.approx((one.high - one.low) / 2, rel=1e-6)
    assert isinstance(four, Estimate)
