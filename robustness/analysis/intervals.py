"""How sure a number is: intervals and paired tests over recordings.

The unit is the recording. Draws of one condition give a recording a score in [0, 1] and never count as more recordings. Where every speaker
is known, the recordings of one speaker are alike, and counts are divided by the design effect that this has (clusters.py): there is one
rule for shares (`mean_score`) and one for paired differences (`mean_change`), and whatever prints or judges an interval calls them.
Recordings whose speakers are not all known count as independent; those of one speaker are no sample of a population, and have no interval.
Loads no torch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
import scipy  # its `stats` at their first use: to import them takes half a second
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaincinv, ndtri, stdtr

from robustness.analysis.clusters import (
    LEAST_CORRELATION,
    LEAST_OF_CHANGES,
    Sizes,
    difference_ends,
    error_design,
    share_ends,
    tango_low,
    wilson_low,
)

CONFIDENCE: Final = 0.95
FEWEST_SPEAKERS: Final = 20  # with fewer, the number of speakers is too small to say how alike each one's recordings are

Floats = NDArray[np.float64]


class Estimate(NamedTuple):
    """A number with its interval, and how many recordings (or windows) it rests on; NaN where there are none.

    The ends alone are NaN where there is no interval: of one speaker.
    """

    value: float
    low: float
    high: float
    total: int


class PairedChange(NamedTuple):
    """The same recordings answered twice: how many changed which way, and what that says.

    `difference` is accuracy after minus accuracy before; `p_value` that of `change_p_value`.
    """

    right_to_wrong: int
    wrong_to_right: int
    recordings: int
    difference: Estimate
    p_value: float


UNKNOWN: Final = Estimate(math.nan, math.nan, math.nan, 0)


class Speakers(NamedTuple):
    """Who says each recording, as numbers from 0 on, [recordings], and how many recordings each of them says, [speakers]."""

    codes: NDArray[np.intp]
    sizes: Floats

    @classmethod
    def of(cls, speakers: Sequence[object] | None) -> Speakers | None:
        """None where they are not all known."""
        if speakers is None or not len(speakers):
            return None
        codes, _ = pd.factorize(np.asarray(speakers, dtype=object))
        return None if (codes < 0).any() else cls(codes, np.bincount(codes).astype(float))

    @property
    def one(self) -> bool:
        """Whether all recordings are of one speaker."""
        return len(self.sizes) == 1

    def sums(self, values: Floats) -> Floats:
        """Of each speaker, [speakers]."""
        return np.asarray(np.bincount(self.codes, values, len(self.sizes)))


def wilson(right: float, count: float, confidence: float = CONFIDENCE, *, quantile: float | None = None) -> Estimate:
    """Wilson's score interval of a proportion (1927), of independent recordings.

    `right` may be a sum of scores in [0, 1]: a score with mean p varies at most as much as a yes or no with chance p, so that the
    interval for `count` recordings is then never too narrow, however many draws made the scores.

    Args:
        right: how many, or the sum of the scores.
        count: of how many recordings.
        confidence: of the two-sided interval.
        quantile: in place of the normal one of that confidence.

    Raises:
        ValueError: where `right` is not within 0 and `count`.
    """
    if count == 0:
        return UNKNOWN
    if not 0 <= right <= count:
        raise ValueError(f"{right} right of {count} recordings is no proportion")
    z = normal(confidence) if quantile is None else np.asarray(quantile)
    share, whole = np.asarray(right / count), np.asarray(float(count))
    low, high = wilson_low(share, whole, z), 1 - wilson_low(1 - share, whole, z)
    return Estimate(right / count, float(low), float(high), int(count))


def normal(confidence: float) -> Floats:
    """The quantile of the normal distribution beyond which half of the rest lies."""
    return np.asarray(ndtri(0.5 + confidence / 2))


def mean_score(scores: ArrayLike, speakers: Sequence[object] | None = None, *, confidence: float = CONFIDENCE) -> Estimate:
    """The mean of the recordings' scores, with its interval: the one rule for shares.

    Wilson's interval, at the number of recordings divided by the design effect of their speakers.

    Args:
        scores: one a recording, in [0, 1], [recordings]; NaN where there is none is left out.
        speakers: who says each; None, or None among them, where they are not all known.
        confidence: of the two-sided interval.
    """
    values, who = _kept(scores, speakers)
    if who is None:
        return wilson(float(np.clip(values.sum(), 0, len(values))), len(values), confidence)
    if who.one:
        return Estimate(float(values.mean()), math.nan, math.nan, len(values))
    low, high = share_ends(np.clip(who.sums(values), 0, who.sizes), who.sizes, confidence)
    return Estimate(float(values.mean()), float(low), float(high), len(values))


def _kept(values: ArrayLike, speakers: Sequence[object] | None) -> tuple[Floats, Speakers | None]:
    """The values that are there, and who says them; None where not all speakers are known."""
    found = np.asarray(values, dtype=float)
    known = ~np.isnan(found)
    if speakers is None or known.all():
        return found[known], Speakers.of(speakers)
    return found[known], Speakers.of([speaker for speaker, keep in zip(speakers, known, strict=True) if keep])


def mean_change(changes: ArrayLike, speakers: Sequence[object] | None = None, *, confidence: float = CONFIDENCE) -> Estimate:
    """The mean of how much each recording gained, with its interval: the one rule for paired differences.

    Tango's score interval (Statistics in Medicine 17, 1998) of b = Σ max(d, 0) gained and c = Σ max(−d, 0) lost, which need not be whole:
    of several draws, or conditions, a recording counts by its mean. b, c and n are divided by the design effect of the speakers.

    Args:
        changes: after less before, one a recording, in [−1, 1], [recordings]; NaN where there is none is left out.
        speakers: who says each; None, or None among them, where they are not all known.
        confidence: of the two-sided interval.
    """
    values, who = _kept(changes, speakers)
    gained, lost = values.clip(0, None), (-values).clip(0, None)
    if who is None:
        return paired_difference(float(gained.sum()), float(lost.sum()), len(values), confidence)
    if who.one:
        return Estimate(float(values.mean()), math.nan, math.nan, len(values))
    low, high = difference_ends(who.sums(gained), who.sums(lost), who.sizes, confidence)
    return Estimate(float(values.mean()), float(low), float(high), len(values))


def paired_difference(gained: float, lost: float, count: float, confidence: float = CONFIDENCE) -> Estimate:
    """Tango's score interval of a difference between two paired proportions, of independent recordings.

    Without one recording that changed it is as wide as Wilson's for none in `count`; a bootstrap would return no width at all.

    Args:
        gained: recordings that turned from wrong to right.
        lost: recordings that turned from right to wrong.
        count: all recordings.
        confidence: of the two-sided interval.
    """
    if count == 0:
        return UNKNOWN
    b, c, n = (np.asarray(float(value)) for value in (gained, lost, count))
    low, high = (tango_low(*pair, n, normal(confidence)) for pair in ((b, c), (c, b)))
    return Estimate((gained - lost) / count, float(low), -float(high), int(count))


def paired_change(
    before: ArrayLike, after: ArrayLike, speakers: Sequence[object] | None = None, *, confidence: float = CONFIDENCE
) -> PairedChange:
    """What changed between two answers to the same recordings.

    Args:
        before: whether each was right, [recordings].
        after: the same, in the same order.
        speakers: who says each; None where any is not known.
        confidence: of the interval of the difference.
    """
    changes = np.asarray(after, dtype=bool).astype(float) - np.asarray(before, dtype=bool)
    lost, gained = int((changes < 0).sum()), int((changes > 0).sum())
    found = mean_change(changes, speakers, confidence=confidence)
    return PairedChange(lost, gained, len(changes), found, change_p_value(changes, speakers))


def change_p_value(changes: ArrayLike, speakers: Sequence[object] | None = None) -> float:
    """The two-sided p-value that as many recordings change one way as the other; NaN of one speaker.

    McNemar's exact one of independent recordings; where speakers are known, that of its score statistic (which is Tango's of no difference)
    with the design effect of the interval's end that is nearer to 0.

    Args:
        changes: after less before, one a recording, [recordings].
        speakers: who says each; None, or None among them, where they are not all known.
    """
    values, who = _kept(changes, speakers)
    if who is None:
        return mcnemar(int((values < 0).sum()), int((values > 0).sum()))
    if who.one:
        return math.nan
    gained, lost = values.clip(0, None), (-values).clip(0, None)
    if not values.any():
        return 1.0
    fewer = lost if gained.sum() > lost.sum() else gained
    deff = float(error_design(who.sums(fewer), who.sizes, Sizes.of(who.sizes, CONFIDENCE), LEAST_OF_CHANGES))
    statistic = abs(values.sum()) / math.sqrt(deff * (gained.sum() + lost.sum()))
    return float(2 * stdtr(len(who.sizes) - 1, -statistic))


def mcnemar(right_to_wrong: int, wrong_to_right: int) -> float:
    """McNemar's exact two-sided p-value (1947): a binomial test of one half on the recordings that changed; 1 where none did."""
    changed = right_to_wrong + wrong_to_right
    return 1.0 if changed == 0 else float(scipy.stats.binomtest(right_to_wrong, changed, 0.5).pvalue)


