"""How much less do recordings say that come from the same speakers, and what interval is left of a share or a paired difference?

One rule, for whole arrays at once: sums of each speaker are [..., speakers], and the results [...]. A speaker with no recording has size 0.

The design effect (Kish 1965, Survey Sampling, 5.4) is 1 + (m − 1) ρ with m = Σm² / n, the size of the speaker of a recording picked at
random. ρ is the intraclass correlation by analysis of variance (Donner & Koval 1980, Biometrics 36), shrunk towards 0.19 (of changes in
pairs 0.22) as if three speakers had been seen before, and never under it: few speakers with an error say little of how alike a speaker's
recordings are, and too small a ρ is what makes intervals fail. The interval is a score interval, Wilson's (1927) of a share and Tango's
(1998) of a paired difference, with all counts divided by the design effect and Student's t (speakers − 1 degrees of freedom) in place of
the normal quantile. benchmarks/intervals.py holds it against its claims.

One more error never moves an end of an interval to the good side, by construction: the low end is the least over all patterns with 0, 1,
2 … of the errors that were seen, each with the largest spread over speakers and the most speakers with an error that it can have, or more;
the high end is the same of what is no error. This is exact for whole errors; parts of an error lie between. Loads no torch.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

LEAST_CORRELATION: Final = 0.19  # 0.13 was measured on 2,000 clips of 194 speakers; without a least value intervals cover .79 in places
LEAST_OF_CHANGES: Final = 0.22  # of what is lost or gained in pairs: with 0.19 25 speakers cover .926 in a place
SPEAKERS_BEFORE: Final = 3.0  # how many speakers with an error that value weighs as much as
HALVINGS: Final = 48  # of an interval of width 2: to 1e-14
ROUNDING: Final = 1e-6  # of a statistic

Floats = NDArray[np.float64]


class Sizes(NamedTuple):
    """How many recordings the speakers have: all, each squared over all, how many speakers, and Student's or the normal quantile; [...]."""

    recordings: Floats
    typical: Floats  # Σm² / n
    speakers: Floats
    quantile: Floats

    @classmethod
    def of(cls, sizes: Floats, confidence: float) -> Sizes:
        """From the recordings of each speaker, [..., speakers].

        Where no speaker has two recordings nothing is to be estimated, and the quantile is the normal one.
        """
        recordings, speakers = sizes.sum(axis=-1), (sizes > 0).sum(axis=-1)
        typical = (sizes**2).sum(axis=-1) / recordings
        tail = 0.5 + confidence / 2
        student = stdtrit(np.maximum(speakers - 1, 1), tail)
        return cls(recordings, typical, speakers.astype(float), np.where(typical > 1, student, ndtri(tail)))

    def along(self) -> Sizes:
        """With an axis more at the end, for patterns."""
        return Sizes(*(part[..., None] for part in self))


def correlation(squares: Floats, total: Floats, spread: Floats, of: Sizes) -> Floats:
    """The intraclass correlation by analysis of variance, within 0 and 1; 0 where nothing varies.

    Args:
        squares: each speaker's sum squared, over its recordings, summed.
        total: the sum over all recordings.
        spread: the sum of squares of all values, about 0.
        of: the speakers.
    """
    n, k = of.recordings, of.speakers
    between = np.maximum(squares - total**2 / n, 0.0)
    within = np.maximum(spread - squares, 0.0)
    ratio = np.where(n > k, within / np.maximum(n - k, 1), 0.0)
    among = between / np.maximum(k - 1, 1)
    usual = (n - of.typical) / np.maximum(k - 1, 1)
    down = among + (usual - 1) * ratio
    found = np.divide(among - ratio, down, out=np.zeros_like(down), where=(down > 0) & (n > k))
    return np.asarray(np.clip(found, 0.0, 1.0))


