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
import scipy  # its `stats` at their first use: to import them takes half a second
from scipy.special import ndtr

Value = tuple[Hashable, float]  # of a stratum


class PairedRanks(NamedTuple):
    """Pairs of one stratum, a value of the group and one of the others.

    Attributes:
        higher: in how many the group's is higher.
        lower: in how many it is lower.
        of: how many there are.
        p: of the test.
        shift: the median difference, the group's less the others' (Hodges & Lehmann 1963, Annals of Mathematical Statistics 34); 0 of none.
    """

    higher: int
    lower: int
    of: int
    p: float
    shift: float


def stratified_rank_sum(group: Sequence[Value], others: Sequence[Value]) -> PairedRanks:
    """Compares two groups; p is 1 where no stratum has values of both, or all are alike.

    Args:
        group: its values, each with its stratum.
        others: theirs.
    """
    here, there = _by_stratum(group), _by_stratum(others)
    differences: list[np.ndarray] = [np.empty(0)]
    beyond = variance = 0.0
    for stratum in (one for one in here if one in there):  # in their order: sums of floats in another differ in their last digits
        ours, theirs = np.array(here[stratum]), np.array(there[stratum])
        each = (ours[:, None] - theirs).ravel()
        together = len(ours) + len(theirs)
        ranks = scipy.stats.rankdata(np.r_[ours, theirs])
        weight = 1 / (together + 1)
        beyond += weight * float(np.sign(each).sum()) / 2
        variance += weight**2 * len(ours) * len(theirs) / (together * (together - 1)) * float(((ranks - ranks.mean()) ** 2).sum())
        differences.append(each)
    p = float(2 * ndtr(-abs(beyond) / math.sqrt(variance))) if variance else 1.0
    pairs = np.concatenate(differences)
    return PairedRanks(int((pairs > 0).sum()), int((pairs < 0).sum()), len(pairs), p, float(np.median(pairs)) if len(pairs) else 0.0)


def _by_stratum(values: Sequence[Value]) -> dict[Hashable, list[float]]:
    found: dict[Hashable, list[float]] = defaultdict(list)
    for stratum, value in values:
        found[stratum].append(value)
    return found
