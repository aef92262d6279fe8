"""Are the labels in another order than in training: permuted, two of them exchanged, or shifted by one?

The best one-to-one relabelling of the answers is that of the linear assignment problem on the table of answers (Kuhn 1955). It is believed
where it gains two recordings or more and half of the errors (of the labels that it moves, if most others are in order), where most
recordings of these are then right, as confidently as others are, and where wrong answers by chance would seldom gain as much.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
import scipy  # its `optimize` at its first use: to import it takes a quarter of a second
from numpy.typing import NDArray

from robustness.analysis.outcomes import Bools, Places
from robustness.audio.files import some
from robustness.checks.base import CHECKS, Check
from robustness.checks.model_under_test import ModelUnderTest
from robustness.run.checks import Finding
from robustness.seeds import seed_of

LabelTable = NDArray[np.int64]
LEAST_GAIN: Final = 2  # recordings
IN_ORDER: Final = 0.7  # of the recordings of labels that do not move, so many are right
DRAWS: Final = 400
CHANCE: Final = 0.05
CONFIDENT: Final = 0.5  # of the median margin of right answers
FEW: Final = 3  # right answers, below which they say nothing of how confident one is


@CHECKS.register
@dataclass(frozen=True)
class LabelOrder(Check):
    """Labels in another order."""

    name: ClassVar[str] = "label-order"
    order: ClassVar[int] = 10

    def find(self, model: ModelUnderTest) -> Iterator[Finding]:
        """The relabelling under which the answers are right, if there is one."""
        labels = model.classifier.labels
        here = model.truth >= 0
        truth, answers = model.truth[here], model.answers[here]
        if not model.classifier.point.contest or len(labels) < 2 or not here.any():
            return
        moves = believed_moves(truth, answers, _margins(model)[here], len(labels))
        if moves:
            yield _finding(labels, moves, truth, answers)


def believed_moves(truth: Places, answers: Places, margins: NDArray[np.float64], labels: int) -> dict[int, int]:
    """By the place of a label: the place under which its recordings are answered, for the labels that are not in their place.

    Args:
        truth: the place of each recording's label, [clips].
        answers: the place of each answer, [clips].
        margins: by how much each answer won, [clips].
        labels: how many there are.
    """
    table = answer_table(truth, answers, labels)
    moves = {a: b for cycle in _cycles(best_relabelling(table)) for a, b in cycle.items() if _mostly_right(table, cycle)}
    gained = gain_of(table, moves)
    if gained < LEAST_GAIN or 2 * gained < _errors(table, moves) or not _confident(truth, answers, margins, moves):
        return {}
    return moves if _chance(truth, answers, labels, gained) <= CHANCE else {}


def answer_table(truth: Places, answers: Places, labels: int) -> LabelTable:
    """How often each label is answered with each, [labels labels]."""
    table = np.zeros((labels, labels), dtype=np.int64)
    np.add.at(table, (truth, answers), 1)
    return table


def best_relabelling(table: LabelTable) -> Places:
    """Under which label each is answered, one to one, so that most answers are right; a label stays where nothing is gained, [labels]."""
    stays = np.eye(len(table)) * 0.5 / (len(table) + 1)
    _, found = scipy.optimize.linear_sum_assignment(table + stays, maximize=True)
    return np.asarray(found, dtype=np.int64)


def gain_of(table: LabelTable, moves: Mapping[int, int]) -> int:
    """How many more answers are right with labels moved."""
    return sum(int(table[a, b] - table[a, a]) for a, b in moves.items())


def _cycles(relabelling: Places) -> list[dict[int, int]]:
    """A relabelling in parts that move labels among themselves; what stays is left out."""
    left = {a: int(b) for a, b in enumerate(relabelling) if a != b}
    cycles = []
    while left:
        at = next(iter(left))
        cycle = {}
        while at in left:
            cycle[at] = left.pop(at)
            at = cycle[at]
        cycles.append(cycle)
    return cycles


def _errors(table: LabelTable, moves: Mapping[int, int]) -> int:
    """How many errors are to be explained: those of the labels that move if the others are in order, or else all."""
    wrong = table.sum(1) - np.diag(table)
    moved = [a for a in range(len(table)) if a in moves]
    others = [a for a in range(len(table)) if a not in moves]
    in_order = float(np.diag(table)[others].sum()) >= IN_ORDER * float(table[others].sum())
    return int(wrong[moved].sum() if in_order else wrong.sum())


def _mostly_right(table: LabelTable, cycle: Mapping[int, int]) -> bool:
    """Whether most recordings of labels that move together are right then, and few were before.

    One label alone that is answered as another may be a confusion, such as a word that is always rejected: two are needed.
    """
    moved = [a for a, b in cycle.items() if table[a].any() and 2 * table[a, b] > table[a].sum()]
    if len(moved) < 2:
        return False
    spoken = sum(int(table[a].sum()) for a in cycle)
    after, before = sum(int(table[a, b]) for a, b in cycle.items()), sum(int(table[a, a]) for a in cycle)
    return 2 * after > spoken and 2 * before < after


def _confident(truth: Places, answers: Places, margins: NDArray[np.float64], moves: Mapping[int, int]) -> bool:
    """Whether answers that would be right are given as confidently as right ones are: confusions are not."""
    renamed: Bools = np.asarray([moves.get(a) == b for a, b in zip(truth.tolist(), answers.tolist(), strict=True)])
    right = truth == answers
    if right.sum() < FEW:
        return True
    return float(np.median(margins[renamed])) >= CONFIDENT * float(np.median(margins[right]))


def _chance(truth: Places, answers: Places, labels: int, gained: int) -> float:
    """How often wrong answers drawn among the other labels would gain as much: a test by simulation, no less than 1 in `DRAWS` + 1."""
    rng = np.random.default_rng(seed_of("label order"))
    wrong = np.flatnonzero(truth != answers)
    as_much = 0
    for _ in range(DRAWS):
        drawn = answers.copy()
        drawn[wrong] = (truth[wrong] + rng.integers(1, labels, len(wrong))) % labels
        table = answer_table(truth, drawn, labels)
        best = best_relabelling(table)
        as_much += int(table[np.arange(labels), best].sum() - np.trace(table)) >= gained
    return (1 + as_much) / (1 + DRAWS)


def _margins(model: ModelUnderTest) -> NDArray[np.float64]:
    top = model.logits.double().topk(2, dim=1).values
    found: NDArray[np.float64] = (top[:, 0] - top[:, 1]).numpy()
    return found


def _finding(labels: tuple[str, ...], moves: Mapping[int, int], truth: Places, answers: Places) -> Finding:
    before = int((truth == answers).sum())
    table = answer_table(truth, answers, len(labels))
    after = before + gain_of(table, moves)
    mended = list(labels)
    for said, answered in moves.items():
        mended[answered] = labels[said]
    pairs = [f"{labels[a]} as {labels[b]}" for a, b in moves.items() if table[a].any()]
    counts = (
        f"{before} of {len(truth)} recordings {'is' if before == 1 else 'are'} recognised with the card's order, and {after} with another"
    )
    how = _how(labels, moves)
    sorted_too = ", which is alphabetical" if mended == sorted(mended) and list(labels) != sorted(labels) else ""
    change = f"labels = [{', '.join(chr(34) + name + chr(34) for name in mended)}]{sorted_too}"
    return Finding(
        "label-order",
        f"{how}: {counts}: the model answers {some(pairs, len(pairs))}",
        f"write the labels in the order of the network's outputs: {change}",
        about="labels in another order",
        evidence={"right": before, "right_with_other_order": after, "of": len(truth), "labels": mended, "answered_as": pairs},
    )


def _how(labels: tuple[str, ...], moves: Mapping[int, int]) -> str:
    """Exchanged, shifted by one, or permuted."""
    steps = {(b - a) % len(labels) for a, b in moves.items()}
    if len(moves) == 2 and set(moves) == set(moves.values()):
        a, b = (labels[place] for place in moves)
        return f"the labels {a} and {b} are exchanged"
    close = [b - a for a, b in moves.items()]
    for step, way in ((1, "later"), (len(labels) - 1, "earlier")):
        if steps == {step} or (len(moves) > 2 and sum(gap % len(labels) == step for gap in close) >= len(moves) - 1):
            return f"the labels are shifted by one: each is answered one place {way}"
    return f"{len(moves)} labels are in another order"
