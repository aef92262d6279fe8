"""Does the network lean to saying nothing? What its own answers at the reference placement say, with all recordings together.

Where many commands are missed there that a small bias on the rejection labels would bring back, the network leans; what that bias costs in
unknown words that are carried out is counted beside. A network that leans is told from a folder in which some recordings lack something by
the margins: the missed and the recognised are one population then, and the cut between them takes away no more of the spread than a cut
through a normal one would.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import ndtri

from robustness.analysis.outcomes import LEFT_ALONE, MISSED

FEWEST: Final = 5  # commands that would come back
LEAST: Final = 0.1  # of all commands
MOST: Final = 0.9  # of the missed commands come back by the lean
ONE_POPULATION: Final = 1.1  # times as much of the variance lies between the two sides, at most, as of a normal one that is cut there


class Lean(NamedTuple):
    """By how much a network leans to its rejection labels.

    Attributes:
        size: in logits.
        back: commands that come back at the reference without it.
        missed: commands that are missed there.
        commands: all commands.
        carried_out: unknown words that are carried out then.
        unknown: all unknown words that are left alone.
    """

    size: float
    back: int
    missed: int
    commands: int
    carried_out: int
    unknown: int


def lean_of(placed: pd.DataFrame, variant: str, reference: str, sizes: Sequence[float]) -> Lean | None:
    """The lean of a variant; None where there is none to speak of.

    Args:
        placed: the run's answers at each place.
        variant: whose.
        reference: the placement at which words normally lie.
        sizes: those that are tried, ascending.
    """
    rows = placed[(placed["variant"] == variant) & (placed["placement"] == reference)]
    if "command_margin" not in rows or not len(rows):
        return None
    margins = rows["command_margin"].astype(float)
    own = rows["command"].astype(str) == rows["label"].astype(str)
    commands = margins[own & margins.notna()].to_numpy()
    unknown = margins[(rows["outcome"] == LEFT_ALONE) & margins.notna()].to_numpy()
    if (
        int((rows["outcome"] == MISSED).sum()) < FEWEST
        or not (commands < 0).any()
        or not (commands > 0).any()
        or _split(commands) > ONE_POPULATION * _normal_split(float((commands < 0).mean()))
    ):
        return None
    found = [_at(size, commands, unknown) for size in sizes]
    best = next((one for one in found if one.back >= MOST * one.missed), None)
    return best if best is not None and best.back >= max(FEWEST, LEAST * best.commands) else None


def placement_cost(placed: pd.DataFrame, variant: str, reference: str, placement: str) -> float:
    """What a placement costs the median command that is recognised at the reference, in log-odds of the outcome margin; 0 where none is.

    Args:
        placed: the run's answers at each place.
        variant: whose.
        reference: the placement at which words normally lie.
        placement: another.
    """
    rows = placed[(placed["variant"] == variant) & (placed["label"].astype(str) == placed["command"].astype(str))]
    margins = [rows[rows["placement"] == where].set_index("recording")["outcome_margin"].astype(float) for where in (reference, placement)]
    cost = (margins[0] - margins[1]).dropna()
    return float(cost.median()) if len(cost) else 0.0


def _at(size: float, commands: np.ndarray, unknown: np.ndarray) -> Lean:
    back = int(((commands < 0) & (commands + size > 0)).sum())
    return Lean(size, back, int((commands < 0).sum()), len(commands), int((unknown + size > 0).sum()), len(unknown))


def _normal_split(missed: float) -> float:
    """The same of a normal one of which that share is missed: φ(z)² / (p (1 − p)), with z its quantile."""
    return float(np.exp(-(ndtri(missed) ** 2)) / (2 * np.pi * missed * (1 - missed)))


def _split(margins: np.ndarray) -> float:
    """The share of the variance that lies between those below 0 and those above."""
    low, high = margins[margins < 0], margins[margins >= 0]
    within = len(low) * low.var() + len(high) * high.var()
    whole = len(margins) * margins.var()
    return float(1 - within / whole) if whole > 0 else 0.0
