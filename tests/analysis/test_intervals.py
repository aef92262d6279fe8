"""Whether the intervals are what they are called, against SciPy and against slower definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from robustness.analysis.intervals import (
    adjusted,
    change_p_value,
    mcnemar,
    mean_change,
    mean_score,
    median,
    paired_change,
    paired_difference,
    poisson_rate,
    whom,
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


def test_an_interval_goes_by_speakers_where_all_are_known() -> None:
    scores = [1.0, 0.0, 1.0, 1.0] * 10
    alone, two = wilson(30, 40), mean_score(scores, [str(i % 2) for i in range(40)])
    assert mean_score(scores, [*map(str, range(39)), None]) == alone
    assert mean_score(scores, [*map(str, range(39)), math.nan]) == alone
    assert two.low < mean_score(scores, [str(i // 2) for i in range(40)]).low < alone.low
    assert (two.value, two.total) == (0.75, 40)


def test_one_speaker_has_counts_and_no_interval() -> None:
    for found in (mean_score([1.0, 0.0, 1.0], ["a"] * 3), mean_change([1.0, -1.0, 0.0], ["a"] * 3)):
        assert found.total == 3
        assert math.isnan(found.low)
        assert math.isnan(found.high)
    assert math.isnan(paired_change([True], [False], ["a"]).p_value)


def test_a_score_of_draws_counts_as_part_of_an_answer() -> None:
    """Speakers who all lose a fifth of their draws are as sure as those of whom one in five recordings is wrong."""
    who = [i // 5 for i in range(100)]
    assert mean_score([0.8] * 100, who).low == pytest.approx(mean_score([0.0, 1.0, 1.0, 1.0, 1.0] * 20, who).low)


def test_a_mean_over_conditions_is_as_wide_as_its_scores_say() -> None:
    """A loss of one condition of forty in each recording is no change of whole recordings."""
    narrow = mean_change([-1 / 40] * 100)
    assert narrow.value == pytest.approx(-0.025)
    assert narrow == pytest.approx(paired_difference(0, 2.5, 100))
    assert narrow.high - narrow.low < 0.1


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
    """Ten recordings a speaker that change together are about one vote a speaker, not ten."""
    rng = np.random.default_rng(0)
    lost = np.repeat(rng.random(30) < 0.3, 10)
    speakers = [f"s{number // 10}" for number in range(300)]
    alone = paired_change(np.ones(300), ~lost).difference
    theirs = paired_change(np.ones(300), ~lost, speakers).difference
    one_vote = paired_change(np.ones(30), ~lost[::10]).difference
    assert theirs.value == alone.value == one_vote.value
    assert theirs.high - theirs.low > 1.7 * (alone.high - alone.low)
    assert one_vote.low - 0.05 < theirs.low < one_vote.low + 0.02


def test_a_p_value_with_speakers_agrees_with_the_interval() -> None:
    """Both say at 95 % whether there is a difference; McNemar's, which ignores speakers, is far too sure."""
    rng = np.random.default_rng(1)
    who, found = np.repeat(np.arange(30), 10), []
    for _ in range(200):
        changes = -(rng.random(300) < np.repeat(rng.beta(0.5, 6, 30), 10)).astype(float) + (rng.random(300) < 0.05)
        ends, p = mean_change(changes, list(who)), change_p_value(changes, list(who))
        found.append((ends.low > 0 or ends.high < 0) == (p < 0.05))
        assert p >= mcnemar(int((changes < 0).sum()), int((changes > 0).sum())) / 2
    assert np.mean(found) > 0.97


def test_p_values_of_one_speaker_are_not_adjusted() -> None:
    assert adjusted([0.01, 0.04]) == pytest.approx([0.02, 0.04])
    assert all(math.isnan(p) for p in adjusted([0.01, math.nan]))


@pytest.mark.parametrize(
    ("speakers", "says"), [(None, "not all known"), (1, "without an interval"), (19, "rough with fewer than 20"), (20, "like these 20")]
)
def test_whom_intervals_speak_of(speakers: int | None, says: str) -> None:
    assert says in whom(speakers)


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


def test_a_median_by_speakers_lies_between_the_values_where_their_share_ends() -> None:
    """With one recording a speaker it is nearly that of order statistics; with ten alike ones it is far wider."""
    rng = np.random.default_rng(2)
    values = rng.normal(size=200)
    alone, each = median(values), median(values, list(range(200)))
    assert (each.low, each.high) == pytest.approx((alone.low, alone.high), abs=0.05)
    alike = median(np.repeat(values[:20], 10), [i // 10 for i in range(200)])
    assert alike.high - alike.low > 1.5 * (alone.high - alone.low)
    assert math.isnan(median(values, ["one"] * 200).low)
