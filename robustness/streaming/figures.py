"""How often is a word hit, another command said, a false alarm given, and how late? Over the takes of one stream.

False alarms an hour have the exact two-sided interval of a Poisson count (Garwood 1936), over the hours in which one could have come. Loads
no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from scipy.special import gammaincinv

from robustness.analysis.intervals import CONFIDENCE, Estimate, poisson_rate
from robustness.streaming.matching import Matching

LATENCY_PERCENTILE: Final = 95.0


class StreamFigures(NamedTuple):
    """The figures of one stream.

    Attributes:
        words: of the vocabulary, that could be hit.
        hits: of them.
        misses: of them.
        wrong_words: during which another command was said.
        wrong_commands: how often that was.
        repeats: hits that came once more.
        false_alarms: commands outside of every word of the vocabulary.
        during_other_words: of them, those during a word outside the vocabulary.
        hours: in which a false alarm could come.
        latency_ms: from a word's end to its hit: the median; NaN without a hit.
        latency_high_ms: its 95th percentile.
    """

    words: int
    hits: int
    misses: int
    wrong_words: int
    wrong_commands: int
    repeats: int
    false_alarms: int
    during_other_words: int
    hours: float
    latency_ms: float
    latency_high_ms: float

    @property
    def hit_rate(self) -> float:
        """The share of words that are hit; NaN without words."""
        return self.hits / self.words if self.words else float("nan")

    @property
    def rate(self) -> Estimate:
        """False alarms an hour, with the interval."""
        return poisson_rate(self.false_alarms, self.hours)

    @property
    def said(self) -> dict[str, Any]:
        """In plain values; None where there is nothing."""
        rate = self.rate
        values = self._asdict() | {"hit_rate": self.hit_rate, "false_alarms_per_hour": rate.value, "low": rate.low, "high": rate.high}
        return {name: None if isinstance(value, float) and np.isnan(value) else value for name, value in values.items()}


def figures_of(matchings: Sequence[Matching]) -> StreamFigures:
    """The figures of the takes together."""
    alarms = [one for matching in matchings for one in matching.of_kind("false alarm")]
    late = [matching.latency_ms(word) for matching in matchings for word in matching.hits]
    latencies = np.asarray([one for one in late if one is not None])
    words = sum(sum(matching.timeline.spoken) for matching in matchings)
    hits = sum(len(matching.hits) for matching in matchings)
    return StreamFigures(
        words=words,
        hits=hits,
        misses=words - hits,
        wrong_words=sum(len(matching.wrong) for matching in matchings),
        wrong_commands=sum(len(matching.of_kind("wrong command")) for matching in matchings),
        repeats=sum(len(matching.of_kind("repeat")) for matching in matchings),
        false_alarms=len(alarms),
        during_other_words=sum(one.word is not None for one in alarms),
        hours=sum(matching.timeline.hours for matching in matchings),
        latency_ms=float(np.median(latencies)) if len(latencies) else float("nan"),
        latency_high_ms=float(np.percentile(latencies, LATENCY_PERCENTILE)) if len(latencies) else float("nan"),
    )


def hours_needed(rate: float, alarms: int = 0, confidence: float = CONFIDENCE) -> float:
    """How many hours with so many false alarms show that there are fewer than `rate` an hour: 7.4 without one for 0.5."""
    return float(gammaincinv(alarms + 1, 1 - (1 - confidence) / 2)) / rate