def adjusted(p_values: Sequence[float]) -> list[float]:
    """p-values of a whole table, adjusted for their number by Benjamini and Hochberg (1995); NaN where any is."""
    if np.isnan(p_values).any():
        return [math.nan] * len(p_values)
    return [float(p) for p in scipy.stats.false_discovery_control(p_values)]


def design_effect(errors: ArrayLike, speakers: Sequence[object] | None = None, least: float = LEAST_CORRELATION) -> float:
    """By how much recordings of the same speakers say less than as many independent ones; 1 where speakers are not all known.

    Args:
        errors: one a recording, in [0, 1], [recordings].
        speakers: who says each.
        least: the correlation within speakers that is taken for sure.
    """
    values, who = _kept(errors, speakers)
    if who is None or who.one:
        return 1.0
    return float(error_design(np.clip(who.sums(values), 0, who.sizes), who.sizes, Sizes.of(who.sizes, CONFIDENCE), least))


def whom(speakers: int | None) -> str:
    """Whom intervals speak of, as a clause.

    Args:
        speakers: how many there are; None where they are not all known.
    """
    if speakers is None:
        return "the speakers are not all known: intervals take every recording as independent, and may be too narrow"
    if speakers == 1:
        return "all recordings are of one speaker, who is no sample of a population: counts are of these files only, without an interval"
    if speakers < FEWEST_SPEAKERS:
        return f"there are {speakers} speakers, and intervals for other speakers are rough with fewer than {FEWEST_SPEAKERS}"
    return f"intervals are for speakers like these {speakers}"


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
    low = 0.0 if events == 0 else float(gammaincinv(events, tail))
    high = float(gammaincinv(events + 1, 1 - tail))
    return Estimate(events / exposure, low / exposure, high / exposure, events)