def design(found: Floats, witnesses: Floats, of: Sizes, least: float) -> Floats:
    """The design effect from the correlation found in so many speakers that have something to show.

    Args:
        found: the correlation.
        witnesses: speakers with an error, or with a change.
        of: the speakers.
        least: the correlation that it is shrunk to, and never under.
    """
    shrunk = (SPEAKERS_BEFORE * least + witnesses * found) / (SPEAKERS_BEFORE + witnesses)
    return np.asarray(1 + (of.typical - 1) * np.maximum(least, shrunk))


def error_design(errors: Floats, sizes: Floats, of: Sizes, least: float = LEAST_CORRELATION) -> Floats:
    """The design effect of errors as they were seen, [...].

    Part of an error, as of several draws, counts as that part: its own spread within a recording is that of yes or no.

    Args:
        errors: of each speaker, within 0 and its size, [..., speakers].
        sizes: recordings of each speaker.
        of: the same, in sum.
        least: as of `design`.
    """
    total = errors.sum(axis=-1)
    witnesses = np.minimum(_with(errors), _with(sizes - errors))
    return design(correlation(_squares(errors, sizes), total, total, of), witnesses, of, least)


class Patterns(NamedTuple):
    """Patterns of answers with fewer errors than were seen: how many errors each has, and its design effect; [..., patterns]."""

    errors: Floats
    design: Floats

    @classmethod
    def of(cls, errors: Floats, sizes: Floats, of: Sizes, least: float = LEAST_CORRELATION) -> Patterns:
        """With 0, 1, 2 … errors up to all that were seen; of as many errors the one whose speakers are most alike, or more than that."""
        most = errors.sum(axis=-1)[..., None]
        left = np.minimum(np.arange(np.ceil(most.max(initial=0.0)) + 1), most)
        removed, each = most - left, of.along()
        good = each.recordings - left
        squares = _most_squares(sizes - errors, sizes, removed)
        witnesses = np.minimum(np.minimum(_with(errors)[..., None], left), _with(sizes - errors)[..., None] + removed)
        return cls(left, design(correlation(squares, good, good, each), np.minimum(witnesses, each.speakers), each, least))


def share_ends(right: Floats, sizes: Floats, confidence: float) -> tuple[Floats, Floats]:
    """The ends of the interval of a share: Wilson's, all counts divided by the design effect.

    Args:
        right: the sum of each speaker's scores, in [0, size], [..., speakers].
        sizes: recordings of each speaker, [..., speakers].
        confidence: of the two-sided interval.
    """
    of = Sizes.of(sizes, confidence)
    return _share_low(sizes - right, sizes, of), np.asarray(1 - _share_low(right, sizes, of))


def _share_low(errors: Floats, sizes: Floats, of: Sizes) -> Floats:
    patterns, each = Patterns.of(errors, sizes, of), of.along()
    share = 1 - patterns.errors / each.recordings
    return np.asarray(wilson_low(share, each.recordings / patterns.design, each.quantile).min(axis=-1))


def wilson_low(share: Floats, count: Floats, quantile: Floats) -> Floats:
    """The low end of Wilson's interval; counts need not be whole."""
    weight = quantile**2 / count
    half = np.sqrt(weight * np.maximum(share * (1 - share), 0.0) + weight**2 / 4)
    return np.where(share > 0, np.maximum((share + weight / 2 - half) / (1 + weight), 0.0), 0.0)


def difference_ends(gained: Floats, lost: Floats, sizes: Floats, confidence: float) -> tuple[Floats, Floats]:
    """The ends of the interval of a paired difference, gained less lost: Tango's, all counts divided by the design effect.

    The low end has the design effect of what was lost, the high end that of what was gained: so one more that is lost never raises an end,
    and one more that is gained never lowers one.

    Args:
        gained: the sum of each speaker's changes for the better, each within 0 and 1, [..., speakers].
        lost: the sum of those for the worse.
        sizes: recordings of each speaker.
        confidence: of the two-sided interval.
    """
    of = Sizes.of(sizes, confidence)
    return _difference_low(gained, lost, sizes, of), -_difference_low(lost, gained, sizes, of)


