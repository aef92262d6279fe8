"""Whether the intervals are what they are called, against SciPy and against slower definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from robustness.analysis.intervals import (
    by_speaker,
    mcnemar,
    mean_score,
    median,
    paired_change,
    paired_difference,
    poisson_rate,
    signed_rank,
    wilson,
)


@pytest.mark.parametrize(("right", "count"), [(0, 1), (1, 1), (0, 20), (20, 20), (18, 20), (877, 1000), (1, 3)])
def test_wilson_equals_scipy(right: int, count: int) -> None:
    expected = stats.binomtest(right, count).proportion_ci(method="wilson")
    found = wilson(right, count)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert found.value == right / count


def test_numbers_that_the_definitions_quote() -> None:
    assert wilson(20, 20).low == pytest.approx(0.84, abs=0.005)
    assert wilson(0, 20).high == pytest.approx(0.16, abs=0.005)
    assert wilson(35, 35).low >= 0.90 > wilson(34, 34).low
    assert wilson(0, 73).high <= 0.05 < wilson(0, 72).high
    assert wilson(0, 381).high <= 0.01 < wilson(0, 380).high


def test_wilson_of_nothing_is_unknown_and_of_nonsense_refused() -> None:
    assert math.isnan(wilson(0, 0).value)
    with pytest.raises(ValueError, match="3 right of 2 recordings"):
        wilson(3, 2)


def test_draws_do_not_narrow_the_interval() -> None:
    one_draw = mean_score([1.0, 0.0] * 10)
    five_draws = mean_score([0.8, 0.2] * 10)
    assert five_draws == one_draw


def test_interval_of_scores_covers_a_population_of_recordings() -> None:
    rng = np.random.default_rng(7)
    covered = 0
    for _ in range(400):
        chances = rng.beta(2, 1, size=30)  # each recording has its own chance, 2/3 on average
        scores = rng.binomial(5, chances) / 5
        found = mean_score(scores)
        covered += found.low <= 2 / 3 <= found.high
    assert covered / 400 >= 0.95


def test_missing_scores_are_left_out() -> None:
    assert mean_score([1.0, math.nan, 0.0]) == wilson(1, 2)


def test_speakers_are_resampled_as_scipy_does() -> None:
    rng = np.random.default_rng(3)
    speakers = np.repeat(np.arange(40), 8)
    scores = (rng.random(320) < np.repeat(rng.beta(3, 1, 40), 8)).astype(float)
    sums = np.bincount(speakers, scores)

    slower = stats.bootstrap((sums,), lambda s, axis: s.mean(axis) / 8, method="percentile", n_resamples=5000, rng=np.random.default_rng(1))
    found = by_speaker(scores, list(speakers))
    assert found.low == pytest.approx(slower.confidence_interval.low, abs=0.01)
    assert found.high == pytest.approx(slower.confidence_interval.high, abs=0.01)
    assert found.high - found.low > wilson(scores.sum(), 320).high - wilson(scores.sum(), 320).low


def test_few_or_unknown_speakers_fall_back_to_recordings() -> None:
    scores = [1.0, 0.0, 1.0, 1.0] * 10
    assert mean_score(scores, ["a", "b", "c", "d"] * 10) == wilson(30, 40)
    assert mean_score(scores, [*map(str, range(39)), None]) == wilson(30, 40)
    assert mean_score(scores, [str(i // 2) for i in range(40)]) != wilson(30, 40)


def test_all_right_among_speakers_has_a_width() -> None:
    found = by_speaker([1.0] * 100, [str(i // 4) for i in range(100)])
    assert (found.value, found.high, found.total) == (1.0, 1.0, 100)
    assert found.low == wilson(25, 25).low


@pytest.mark.parametrize("pair", [(0.5, 0.5), (0.0, 1.0), (0.1, 0.2)])
def test_speakers_that_are_alike_on_average_have_a_width_too(pair: tuple[float, float]) -> None:
    found = by_speaker(list(pair) * 25, [str(i // 2) for i in range(50)])
    expected = wilson(sum(pair) / 2 * 25, 25)
    assert (found.value, found.low, found.high) == pytest.approx(expected[:3])
    assert found.high - found.low > 0.2


@pytest.mark.parametrize(("lost", "gained"), [(0, 0), (1, 0), (3, 3), (1, 7), (12, 2)])
def test_mcnemar_is_the_sum_of_the_binomial_tails(lost: int, gained: int) -> None:
    changed = lost + gained
    tail = sum(math.comb(changed, k) for k in range(min(lost, gained) + 1)) / 2**changed
    assert mcnemar(lost, gained) == pytest.approx(min(1.0, 2 * tail))


def score_statistic(delta: float, gained: int, lost: int, count: int) -> float:
    """Tango's statistic with the discordant share found by trying all, not by the quadratic's root."""
    shares = np.linspace(max(0.0, -delta), (1 - abs(delta)) / 2 + max(0.0, -delta), 200_001)[1:-1]
    rest = count - gained - lost
    likelihood = gained * np.log(shares + delta) + lost * np.log(shares) + rest * np.log1p(-2 * shares - delta)
    best = shares[np.argmax(likelihood)]
    return (gained - lost - count * delta) / math.sqrt(count * (2 * best + delta * (1 - delta)))


@pytest.mark.parametrize(("gained", "lost", "count"), [(12, 2, 50), (1, 7, 21), (3, 3, 20), (40, 20, 160)])
def test_tango_ends_where_the_score_statistic_is_at_its_limit(gained: int, lost: int, count: int) -> None:
    found = paired_difference(gained, lost, count)
    assert score_statistic(found.low, gained, lost, count) == pytest.approx(1.96, abs=0.01)
    assert score_statistic(found.high, gained, lost, count) == pytest.approx(-1.96, abs=0.01)


def test_tango_of_the_published_example() -> None:
    """Bentur et al. 2009, in Fagerland, Lydersen and Laake, BMC Medical Research Methodology 14:30 (2014)."""
    found = paired_difference(1, 7, 21)
    assert (found.low, found.high) == pytest.approx((-0.517, -0.026), abs=0.0006)


def test_no_discordant_pair_still_has_a_width() -> None:
    found = paired_difference(0, 0, 20)
    assert found.value == 0.0
    assert found.high == pytest.approx(wilson(0, 20).high)
    assert found.low == -found.high


@pytest.mark.parametrize(("gained", "lost"), [(5, 0), (0, 5)])
def test_every_pair_changed(gained: int, lost: int) -> None:
    found = paired_difference(gained, lost, 5)
    assert found.value == (gained - lost) / 5
    assert -1 <= found.low <= found.value <= found.high <= 1


def test_paired_change_counts_both_ways() -> None:
    change = paired_change([True, True, False, False, True], [True, False, True, True, True])
    assert (change.right_to_wrong, change.wrong_to_right, change.recordings) == (1, 2, 5)
    assert change.difference.value == pytest.approx(0.2)
    assert change.p_value == 1.0


@pytest.mark.parametrize("events", [0, 1, 7, 200])
def test_poisson_ends_have_their_tails(events: int) -> None:
    found = poisson_rate(events, 2.0)
    assert stats.poisson.cdf(events, found.high * 2.0) == pytest.approx(0.025)
    if events:
        assert stats.poisson.sf(events - 1, found.low * 2.0) == pytest.approx(0.025)
    else:
        assert found.low == 0.0


def test_nothing_heard_in_40_s_still_allows_hundreds_an_hour() -> None:
    one_sided = poisson_rate(0, 40 / 3600, confidence=0.90)
    assert one_sided.high == pytest.approx(270, abs=1)
    assert math.isnan(poisson_rate(0, 0.0).value)


def test_a_paired_difference_of_alike_speakers_is_as_wide_as_their_number_allows() -> None:
    """Ten recordings a speaker that change together are one vote a speaker, not ten."""
    rng = np.random.default_rng(0)
    lost = np.repeat(rng.random(30) < 0.3, 10)
    speakers = [f"s{number // 10}" for number in range(300)]
    alone = paired_change(np.ones(300), ~lost).difference
    theirs = paired_change(np.ones(300), ~lost, speakers).difference
    one_vote = paired_change(np.ones(30), ~lost[::10]).difference
    assert theirs.value == alone.value == one_vote.value
    assert theirs.high - theirs.low > 2 * (alone.high - alone.low)
    assert theirs.high - theirs.low == pytest.approx(one_vote.high - one_vote.low, rel=0.2)
    assert paired_change(np.ones(300), ~lost, ["one"] * 300).difference == alone  # too few to be resampled


@pytest.mark.parametrize("lost", [0, 1])
def test_speakers_that_all_change_alike_give_an_interval_all_the_same(lost: int) -> None:
    before, after = np.ones(100), np.full(100, 1 - lost)
    found = paired_change(before, after, [f"s{number // 4}" for number in range(100)]).difference
    votes = paired_difference(0, 25 * lost, 25)
    assert (found.low, found.high) == pytest.approx((votes.low, votes.high))


@pytest.mark.parametrize(("count", "ranks"), [(6, (1, 6)), (9, (2, 8)), (25, (8, 18)), (100, (40, 61))])
def test_a_medians_interval_is_the_narrowest_pair_of_order_statistics_that_covers_enough(count: int, ranks: tuple[int, int]) -> None:
    found = median(range(1, count + 1))
    assert [found.low, found.high] == [float(rank) for rank in ranks]
    tail = sum(math.comb(count, k) for k in range(ranks[0])) / 2**count
    wider = sum(math.comb(count, k) for k in range(ranks[0] + 1)) / 2**count
    assert tail <= 0.025 < wider


def test_a_median_of_few_has_no_interval_and_of_none_no_value() -> None:
    assert median([3.0, 1.0, 2.0]).value == 2
    assert math.isnan(median([3.0, 1.0, 2.0]).low)
    assert median([]).total == 0


def test_signed_ranks_by_all_sign_patterns() -> None:
    """Wilcoxon's p by its definition: how many of the sign patterns are at least as far from the middle."""
    changes = np.array([0.3, -0.1, 0.7, 0.9, 1.1, -0.2, 1.3])
    ranks = np.argsort(np.argsort(np.abs(changes))) + 1
    total = ranks.sum() / 2
    seen = abs(ranks[changes > 0].sum() - total)
    patterns = [abs(sum(rank for i, rank in enumerate(ranks) if pattern >> i & 1) - total) for pattern in range(2**7)]
    assert signed_rank(changes) == pytest.approx(np.mean([one >= seen for one in patterns]))
    assert signed_rank([0.0, 0.0]) == 1.0
