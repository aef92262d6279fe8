"""Whether intervals that go by speakers are what they are said to be, against loops over every pattern and against populations."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import optimize, stats

from benchmarks.intervals import simulated
from robustness.analysis.clusters import (
    LEAST_CORRELATION,
    SPEAKERS_BEFORE,
    Floats,
    Sizes,
    correlation,
    difference_ends,
    error_design,
    share_ends,
)
from robustness.analysis.intervals import mean_change, mean_score, paired_difference, wilson

ALMOST = 1e-9
SOME_SIZES = [(4, 4, 4), (2, 3, 6), (1, 1, 5), (3, 3)]


def slow_correlation(values: list[list[float]]) -> float:
    """Between and within speakers, by the sums of squares of an analysis of variance."""
    everything = [value for one in values for value in one]
    n, k, mean = len(everything), len(values), sum(everything) / len(everything)
    means = [sum(one) / len(one) for one in values]
    among = sum(len(one) * (own - mean) ** 2 for one, own in zip(values, means, strict=True)) / (k - 1)
    within = sum((value - own) ** 2 for one, own in zip(values, means, strict=True) for value in one) / (n - k)
    usual = (n - sum(len(one) ** 2 for one in values) / n) / (k - 1)
    down = among + (usual - 1) * within
    return min(max((among - within) / down, 0.0), 1.0) if down > 0 else 0.0


def slow_design(errors: tuple[int, ...], sizes: tuple[int, ...]) -> float:
    found = slow_correlation([[1.0] * e + [0.0] * (m - e) for e, m in zip(errors, sizes, strict=True)])
    seen = min(sum(e > 0 for e in errors), sum(e < m for e, m in zip(errors, sizes, strict=True)))
    shrunk = (SPEAKERS_BEFORE * LEAST_CORRELATION + seen * found) / (SPEAKERS_BEFORE + seen)
    return 1 + (sum(m * m for m in sizes) / sum(sizes) - 1) * max(shrunk, LEAST_CORRELATION)


def slow_low(errors: tuple[int, ...], sizes: tuple[int, ...]) -> float:
    """Wilson's low end at n / deff, where the score statistic of the share is Student's quantile."""
    n = sum(sizes)
    share, count = 1 - sum(errors) / n, n / slow_design(errors, sizes)
    t = stats.t.ppf(0.975, len(sizes) - 1)
    if share == 0:
        return 0.0
    return float(optimize.brentq(lambda p: (share - p) - t * math.sqrt(p * (1 - p) / count), 0.0, share, xtol=1e-13))


def patterns(sizes: tuple[int, ...]) -> list[tuple[int, ...]]:
    return list(itertools.product(*(range(m + 1) for m in sizes)))


def low(errors: tuple[int, ...], sizes: tuple[int, ...]) -> float:
    m = np.asarray(sizes, dtype=float)
    return float(share_ends(m - np.asarray(errors), m, 0.95)[0])


@pytest.mark.parametrize("sizes", SOME_SIZES)
def test_the_correlation_is_that_of_an_analysis_of_variance(sizes: tuple[int, ...]) -> None:
    m = np.asarray(sizes, dtype=float)
    for errors in patterns(sizes):
        e = np.asarray(errors, dtype=float)
        squares, total = np.asarray((e**2 / m).sum()), np.asarray(e.sum())
        values = [[1.0] * k + [0.0] * (n - k) for k, n in zip(errors, sizes, strict=True)]
        assert correlation(squares, total, total, Sizes.of(m, 0.95)) == pytest.approx(slow_correlation(values), abs=1e-12)
        assert error_design(e, m, Sizes.of(m, 0.95)) == pytest.approx(slow_design(errors, sizes))


@pytest.mark.parametrize("sizes", SOME_SIZES)
def test_the_low_end_is_no_higher_than_that_of_any_pattern_with_fewer_errors(sizes: tuple[int, ...]) -> None:
    """Against the hull over every pattern; where the pattern itself is the least, it is that one's Wilson interval in most cases."""
    alike = 0
    slow = {errors: slow_low(errors, sizes) for errors in patterns(sizes)}
    for errors, own in slow.items():
        hull = min(slow[fewer] for fewer in itertools.product(*(range(e + 1) for e in errors)))
        assert low(errors, sizes) <= hull + ALMOST
        alike += low(errors, sizes) == pytest.approx(own, abs=1e-9)
    assert alike > 0.8 * len(slow)


@pytest.mark.parametrize("sizes", SOME_SIZES)
def test_one_more_error_never_raises_an_end(sizes: tuple[int, ...]) -> None:
    m = np.asarray(sizes, dtype=float)
    ends = {errors: share_ends(m - np.asarray(errors), m, 0.95) for errors in patterns(sizes)}
    for errors, (low, high) in ends.items():
        for speaker in range(len(sizes)):
            more = ends.get(tuple(e + (i == speaker) for i, e in enumerate(errors)))
            if more is not None:
                assert more[0] <= low + ALMOST
                assert more[1] <= high + ALMOST


