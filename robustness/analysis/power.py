"""How many recordings would show that a bar is kept? Enough for a pass in four of five samples, if the truth were what is assumed.

At the rate that was seen a number "that would decide" is the toss of a coin, so that truths are assumed: errors of a half and a fifth of
those that the bar allows. At the bar itself no number decides. Loads no torch.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import scipy  # its `stats` at their first use: to import them takes half a second
from scipy.special import gammaincinv, ndtri, stdtrit

from robustness.analysis.clusters import score_variance
from robustness.analysis.intervals import Speakers, normal

POWER: Final = 0.80
STEP: Final = 5  # a number of recordings is a multiple of it: more digits would claim too much
PARTS: Final = (1 / 2, 1 / 5)  # of the errors that the bar allows
MOST_EXACT: Final = 100_000  # recordings up to which the power is added up and not approximated


@dataclass(frozen=True)
class Effort:
    """How many in all are enough, if the truth were this.

    Attributes:
        truth: the value that is assumed.
        count: how many.
        counted: of what.
    """

    truth: float
    count: int
    counted: str = "recording"


def assumed(bar: float, *, least: bool) -> tuple[float, ...]:
    """The shares that are assumed to be true; none where the bar leaves no room.

    Args:
        bar: the share that is asked.
        least: whether it is the least allowed, or the most.
    """
    if not 0 < bar < 1:
        return ()
    return tuple(1 - (1 - bar) * part if least else bar * part for part in PARTS)


@lru_cache(maxsize=256)
def for_a_share(bar: float, truth: float, confidence: float) -> int:
    """Independent recordings, in steps of 5, at which Wilson's interval keeps to a bar in 80 % of samples.

    Its low end is at the bar or above where right ≥ n·bar + z √(n·bar(1 − bar)); how often that is, is a binomial sum.

    Args:
        bar: the share that is asked; less than the truth is the least allowed, more the most.
        truth: the true share.
        confidence: of the two-sided interval.
    """
    if truth < bar:
        return for_a_share(1 - bar, 1 - truth, confidence)
    z, room = float(normal(confidence)), truth - bar
    about = ((z * math.sqrt(bar * (1 - bar)) + float(ndtri(POWER)) * math.sqrt(truth * (1 - truth))) / room) ** 2
    if about > MOST_EXACT:
        return _whole(about)
    counts = np.arange(STEP, 2 * about + 20 * STEP, STEP)
    enough = np.ceil(counts * bar + z * np.sqrt(counts * bar * (1 - bar)) - 1e-9)
    return int(counts[np.argmax(scipy.stats.binom.sf(enough - 1, counts, truth) >= POWER)])


def for_a_difference(margin: float, changing: float, confidence: float) -> int:
    """Independent pairs at which Tango's interval shows that no more than a margin is lost in 80 % of samples, if nothing is.

    Args:
        margin: the largest loss allowed, as a share.
        changing: the share of recordings that change, half of them each way.
        confidence: of the two-sided interval.
    """
    half = np.asarray(changing / 2)
    asked = math.sqrt(float(score_variance(np.asarray(-margin), half, half, np.asarray(1.0))))
    return _whole(((float(normal(confidence)) * asked + float(ndtri(POWER)) * math.sqrt(changing)) / margin) ** 2)


def for_a_rate(bar: float, part: float, confidence: float) -> int:
    """Windows in which Garwood's interval of a Poisson rate keeps to the most allowed in 80 % of samples.

    Args:
        bar: the most events allowed, a window.
        part: the true rate, as a part of the bar.
        confidence: of the two-sided interval.
    """
    events = np.arange(10_000)
    exposure = np.asarray(gammaincinv(events + 1, 0.5 + confidence / 2))  # events at the bar where so many pass
    first = int(np.argmax(scipy.stats.poisson.cdf(events, part * exposure) >= POWER))
    return math.ceil(float(exposure[first]) / bar)


def in_speakers(efforts: Iterable[Effort], speakers: Sequence[object] | None, deff: float, confidence: float) -> tuple[Effort, ...]:
    """The same in speakers with as many recordings each as here, where speakers are known; none of a single speaker.

    Args:
        efforts: in independent recordings.
        speakers: who says each recording.
        deff: the design effect of the speakers.
        confidence: of the two-sided interval.
    """
    who = Speakers.of(speakers)
    if who is None:
        return tuple(efforts)
    if who.one:
        return ()
    each = float(who.sizes.mean())
    return tuple(Effort(one.truth, _speakers(one.count * deff / each, confidence), "speaker") for one in efforts)


def _speakers(count: float, confidence: float) -> int:
    """With Student's quantile of so many in place of the normal one."""
    z, found = float(normal(confidence)), max(count, 3.0)
    for _ in range(5):
        found = max(count * (float(stdtrit(found - 1, 0.5 + confidence / 2)) / z) ** 2, 3.0)
    return math.ceil(found - 1e-9)


def _whole(count: float) -> int:
    """In steps."""
    return STEP * math.ceil(count / STEP - 1e-9)
