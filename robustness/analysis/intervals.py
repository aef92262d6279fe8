"""How sure a number is: intervals and paired tests over recordings.

The unit is the recording. Draws of one condition give a recording a score in [0, 1] and never count as more recordings. With 20 or more
speakers known, speakers are resampled, for the recordings of one speaker are alike. Loads no torch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, stats

CONFIDENCE: Final = 0.95
FEWEST_SPEAKERS: Final = 20  # resampling fewer clusters than this gives intervals that are too narrow
RESAMPLES: Final = 2000
ALIKE: Final = 1e-9  # means that differ by less differ by rounding
SEED: Final = 0

Floats = NDArray[np.float64]


class Estimate(NamedTuple):
    """A number with its interval, and how many recordings (or windows) it rests on; NaN where there are none."""

    value: float
    low: float
    high: float
    total: int


class PairedChange(NamedTuple):
    """The same recordings answered twice: how many changed which way, and what that says.

    `difference` is accuracy after minus accuracy before; `p_value` is McNemar's, exact.
    """

    right_to_wrong: int
    wrong_to_right: int
    recordings: int
    difference: Estimate
    p_value: float


UNKNOWN: Final = Estimate(math.nan, math.nan, math.nan, 0)


def wilson(right: float, count: int, confidence: float = CONFIDENCE) -> Estimate:
    """Wilson's score interval of a proportion (1927).

    `right` may be a sum of scores in [0, 1]: a score with mean p varies at most as much as a yes or no with chance p, so that the
    interval for `count` recordings is then never too narrow, however many draws made the scores.

    Args:
        right: how many, or the sum of the scores.
        count: of how many recordings.
        confidence: of the two-sided interval.

    Raises:
        ValueError: where `right` is not within 0 and `count`.
    """
    if count == 0:
        return UNKNOWN
    if not 0 <= right <= count:
        raise ValueError(f"{right} right of {count} recordings is no proportion")
    z = float(stats.norm.ppf(0.5 + confidence / 2))
    share, weight = right / count, z * z / count
    center = (share + weight / 2) / (1 + weight)
    half = z / (1 + weight) * math.sqrt(share * (1 - share) / count + weight / (4 * count))
    low = 0.0 if right == 0 else center - half
    high = 1.0 if right == count else center + half
    return Estimate(share, low, high, count)


@lru_cache(maxsize=32)
def _weights(speakers: int, seed: int) -> Floats:
    """How often each speaker is drawn in each resample, [resamples speakers]; the same for every condition, so that curves are paired."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(speakers, np.full(speakers, 1 / speakers), size=RESAMPLES).astype(float)


def by_speaker(scores: ArrayLike, speakers: Sequence[object], *, confidence: float = CONFIDENCE, seed: int = SEED) -> Estimate:
    """A mean score whose interval resamples whole speakers (cluster bootstrap, percentiles).

    Where the means of all speakers are alike, resampling would return an interval of no width; then it is Wilson's with one vote a speaker.

    Args:
        scores: one a recording, [recordings].
        speakers: who says each, [recordings].
        confidence: of the two-sided interval.
        seed: of the resampling.
    """
    values = np.asarray(scores, dtype=float)
    speaker, names = pd.factorize(np.asarray([str(s) for s in speakers], dtype=object), sort=True)
    own = np.bincount(speaker, values) / np.bincount(speaker)
    if np.ptp(own) < ALIKE:
        one_vote = wilson(float(np.clip(own.mean(), 0, 1)) * len(names), len(names), confidence)
        return one_vote._replace(total=len(values))
    weights = _weights(len(names), seed)
    means = (weights @ np.bincount(speaker, values)) / (weights @ np.bincount(speaker))
    low, high = np.quantile(means, [0.5 - confidence / 2, 0.5 + confidence / 2])
    return Estimate(float(values.mean()), float(low), float(high), len(values))


def mean_score(
    scores: ArrayLike, speakers: Sequence[object] | None = None, *, confidence: float = CONFIDENCE, seed: int = SEED
) -> Estimate:
    """The mean of the recordings' scores, with an interval for recordings, or for speakers where 20 or more are known.

    Args:
        scores: one a recording, in [0, 1], [recordings]; NaN where there is none is left out.
        speakers: who says each; None where any is not known.
        confidence: of the two-sided interval.
        seed: of the resampling.
    """
    values = np.asarray(scores, dtype=float)
    known = ~np.isnan(values)
    if speakers is not None and many_speakers(speakers):
        kept = [speaker for speaker, keep in zip(speakers, known, strict=True) if keep]
        if many_speakers(kept):
            return by_speaker(values[known], kept, confidence=confidence, seed=seed)
    return wilson(float(np.clip(values[known].sum(), 0, known.sum())), int(known.sum()), confidence)


def many_speakers(speakers: Sequence[object]) -> bool:
    """Whether every speaker is known and they are enough to be resampled."""
    return not pd.isna(np.asarray(speakers, dtype=object)).any() and len(set(speakers)) >= FEWEST_SPEAKERS


def mcnemar(right_to_wrong: int, wrong_to_right: int) -> float:
    """McNemar's exact two-sided p-value (1947): a binomial test of one half on the recordings that changed; 1 where none did."""
    changed = right_to_wrong + wrong_to_right
    return 1.0 if changed == 0 else float(stats.binomtest(right_to_wrong, changed, 0.5).pvalue)


