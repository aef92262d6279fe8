from __future__ import annotations

import numpy as np
import pytest

from robustness.streaming.curve import operating_curve
from robustness.streaming.figures import figures_of
from robustness.streaming.matching import Timeline, match
from robustness.streaming.rules.plain import Plain
from robustness.streaming.spans import Word
from tests.streaming.planted import scores


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("window", "refractory_ms"), [(1, 100.0), (3, 0.0), (1, 1000.0)])
def test_the_curve_is_the_rule_at_every_threshold(seed: int, window: int, refractory_ms: float) -> None:
    rng = np.random.default_rng(seed)
    take = scores(rng.dirichlet([0.5, 0.5, 0.5], size=300).tolist())
    words = [Word(str(rng.choice(["yes", "no", "seven"])), at, at + 200.0) for at in range(500, 5500, 700)]
    timeline = Timeline.of(words, ("yes", "no"), take.duration_ms, 300.0)
    curve = operating_curve([take], [timeline], window, refractory_ms)
    edges = curve.thresholds
    between = (edges[1:] + edges[:-1]) / 2
    for threshold in [*edges[::7].tolist(), *between[::11].tolist()]:
        found = figures_of([match(Plain(float(threshold), window, refractory_ms).decide(take), timeline)])
        place = curve.at(float(threshold))
        assert (curve.hits[place], curve.wrong_words[place], curve.false_alarms[place]) == (
            found.hits,
            found.wrong_words,
            found.false_alarms,
        )


def test_above_all_scores_nothing_is_said() -> None:
    take = scores([[0.5, 0.2, 0.3]] * 10)
    curve = operating_curve([take], [Timeline.of([], ("yes", "no"), take.duration_ms, 0.0)])
    assert curve.at(0.6) == -1
    assert curve.false_alarms[curve.at(0.5)] == 1


def test_the_threshold_for_a_budget_has_the_most_hits_within_it() -> None:
    take = scores([[0.9, 0, 0.1], [0, 0, 1], [0.7, 0, 0.3], [0, 0, 1], [0.8, 0, 0.2]])
    timeline = Timeline.of([Word("yes", 0, 21), Word("yes", 41, 70)], ("yes", "no"), 3_600_000, 0.0)
    curve = operating_curve([take], [timeline], 1, 0.0)
    place = curve.within(0.5)
    assert (curve.thresholds[place], curve.hits[place]) == (np.float32(0.9), 1)  # 0.7 would hit both, with an alarm at 0.8
