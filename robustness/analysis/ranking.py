"""How well does a prediction rank recordings that fail before those that do not? The area under the ROC curve, honest and with an interval.

Each pair of a failing and a good recording is ranked by predictions that know neither of the two, nor any recording of their speakers:
leave-pair-out, or leave-speaker-out where speakers are known (Airola et al. 2011, Computational Statistics & Data Analysis 55). With one
left out at a time the mean of the others moves against the one that is left out, and a prediction that knows nothing gets an AUC of 0.
The interval resamples speakers, or recordings where speakers are not known (percentiles). With fewer than five failing or five good ones
there is neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from robustness.analysis.intervals import CONFIDENCE, Estimate

FEWEST: Final = 5  # failing recordings, and good ones
RESAMPLES: Final = 2000
SEED: Final = 0

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Leaving:
    """Means over other recordings, without those of some speakers.

    Attributes:
        sums: of each recording's view of each speaker's values, [recordings speakers].
        counts: how many those are, [recordings speakers].
        own: the speaker of each recording, [recordings].
        least: how many others a mean needs.
    """

    sums: Floats
    counts: Floats
    own: Codes
    least: int

    @classmethod
    def of(cls, values: Floats, kinds: Codes, own: Codes, least: int) -> Leaving:
        """What each recording may learn of others of its kind.

        Args:
            values: of others, as each recording would use them, [recordings others]; NaN where there is none.
            kinds: known or unknown words, [recordings].
            own: the speaker of each, from 0 on, [recordings].
            least: how many others a mean needs.
        """
        usable = np.isfinite(values) & (kinds[:, None] == kinds[None, :])
        speakers = np.eye(int(own.max()) + 1)[own]
        return cls(np.where(usable, values, 0.0) @ speakers, usable @ speakers, own, least)

    def without(self, some: Codes, others: Codes) -> Floats:
        """Means for some recordings, without their own speakers and those of others, [some others]; NaN where too few are left."""
        rows = np.arange(len(self.own))
        total, count = (part.sum(axis=1) - part[rows, self.own] for part in (self.sums, self.counts))
        apart = self.own[some][:, None] != self.own[others][None, :]
        sums, counts = (np.where(apart, part[some][:, self.own[others]], 0.0) for part in (self.sums, self.counts))
        left = count[some][:, None] - counts
        return np.where(left >= self.least, (total[some][:, None] - sums) / np.maximum(left, 1), np.nan)


def ranked(start: Floats, learnt: Leaving, fails: NDArray[np.bool_]) -> Estimate | None:
    """The chance that a failing recording is predicted below a good one, ties counted half; None with too few of either.

    Args:
        start: what is known of each recording itself, to which the mean over others is added, [recordings].
        learnt: from the others.
        fails: which fail, [recordings].
    """
    failing, good = np.flatnonzero(fails), np.flatnonzero(~fails)
    if min(len(failing), len(good)) < FEWEST:
        return None
    low = start[failing][:, None] + learnt.without(failing, good)
    high = start[good][:, None] + learnt.without(good, failing)
    wins = np.where(np.isnan(low) | np.isnan(high.T), np.nan, (low < high.T) + (low == high.T) / 2)
    there = np.isfinite(wins)
    if not there.any():
        return None
    share, weight = np.where(there, wins, 0.0), there.astype(float)
    ends = _resampled(share, weight, learnt.own[failing], learnt.own[good])
    return Estimate(float(share.sum() / weight.sum()), *ends, len(fails))


def _resampled(share: Floats, weight: Floats, failing: Codes, good: Codes) -> tuple[float, float]:
    """The percentiles over resamples of speakers; resamples without a pair are left out."""
    speakers = int(max(failing.max(), good.max())) + 1
    there = np.union1d(failing, good)
    rng = np.random.default_rng(SEED)
    drawn = np.zeros((RESAMPLES, speakers))
    drawn[:, there] = rng.multinomial(len(there), np.full(len(there), 1 / len(there)), size=RESAMPLES)
    total, pairs = (((drawn[:, failing] @ part) * drawn[:, good]).sum(axis=1) for part in (share, weight))
    found = total[pairs > 0] / pairs[pairs > 0]
    low, high = np.quantile(found, [0.5 - CONFIDENCE / 2, 0.5 + CONFIDENCE / 2])
    return float(low), float(high)