def _tango_variance(delta: float, gained: float, lost: float, count: int) -> float:
    """The variance of gained − lost under a true difference of `delta`, with the discordant share at its likeliest (Tango 1998)."""
    b = (2 * count - gained + lost) * delta - gained - lost
    discordant = (math.sqrt(max(0.0, b * b + 8 * count * lost * delta * (1 - delta))) - b) / (4 * count)
    return max(0.0, count * (2 * discordant + delta * (1 - delta)))


def paired_difference(gained: float, lost: float, count: int, confidence: float = CONFIDENCE) -> Estimate:
    """Tango's score interval of a difference between two paired proportions (Statistics in Medicine 17, 1998).

    Without one recording that changed it is as wide as Wilson's for none in `count`; a bootstrap would return no width at all.

    Args:
        gained: recordings that turned from wrong to right.
        lost: recordings that turned from right to wrong.
        count: all recordings.
        confidence: of the two-sided interval.
    """
    if count == 0:
        return UNKNOWN
    z = float(stats.norm.ppf(0.5 + confidence / 2))
    difference = (gained - lost) / count
    low = -_furthest(lost, gained, count, z)
    return Estimate(difference, low, _furthest(gained, lost, count, z), count)


def _furthest(gained: float, lost: float, count: int, z: float) -> float:
    """The largest true difference whose score statistic stays within z."""
    nearest = (gained - lost) / count + 1e-9  # at the estimate itself the statistic is 0 / 0 where nothing changed

    def beyond(delta: float) -> float:
        return count * delta - (gained - lost) - z * math.sqrt(_tango_variance(delta, gained, lost, count))

    if nearest >= 1 or beyond(1.0) <= 0:
        return 1.0
    return float(optimize.brentq(beyond, nearest, 1.0, xtol=1e-12))


def paired_change(
    before: ArrayLike, after: ArrayLike, speakers: Sequence[object] | None = None, *, confidence: float = CONFIDENCE
) -> PairedChange:
    """What changed between two answers to the same recordings; with 20 or more speakers the wider of Tango's interval and theirs.

    Args:
        before: whether each was right, [recordings].
        after: the same, in the same order.
        speakers: who says each; None where any is not known.
        confidence: of the interval of the difference.
    """
    first, second = np.asarray(before, dtype=bool), np.asarray(after, dtype=bool)
    lost, gained = int((first & ~second).sum()), int((~first & second).sum())
    found = paired_difference(gained, lost, len(first), confidence)
    if speakers is not None and many_speakers(speakers):
        theirs = _difference_by_speaker(second.astype(float) - first, speakers, confidence)
        found = found._replace(low=min(found.low, theirs.low), high=max(found.high, theirs.high))
    return PairedChange(lost, gained, len(first), found, mcnemar(lost, gained))


def _difference_by_speaker(changes: Floats, speakers: Sequence[object], confidence: float) -> Estimate:
    """Whole speakers resampled; Tango's with one vote a speaker where all speakers changed alike, for resampling would give no width."""
    names, speaker = np.unique(np.asarray([str(s) for s in speakers]), return_inverse=True)
    if np.ptp(np.bincount(speaker, changes) / np.bincount(speaker)) >= ALIKE:
        return by_speaker(changes, speakers, confidence=confidence)
    votes = len(names) / len(changes)
    return paired_difference((changes > 0).sum() * votes, (changes < 0).sum() * votes, len(names), confidence)


def poisson_rate(events: int, exposure: float, confidence: float = CONFIDENCE) -> Estimate:
    """Events per unit of exposure with the exact interval of a Poisson count (Garwood 1936).

    Args:
        events: how many were seen.
        exposure: in how much, such as hours.
        confidence: of the two-sided interval.

    Returns:
        The rate; `total` is the number of events.
    """
    if exposure <= 0:
        return UNKNOWN
    tail = (1 - confidence) / 2
    low = 0.0 if events == 0 else float(stats.chi2.ppf(tail, 2 * events)) / 2
    high = float(stats.chi2.ppf(1 - tail, 2 * events + 2)) / 2
    return Estimate(events / exposure, low / exposure, high / exposure, events)


def median(values: ArrayLike, confidence: float = CONFIDENCE) -> Estimate:
    """A median with its distribution-free interval: the order statistics between which it lies with at least that confidence.

    With fewer than six values no two of them do at 95 %, and the ends are unknown.

    Args:
        values: independent ones, such as ratios of paired times.
        confidence: of the two-sided interval.
    """
    ordered = np.sort(np.asarray(values, dtype=float))
    count = len(ordered)
    if count == 0:
        return UNKNOWN
    below = int(stats.binom.ppf(0.5 - confidence / 2, count, 0.5))  # P(fewer than this many lie under the median) is within the tail
    low, high = (ordered[below - 1], ordered[count - below]) if below > 0 else (math.nan, math.nan)
    return Estimate(float(np.median(ordered)), float(low), float(high), count)


def signed_rank(changes: ArrayLike) -> float:
    """Wilcoxon's signed-rank p-value (1945) that paired changes are symmetric about zero; 1 where none changed."""
    values = np.asarray(changes, dtype=float)
    return 1.0 if not values.any() else float(stats.wilcoxon(values).pvalue)
