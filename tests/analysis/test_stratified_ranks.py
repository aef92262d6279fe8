"""Whether values are compared within their strata alone, against every way to deal them out and scipy's test of one stratum."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from robustness.analysis.stratified_ranks import Value, stratified_rank_sum


def drawn(seed: int, sizes: dict[str, int], *, more: float = 0.0, whole: bool = False) -> list[Value]:
    random = np.random.default_rng(seed)
    values: list[Value] = [(word, 10 * len(word) + more + float(random.normal())) for word, size in sizes.items() for _ in range(size)]
    return [(word, round(value)) for word, value in values] if whole else values


@pytest.mark.parametrize("whole", [False, True])
def test_of_one_stratum_it_is_mann_and_whitneys(whole: bool) -> None:
    here, there = drawn(1, {"up": 14}, more=0.8, whole=whole), drawn(2, {"up": 11}, whole=whole)
    found = stratified_rank_sum(here, there)
    theirs = stats.mannwhitneyu([v for _, v in here], [v for _, v in there], method="asymptotic", use_continuity=False)
    assert found.p == pytest.approx(float(theirs.pvalue), rel=1e-9)
    ties = sum(a == b for _, a in here for _, b in there)
    assert (found.of, found.higher + found.lower) == (14 * 11, 14 * 11 - ties)
    assert found.higher + ties / 2 == float(theirs.statistic)
    assert found.shift == np.median([a - b for _, a in here for _, b in there])


def test_p_is_near_that_of_all_ways_to_deal_the_values_out() -> None:
    here, there = drawn(3, {"up": 4, "left": 3}, more=1.2), drawn(4, {"up": 4, "left": 4})
    words = {"up": (4, 4), "left": (3, 4)}

    def beyond(chosen: dict[str, tuple[int, ...]], pooled: dict[str, list[float]]) -> float:
        total = 0.0
        for word, values in pooled.items():
            ours, rest = chosen[word], set(range(len(values))) - set(chosen[word])
            u = sum((values[i] > values[j]) + (values[i] == values[j]) / 2 for i in ours for j in rest)
            total += (u - len(ours) * len(rest) / 2) / (len(values) + 1)
        return total

    pooled = {word: [v for w, v in here if w == word] + [v for w, v in there if w == word] for word in words}
    seen = beyond({word: tuple(range(n)) for word, (n, _) in words.items()}, pooled)
    ways = [
        beyond({"up": up, "left": left}, pooled)
        for up in combinations(range(8), words["up"][0])
        for left in combinations(range(7), words["left"][0])
    ]
    exact = np.mean([abs(way) >= abs(seen) - 1e-9 for way in ways])
    assert stratified_rank_sum(here, there).p == pytest.approx(exact, abs=0.02)


def test_what_only_the_strata_differ_in_is_no_difference() -> None:
    here, there = drawn(5, {"up": 3, "seven": 20}), drawn(6, {"up": 20, "seven": 3})
    assert stats.mannwhitneyu([v for _, v in here], [v for _, v in there]).pvalue < 1e-3  # longer words are longer
    assert stratified_rank_sum(here, there).p > 0.05


@pytest.mark.parametrize(("here", "there"), [([], []), ([("up", 1.0)], [("left", 2.0)]), ([("up", 1.0)] * 3, [("up", 1.0)] * 4)])
def test_nothing_to_compare_says_nothing(here: list[Value], there: list[Value]) -> None:
    assert stratified_rank_sum(here, there).p == 1.0


def test_it_is_the_same_to_the_last_digit_in_every_process() -> None:
    code = (
        "from robustness.analysis.stratified_ranks import stratified_rank_sum as f\n"
        "of = lambda k: [(f'word {i % 7}', (i * k % 101) / 7) for i in range(60)]\nprint(f(of(37), of(53)).p.hex())"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, "PYTHONHASHSEED": str(seed)}
        ).stdout
        for seed in range(6)
    }
    assert len(said) == 1


def test_by_chance_few_are_below_a_twentieth() -> None:
    sizes = {"up": 3, "left": 4, "seven": 5}
    below = sum(stratified_rank_sum(drawn(2 * k, sizes), drawn(2 * k + 1, sizes)).p < 0.05 for k in range(400))
    assert below <= stats.binom.ppf(0.999, 400, 0.05)
