"""Do the values of one group lie above those of another, where only what is of one kind is compared?

The stratified rank-sum test: Mann and Whitney's U of each stratum, such as a word, less what is expected, over the number of its values
plus one (van Elteren 1960, Bulletin of the International Statistical Institute 37; Lehmann 1975, Nonparametrics, 3.3), against a normal
distribution; ties count half and lessen the variance. Loads no torch.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

Value = tuple[Hashable, float]  # of a stratum


class PairedRanks(NamedTuple):
    """In how many pairs of one stratum a value of the group is higher and lower than one of the others, of how many, and p of the test."""

    higher: int
    lower: int
    of: int
    p: float


def stratified_rank_sum(group: Sequence[Value], others: Sequence[Value]) -> PairedRanks:
    """Compares two groups; p is 1 where no stratum has values of both, or all are alike.

    Args:
        group: its values, each with its stratum.
        others: theirs.
    """
    here, there = _by_stratum(group), _by_stratum(others)
    higher = lower = pairs = 0
    beyond = variance = 0.0
    for stratum in here.keys() & there.keys():
        ours, theirs = np.array(here[stratum]), np.array(there[stratum])
        above, below = int((ours[:, None] > theirs).sum()), int((ours[:, None] < theirs).sum())
        together = len(ours) + len(theirs)
        ranks = stats.rankdata(np.r_[ours, theirs])
        weight = 1 / (together + 1)
        beyond += weight * (above - below) / 2
        variance += weight**2 * len(ours) * len(theirs) / (together * (together - 1)) * float(((ranks - ranks.mean()) ** 2).sum())
        higher, lower, pairs = higher + above, lower + below, pairs + len(ours) * len(theirs)
    p = float(2 * stats.norm.sf(abs(beyond) / math.sqrt(variance))) if variance else 1.0
    return PairedRanks(higher, lower, pairs, p)


def _by_stratum(values: Sequence[Value]) -> dict[Hashable, list[float]]:
    found: dict[Hashable, list[float]] = defaultdict(list)
    for stratum, value in values:
        found[stratum].append(value)
    return found
