"""How many recordings would decide, against the numbers of the definitions and against samples that are drawn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from robustness.analysis.intervals import paired_difference, poisson_rate, wilson
from robustness.analysis.power import Effort, assumed, for_a_difference, for_a_rate, for_a_share
from robustness.gates.compound import Balanced
from robustness.gates.samples import Differences, Rate, ScoreSample


@pytest.mark.parametrize(
    ("bar", "truth", "count"),
    [(0.90, 0.95, 230), (0.90, 0.97, 100), (0.90, 0.98, 70), (0.90, 0.99, 55), (0.95, 0.98, 315), (0.95, 0.99, 145)],
)
def test_numbers_of_the_definitions(bar: float, truth: float, count: int) -> None:
    assert for_a_share(bar, truth, 0.95) == count
    assert for_a_share(1 - bar, 1 - truth, 0.95) == count  # at most as at least


@pytest.mark.parametrize(("bar", "truth"), [(0.90, 0.95), (0.80, 0.96), (0.05, 0.01)])
def test_that_many_pass_in_four_of_five_samples_and_five_less_do_not(bar: float, truth: float) -> None:
    """Wilson's interval of every possible count, weighed by its chance."""

    def passes(count: int) -> float:
        ends = [wilson(right, count) for right in range(count + 1)]
        kept = [end.low >= bar if truth > bar else end.high <= bar for end in ends]
        return float(stats.binom.pmf(np.arange(count + 1), count, truth)[kept].sum())

    count = for_a_share(bar, truth, 0.95)
    assert passes(count) >= 0.8 > passes(count - 5)


def test_pairs_that_many_show_that_nothing_is_lost_in_four_of_five_samples() -> None:
    count = for_a_difference(0.02, 0.05, 0.95)
    rng = np.random.default_rng(1)
    drawn = rng.multinomial(count, [0.025, 0.025, 0.95], 600)
    passed = np.mean([paired_difference(int(won), int(lost), count).low >= -0.02 for won, lost, _ in drawn])
    assert passed == pytest.approx(0.8, abs=0.05)
    assert for_a_difference(0.01, 1e-9, 0.95) == 385  # 381 without a single change, in steps of 5


def test_windows_that_many_keep_to_a_rate_in_four_of_five_samples() -> None:
    windows = for_a_rate(0.01, 0.5, 0.95)
    chance = stats.poisson.pmf(np.arange(400), 0.005 * windows)
    passes = [poisson_rate(events, windows).high <= 0.01 for events in range(400)]
    assert chance[passes].sum() >= 0.8
    fewer = [poisson_rate(events, 0.9 * windows).high <= 0.01 for events in range(400)]
    assert stats.poisson.pmf(np.arange(400), 0.0045 * windows)[fewer].sum() < 0.8


@pytest.mark.parametrize(
    ("bar", "least", "truths"), [(0.9, True, (0.95, 0.98)), (0.05, False, (0.025, 0.01)), (1.0, True, ()), (0.0, False, ())]
)
def test_truths_that_are_assumed(bar: float, least: bool, truths: tuple[float, ...]) -> None:
    assert assumed(bar, least=least) == pytest.approx(truths)


def test_speakers_are_counted_where_they_are_the_unit() -> None:
    """40 speakers of 5: the design effect is 1 + 4 · 0.19; Student's t of as many speakers is wider than the normal quantile."""
    scores = np.ones(200)
    who = [i // 5 for i in range(200)]
    first, second = ScoreSample(scores, who).needed(0.9, 0.95, least=True)
    assert (first.truth, first.counted, second.counted) == (0.95, "speaker", "speaker")
    plain = 230 * 1.76 / 5
    t = stats.t.ppf(0.975, first.count - 1) / stats.norm.ppf(0.975)
    assert first.count == math.ceil(plain * t * t)
    assert ScoreSample(scores).needed(0.9, 0.95, least=True) == (Effort(0.95, 230), Effort(0.98, 70))
    assert ScoreSample(scores, ["one"] * 200).needed(0.9, 0.95, least=True) == ()


def test_no_number_decides_where_the_bar_leaves_no_room() -> None:
    assert ScoreSample(np.ones(20)).needed(1.0, 0.95, least=True) == ()
    assert Differences(np.zeros(20)).needed(0.0, 0.95, least=False) == ()
    assert Rate(0, 40, 1000.0).needed(10, 0.95, least=True) == ()


def test_unequal_labels_need_more() -> None:
    even = Balanced((ScoreSample(np.ones(20)), ScoreSample(np.ones(20)))).needed(0.9, 0.95, least=True)
    uneven = Balanced((ScoreSample(np.ones(35)), ScoreSample(np.ones(5)))).needed(0.9, 0.95, least=True)
    assert even[0].count == 230
    assert uneven[0].count == math.ceil(230 * 40 * (1 / 35 + 1 / 5) / 4)
