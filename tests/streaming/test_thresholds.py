from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from robustness.analysis.outcomes import OperatingPoint
from robustness.streaming.matching import Timeline
from robustness.streaming.scores import Scores
from robustness.streaming.spans import Word
from robustness.streaming.thresholds import NEVER, StreamPart, one_threshold, own_curve, own_thresholds

HOUR_MS = 3_600_000.0


def part(seed: int, labels: tuple[str, ...] = ("yes", "no", "up")) -> StreamPart:
    """An hour with answers at words and at a few other moments, far apart; the first labels are surer of what is no word."""
    rng = np.random.default_rng(seed)
    times, rows, words = [], [], []
    for at in range(60):
        place = int(rng.integers(len(labels)))
        score = float(rng.integers(1, 20)) / 20
        time = 20_000.0 * (at + 1)
        if rng.random() < 0.6:
            words.append(Word(labels[place], time - 500, time - 100))
        times.append(time)
        rows.append([score if place == one else 0.0 for one in range(len(labels))] + [1 - score])
    point = OperatingPoint(frozenset({"unknown"}), contest=False)
    scores = Scores("made", (*labels, "unknown"), np.asarray(times), np.asarray(rows, np.float32), HOUR_MS, 1000.0, point)
    return StreamPart([scores], [Timeline.of(words, labels, HOUR_MS, 1000.0)])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("budget", [1.0, 3.0, 8.0])
def test_thresholds_of_commands_are_the_best_of_all_that_could_be(seed: int, budget: float) -> None:
    made = part(seed)
    found = own_thresholds(made, budget, 1000.0)
    figures = made.figures(found or dict.fromkeys(made.commands, NEVER), 1000.0)
    allowed = budget * made.timelines[0].hours
    assert figures.false_alarms <= allowed
    tried = [[NEVER, *own_curve(made, label, 1000.0).thresholds.tolist()] for label in made.commands]
    every = (
        made.figures(dict(zip(made.commands, one, strict=True)), 1000.0)
        for one in product(*(row[:: max(1, len(row) // 6)] for row in tried))
    )
    assert figures.hits >= max(one.hits for one in every if one.false_alarms <= allowed)
    alone = one_threshold(made, budget, 1000.0)
    assert figures.hits >= (made.figures(alone, 1000.0).hits if alone else 0)


def test_the_figures_of_commands_add_up() -> None:
    made = part(1)
    found = own_thresholds(made, 5.0, 1000.0)
    rows, all_ = made.by_label(found, 1000.0), made.figures(found, 1000.0)
    assert (sum(row.words for row in rows), sum(row.hits for row in rows)) == (all_.words, all_.hits)
    assert sum(row.false_alarms for row in rows) == all_.false_alarms
    assert [row.missed.value for row in rows] == pytest.approx([1 - row.hits / row.words for row in rows])
