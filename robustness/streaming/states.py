"""Does it matter what came before? How many words are hit from each state that a device may be in when they are said. Loads no torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, get_args

from robustness.analysis.intervals import Estimate, mcnemar, wilson

StartingState = Literal[
    "cold start", "after a second of silence", "after a second of noise", "after another word", "re-armed after a trigger"
]
STATES: Final[tuple[StartingState, ...]] = get_args(StartingState)


class AfterState(NamedTuple):
    """One word from one state.

    Attributes:
        hit: whether it is hit.
        wrong: whether another command is said during it.
    """

    hit: bool
    wrong: bool


class StateFigures(NamedTuple):
    """The words of one state.

    Attributes:
        state: which.
        words: that were asked from it.
        hits: of them.
        wrong: during which another command was said.
        lost: hit from a cold start, and not from here.
        gained: hit from here, and not from a cold start.
    """

    state: StartingState
    words: int
    hits: int
    wrong: int
    lost: int
    gained: int

    @property
    def rate(self) -> Estimate:
        """The share that is hit."""
        return wilson(self.hits, self.words)

    @property
    def p_value(self) -> float:
        """That it is as a cold start, by McNemar's exact test on the words asked from both."""
        return mcnemar(self.lost, self.gained)


def state_figures(found: Sequence[dict[StartingState, AfterState]]) -> list[StateFigures]:
    """The figures of each state that some word was asked from.

    Args:
        found: of each word, what becomes of it by state; a state that it could not be brought to is left out.
    """
    figures = []
    for state in STATES:
        mine = [(one[state], one.get("cold start")) for one in found if state in one]
        lost = sum(cold is not None and cold.hit and not after.hit for after, cold in mine)
        gained = sum(cold is not None and not cold.hit and after.hit for after, cold in mine)
        if mine:
            hits, wrong = sum(after.hit for after, _ in mine), sum(after.wrong for after, _ in mine)
            figures.append(StateFigures(state, len(mine), hits, wrong, lost, gained))
    return figures