def _difference_low(gained: Floats, lost: Floats, sizes: Floats, of: Sizes) -> Floats:
    won = gained.sum(axis=-1)
    seen = tango_low(won, lost.sum(axis=-1), of.recordings, of.quantile * np.sqrt(error_design(lost, sizes, of, LEAST_OF_CHANGES)))
    patterns, each = Patterns.of(lost, sizes, of, LEAST_OF_CHANGES), of.along()
    reach = each.quantile * np.sqrt(patterns.design)
    lower = (score(seen[..., None], won[..., None], patterns.errors, each.recordings) < reach - ROUNDING).any(axis=-1)
    ends = seen.copy()
    if lower.any():
        n = np.broadcast_to(each.recordings, reach.shape)
        ends[lower] = tango_low(won[lower, None], patterns.errors[lower], n[lower], reach[lower]).min(axis=-1)
    return ends


def score(delta: Floats, gained: Floats, lost: Floats, count: Floats) -> Floats:
    """Tango's score statistic of a paired difference (1998) under a true one of `delta`."""
    variance, above = score_variance(delta, gained, lost, count), gained - lost - count * delta
    infinite = np.broadcast_to(np.copysign(np.inf, above), variance.shape).copy()
    return np.asarray(np.divide(above, np.sqrt(variance), out=infinite, where=variance > 0))


def score_variance(delta: Floats, gained: Floats, lost: Floats, count: Floats) -> Floats:
    """The variance of gained − lost under a true difference of `delta`, with the discordant share at its likeliest (Tango 1998)."""
    linear = (2 * count - gained + lost) * delta - gained - lost
    root = np.sqrt(np.maximum(linear**2 + 8 * count * lost * delta * (1 - delta), 0.0))
    return np.asarray(np.maximum(count * ((root - linear) / (2 * count) + delta * (1 - delta)), 0.0))


def tango_low(gained: Floats, lost: Floats, count: Floats, reach: Floats) -> Floats:
    """The true difference under which Tango's statistic is `reach`: the low end of the interval; by halving, [...]."""
    gained, lost, count, reach = np.broadcast_arrays(gained, lost, count, reach)
    low, high = np.full(gained.shape, -1.0), (gained - lost) / count
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        holds = score(middle, gained, lost, count) >= reach
        low, high = np.where(holds, middle, low), np.where(holds, high, middle)
    return np.asarray(low)


def _with(sums: Floats) -> Floats:
    """Speakers with any of it; part of an answer is part of a speaker."""
    return np.asarray(np.minimum(sums, 1.0).sum(axis=-1))


def _squares(sums: Floats, sizes: Floats) -> Floats:
    """Each speaker's sum squared, over its recordings, summed."""
    return np.asarray((sums**2 / np.maximum(sizes, 1)).sum(axis=-1))


def _most_squares(sums: Floats, sizes: Floats, better: Floats) -> Floats:
    """The largest that `_squares` can become where the sums rise by so much altogether, none beyond its size, [..., patterns].

    The square lies under its chord from the sum to the size, whose slope is 1 + sum / size: so the steepest are filled first.
    """
    rate = sums / np.maximum(sizes, 1)
    order = np.argsort(-rate, axis=-1)
    room = np.take_along_axis(np.broadcast_to(sizes - sums, rate.shape), order, axis=-1)
    gain = room * (1 + np.take_along_axis(rate, order, axis=-1))
    knots = [np.concatenate([np.zeros((*part.shape[:-1], 1)), part.cumsum(axis=-1)], axis=-1) for part in (room, gain)]
    return _squares(sums, sizes)[..., None] + _interpolated(better, *knots)


def _interpolated(at: Floats, x: Floats, y: Floats) -> Floats:
    """np.interp for each row, all rows at once: they are laid end to end, further apart than any is long."""
    apart = np.max(x) + 1
    row = (np.arange(x[..., 0].size) * apart).reshape(*x.shape[:-1], 1)
    return np.interp((at + row).ravel(), (x + row).ravel(), y.ravel()).reshape(at.shape)