def median(values: ArrayLike, speakers: Sequence[object] | None = None, *, confidence: float = CONFIDENCE) -> Estimate:
    """A median with its distribution-free interval: the order statistics between which it lies with at least that confidence.

    With fewer than six values no two of them do at 95 %, and the ends are unknown. Where speakers are known, the values at which the
    interval of the share below the median ends (Woodruff 1952, Journal of the American Statistical Association 47).

    Args:
        values: one a recording, or independent ones, such as ratios of paired times.
        speakers: who says each; None, or None among them, where they are not all known.
        confidence: of the two-sided interval.
    """
    found, who = _kept(values, speakers)
    ordered, count = np.sort(found), len(found)
    if count == 0:
        return UNKNOWN
    middle = float(np.median(ordered))
    if who is not None:
        return Estimate(middle, *_woodruff(found, middle, who, confidence), count)
    below = int(scipy.stats.binom.ppf(0.5 - confidence / 2, count, 0.5))  # P(fewer than this many lie under the median) is within the tail
    low, high = (ordered[below - 1], ordered[count - below]) if below > 0 else (math.nan, math.nan)
    return Estimate(middle, float(low), float(high), count)


def _woodruff(values: Floats, middle: float, who: Speakers, confidence: float) -> tuple[float, float]:
    """Where the interval of the share below the median ends; ties count half."""
    below = (values < middle) + (values == middle) / 2
    share = mean_score(below, who.codes.tolist(), confidence=confidence)
    if math.isnan(share.low):
        return math.nan, math.nan
    ends = np.quantile(values, [share.low, share.high])
    return float(ends[0]), float(ends[1])
