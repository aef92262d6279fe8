"""AUC of predictions from others, against loops that leave a pair and their speakers out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from robustness.analysis.ranking import Floats, Leaving, ranked


def slow(start: Floats, values: Floats, kinds: NDArray[np.intp], own: NDArray[np.intp], fails: NDArray[np.bool_]) -> float:
    """Every pair by itself: both predictions from recordings of their kind whose speakers are neither's."""
    wins = []
    for i in np.flatnonzero(fails):
        for j in np.flatnonzero(~fails):
            said = []
            for one in (i, j):
                others = [k for k in range(len(own)) if own[k] not in (own[i], own[j]) and kinds[k] == kinds[one]]
                known = [values[one, k] for k in others if math.isfinite(values[one, k])]
                said.append(start[one] + sum(known) / len(known) if len(known) >= 3 else math.nan)
            if not math.isnan(sum(said)):
                wins.append((said[0] < said[1]) + (said[0] == said[1]) / 2)
    return float(np.mean(wins))


@pytest.mark.parametrize("speakers", [40, 9])
def test_a_pair_and_its_speakers_are_left_out(speakers: int) -> None:
    rng = np.random.default_rng(2)
    own = np.arange(40) if speakers == 40 else rng.integers(0, speakers, 40)
    kinds, start, fails = rng.integers(0, 2, 40), rng.normal(size=40), np.arange(40) % 3 == 0
    values = np.where(rng.random((40, 40)) < 0.2, np.nan, rng.normal(size=(40, 40)) - 2.0 * fails[:, None])
    found = ranked(start, Leaving.of(values, kinds, own, 3), fails)
    assert found is not None
    assert found.value == pytest.approx(slow(start, values, kinds, own, fails))
    assert found.low < found.value < found.high


def test_a_mean_that_knows_nothing_ranks_by_chance() -> None:
    """With one left out at a time the mean of the others would rank all pairs the wrong way round: an AUC of 0."""
    fails = np.arange(30) < 10
    cost = np.where(fails, -1.0, 0.0)
    values = np.tile(cost, (30, 1))
    found = ranked(np.zeros(30), Leaving.of(values, np.zeros(30, int), np.arange(30), 3), fails)
    assert found is not None
    assert found.value == 0.5
    left_out = (cost.sum() - cost) / 29
    assert (left_out[:10, None] < left_out[None, 10:]).mean() == 0.0


def test_the_interval_of_a_fair_ranking_covers_one_half() -> None:
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(60):
        start, fails = rng.normal(size=60), rng.random(60) < 0.4
        found = ranked(start, Leaving.of(np.zeros((60, 60)), np.zeros(60, int), np.arange(60) // 2, 3), fails)
        assert found is not None
        covered += found.low <= 0.5 <= found.high
    assert covered >= 51


@pytest.mark.parametrize("failing", [4, 36])
def test_few_have_no_auc(failing: int) -> None:
    learnt = Leaving.of(np.zeros((40, 40)), np.zeros(40, int), np.arange(40), 3)
    assert ranked(np.arange(40.0), learnt, np.arange(40) < failing) is None