@pytest.mark.parametrize("sizes", [(2, 3), (2, 2, 2), (1, 4)])
def test_one_more_lost_never_raises_an_end_of_a_difference_and_one_more_gained_never_lowers_one(sizes: tuple[int, ...]) -> None:
    m = np.asarray(sizes, dtype=float)
    each = [[(g, x) for g in range(n + 1) for x in range(n + 1 - g)] for n in sizes]
    ends = {}
    for pattern in itertools.product(*each):
        gained, lost = (np.asarray(part, dtype=float) for part in zip(*pattern, strict=True))
        ends[pattern] = difference_ends(gained, lost, m, 0.95)
    for pattern, (low, high) in ends.items():
        assert -1 <= low <= high <= 1
        for speaker, (g, x) in enumerate(pattern):
            for worse in ((g, x + 1), (g - 1, x), (g - 1, x + 1)):
                other = ends.get((*pattern[:speaker], worse, *pattern[speaker + 1 :]))
                if other is not None:
                    assert other[0] <= low + ALMOST
                    assert other[1] <= high + ALMOST


def test_random_steps_to_the_worse_never_raise_an_end() -> None:
    """Larger ones than can be enumerated: errors are added one by one, mostly to a few speakers."""
    rng = np.random.default_rng(4)
    sizes = np.maximum(1.0, np.round(rng.lognormal(2, 0.8, 25)))
    errors, before = np.zeros(25), (1.0, 1.0)
    while errors.sum() < 0.5 * sizes.sum():
        open_ = np.flatnonzero(errors < sizes)
        errors[rng.choice(open_, p=(w := np.exp(-open_ / 4)) / w.sum())] += 1
        low, high = (float(end) for end in share_ends(sizes - errors, sizes, 0.95))
        assert low <= before[0] + ALMOST
        assert high <= before[1] + ALMOST
        before = low, high


@pytest.mark.parametrize(("speakers", "clips"), [(20, 15), (60, 5), (2, 150), (300, 1)])
def test_no_error_is_no_wider_than_one(speakers: int, clips: int) -> None:
    """0 of 300 lost, and 1 of 300: what passes with one lost passes with none."""
    who = [i // clips for i in range(speakers * clips)]
    none, one = np.zeros(speakers * clips), np.eye(1, speakers * clips)[0]
    for rule in (mean_score, mean_change):
        values = (none, one) if rule is mean_score else (-none, -one)
        without, with_one = (rule(some, who) for some in values)
        assert without.high - without.low <= with_one.high - with_one.low
        ends = (without.high, with_one.high) if rule is mean_score else (-without.low, -with_one.low)
        assert ends[0] < ends[1]


def test_speakers_with_one_recording_each_are_independent_recordings() -> None:
    right = [1.0] * 33 + [0.0] * 2
    assert mean_score(right, list(range(35))) == pytest.approx(wilson(33, 35))
    changes = [1.0] * 3 + [-1.0] * 5 + [0.0] * 27
    assert mean_change(changes, list(range(35))) == pytest.approx(paired_difference(3, 5, 35))


def test_a_batch_is_its_rows() -> None:
    rng = np.random.default_rng(5)
    sizes = rng.integers(1, 9, (40, 12)).astype(float)
    lost: Floats = rng.binomial(sizes.astype(int), 0.2).astype(float)
    gained: Floats = rng.binomial((sizes - lost).astype(int), 0.1).astype(float)
    shares, differences = share_ends(sizes - lost, sizes, 0.9), difference_ends(gained, lost, sizes, 0.9)
    for i in range(40):
        assert [float(end[i]) for end in shares] == pytest.approx([float(e) for e in share_ends(sizes[i] - lost[i], sizes[i], 0.9)])
        alone = difference_ends(gained[i], lost[i], sizes[i], 0.9)
        assert [float(end[i]) for end in differences] == pytest.approx([float(e) for e in alone])


@pytest.mark.parametrize("what", ["share", "difference"])
@pytest.mark.parametrize(
    ("kind", "design", "rate", "correlation"),
    [("beta-binomial", (25, 20), 0.9, 0.3), ("unequal", (40, 5), 0.95, 0.2), ("bad speakers", (100, 5), 0.8, 0.3)],
)
def test_intervals_hold_in_populations(what: str, kind: str, design: tuple[int, int], rate: float, correlation: float) -> None:
    """A few cells of the benchmark, with fewer runs: the targets with three standard errors of room."""
    runs = 2000
    cell = simulated(what, kind, design, rate, correlation, runs=runs, seed=3)
    assert cell.coverage >= 0.93 - 3 * math.sqrt(0.93 * 0.07 / runs)
    assert cell.false_pass <= 0.035 + 3 * math.sqrt(0.035 * 0.965 / runs)


def test_intervals_that_ignore_speakers_do_not_hold_there() -> None:
    """So that the test above can fail."""
    rng = np.random.default_rng(6)
    chances = rng.beta(0.9 * 7 / 3, 0.1 * 7 / 3, (500, 25))
    right = rng.binomial(20, chances).sum(axis=1)
    ends = [wilson(int(k), 500) for k in right]
    assert np.mean([end.low <= 0.9 <= end.high for end in ends]) < 0.75
