"""Is a relabelling believed where it is the fault, and not where a model confuses words?"""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from robustness.checks.label_order import answer_table, believed_moves, best_relabelling

LABELS = 5


def answered(order: list[int], each: int, wrong: int = 0, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """So many recordings of each label, answered under its place in an order, some of them by chance; truth, answers and margins."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(len(order)), each)
    answers, margins = np.asarray(order)[truth], np.full(len(truth), 4.0)
    places = rng.choice(len(truth), wrong, replace=False)
    answers[places], margins[places] = rng.integers(0, len(order), wrong), 0.5
    return truth, answers, margins


def test_the_best_relabelling_is_the_best_of_all() -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        table = rng.integers(0, 9, (LABELS, LABELS))
        slow = max(sum(table[i, place] for i, place in enumerate(order)) for order in permutations(range(LABELS)))
        assert table[np.arange(LABELS), best_relabelling(table)].sum() == slow


@pytest.mark.parametrize(
    ("order", "each", "wrong", "moved"),
    [
        ([0, 1, 2, 3, 4], 4, 0, set()),
        ([0, 1, 2, 3, 4], 4, 6, set()),
        ([1, 0, 2, 3, 4], 4, 0, {0, 1}),
        ([1, 0, 2, 3, 4], 4, 3, {0, 1}),
        ([1, 2, 3, 4, 0], 2, 1, {0, 1, 2, 3, 4}),
        ([4, 3, 2, 1, 0], 4, 4, {0, 1, 3, 4}),
        ([1, 1, 2, 3, 4], 6, 0, set()),  # one label is always taken for another
        ([0, 0, 0, 0, 0], 6, 0, set()),  # one answer
    ],
)
def test_moves(order: list[int], each: int, wrong: int, moved: set[int]) -> None:
    moves = believed_moves(*answered(order, each, wrong), len(order))
    assert set(moves) == moved
    assert all(order[a] == b for a, b in moves.items())


def test_hesitant_confusions_are_none() -> None:
    truth, answers, margins = answered([1, 0, 2, 3, 4], 4)
    margins[truth != answers] = 0.3
    assert believed_moves(truth, answers, margins, LABELS) == {}


def test_chance_seldom_moves_a_label() -> None:
    falsely = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        truth = np.repeat(np.arange(11), 4)
        answers = np.where(rng.random(len(truth)) < 0.5, truth, rng.integers(0, 11, len(truth)))
        falsely += bool(believed_moves(truth, answers, np.ones(len(truth)), 11))
    assert falsely == 0


def test_the_table_counts() -> None:
    table = answer_table(np.asarray([0, 0, 1]), np.asarray([1, 1, 0]), 2)
    assert table.tolist() == [[0, 2], [1, 0]]
