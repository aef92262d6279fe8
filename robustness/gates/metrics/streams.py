"""What happens to words when the model is streamed: hits, wrong commands, false alarms an hour, latency.

They are judged on a folder of `robustness stream`. A rule says at which phase of the first window (`worst`, the default, `mean`, or
`first`), of which takes (`take`, a pattern for their names), and may ask for the hit rate at the threshold of the plain rule that stays
within so many false alarms an hour (`alarms_per_hour`). Loads no torch.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import ClassVar, Final

import numpy as np

from robustness.analysis.intervals import poisson_rate
from robustness.analysis.power import Effort, for_a_rate
from robustness.conditions import Condition
from robustness.errors import CannotJudgeError
from robustness.gates.metrics.base import METRICS, Data, Kinds, Metric, RuleCase, Use
from robustness.gates.rules import Rule
from robustness.gates.samples import Interval, Sample, ScoreSample
from robustness.streaming.matching import Matching
from robustness.streaming.phases import Phases, phases_of
from robustness.streaming.rules.base import plain_rule
from robustness.streaming.spans import Word
from robustness.streaming.streams import VariantStream

PHASES: Final = {"worst": "at the worst phase", "mean": "on average over the phases", "first": "at the first phase"}


@dataclass(frozen=True)
class AlarmRate(Sample):
    """False alarms an hour, with the exact Poisson interval; a mean over phases counts as the next whole number."""

    counted: ClassVar[str] = "hour"
    alarms: float
    hours: float

    @property
    def value(self) -> float:
        """An hour."""
        return self.alarms / self.hours

    @property
    def count(self) -> int:
        """Hours, cut to whole ones."""
        return int(self.hours)

    @property
    def tally(self) -> str:
        """How many in how many hours."""
        return f"{self.alarms:g} in {self.hours:.3g} h"

    def interval(self, confidence: float) -> Interval:
        """Garwood's."""
        return Interval(*poisson_rate(math.ceil(self.alarms), self.hours, confidence)[1:3])

    def needed(self, bar: float, confidence: float, *, least: bool) -> tuple[Effort, ...]:
        """In hours, if the rate were a half and a fifth of the most allowed."""
        if least or bar <= 0:
            return ()
        return tuple(Effort(bar * part, for_a_rate(bar, part, confidence), self.counted) for part in (1 / 2, 1 / 5))


@dataclass(frozen=True)
class Latency(Sample):
    """The median latency, which is a fact about these takes."""

    sampled: ClassVar[bool] = False
    counted: ClassVar[str] = "word"
    median_ms: float
    hits: int

    @property
    def value(self) -> float:
        """In ms."""
        return self.median_ms

    @property
    def count(self) -> int:
        """Words that are hit."""
        return self.hits

    def interval(self, confidence: float) -> Interval:
        """None is given."""
        return Interval(math.nan, math.nan)

    def needed(self, bar: float, confidence: float, *, least: bool) -> tuple[Effort, ...]:
        """No number."""
        return ()


class OfAStream(Metric):
    """A figure of a stream."""

    perturbation: ClassVar[Use] = "none"
    level = False
    stream = True

    def conditions(self, rule: Rule, kinds: Kinds, reference: str) -> list[Condition]:
        """None: a stream is no sweep."""
        return []

    def cases(self, rule: Rule, data: Data) -> Iterator[RuleCase]:
        """A case a variant.

        Raises:
            CannotJudgeError: there is no stream, variant or take of that name, or nothing to count.
        """
        for one in data.streams:
            if rule.variant in ("*", variant_of(one)):
                yield self.case(rule, one)

    def case(self, rule: Rule, one: VariantStream) -> RuleCase:
        """The case of a variant."""
        phases = with_takes(one.phases if rule.alarms_per_hour is None else within(rule.alarms_per_hour, one), one, rule.take)
        sample, behind = self.sample(rule.phase or "worst", phases)
        where = PHASES[rule.phase or "worst"] if len(phases.matchings) > 1 else ""
        fixed = "" if rule.alarms_per_hour is None else f"where false alarms are at most {rule.alarms_per_hour:g} an hour"
        return RuleCase(one.name, sample, None, behind, None, ", ".join(filter(None, (where, fixed))))

    @abstractmethod
    def sample(self, phase: str, phases: Phases) -> tuple[Sample, tuple[str, ...]]:
        """The value at a phase, and the words that count against the model."""


def variant_of(one: VariantStream) -> str:
    """The variant's name, without that of its model."""
    return one.name.rpartition(", ")[2]


def with_takes(phases: Phases, one: VariantStream, pattern: str | None) -> Phases:
    """The streams of some takes.

    Raises:
        CannotJudgeError: there is none of that name.
    """
    if pattern is None:
        return phases
    places = [at for at, scores in enumerate(one.scores) if fnmatchcase(scores.take, pattern)]
    if not places:
        names = ", ".join(scores.take for scores in one.scores)
        raise CannotJudgeError(f"no take has a name like {pattern!r}; there are {names}: name takes so, or leave the rule out")
    return replace(phases, matchings=tuple(tuple(matchings[at] for at in places) for matchings in phases.matchings))


def within(alarms_per_hour: float, one: VariantStream) -> Phases:
    """The streams at the threshold of the plain rule that stays within so many false alarms an hour."""
    place = one.curve.within(alarms_per_hour)
    threshold = float(one.curve.thresholds[place]) if place >= 0 else math.inf  # a score may be 1
    return phases_of(one.scores, one.timelines, plain_rule(threshold), len(one.phases.matchings))


class OfWords(OfAStream):
    """A share of the words of the vocabulary."""

    hit: ClassVar[bool]

    def sample(self, phase: str, phases: Phases) -> tuple[Sample, tuple[str, ...]]:
        """Of each word, whether it is hit, or another command said during it; the share of phases for their mean."""
        values = np.asarray([self._row(matchings) for matchings in phases.matchings], np.float64)  # [phases words]
        if not values.size:
            raise CannotJudgeError("no word of the vocabulary is labelled, and the rule is about words; give labels")
        totals = values.sum(axis=1)
        worst = 0 if phase == "first" else int(totals.argmin() if self.hit else totals.argmax())
        row = values.mean(axis=0) if phase == "mean" else values[worst]
        names = [word.label for matching in phases.matchings[0] for word, spoken in _words(matching) if spoken]
        return ScoreSample(row), tuple(name for name, value in zip(names, row.tolist(), strict=True) if value != self.hit)

    def _row(self, matchings: Sequence[Matching]) -> list[float]:
        return [
            float(place in (matching.hits if self.hit else matching.wrong))
            for matching in matchings
            for place, (_, spoken) in enumerate(_words(matching))
            if spoken
        ]


def _words(matching: Matching) -> list[tuple[Word, bool]]:
    return list(zip(matching.timeline.words, matching.timeline.spoken, strict=True))


@METRICS.register
class StreamHitRate(OfWords):
    """Words that are hit."""

    name = "stream_hit_rate"
    says = "share of words that are hit when the model is streamed"
    hit = True


@METRICS.register
class StreamWrongCommands(OfWords):
    """Words during which another command is said."""

    name = "stream_wrong_commands"
    says = "share of words during which another command is said when the model is streamed"
    hit = False


@METRICS.register
class StreamFalseAlarms(OfAStream):
    """Commands outside of every word."""

    name = "stream_false_alarms_per_hour"
    unit = "an hour"
    says = "false alarms an hour when the model is streamed"

    def sample(self, phase: str, phases: Phases) -> tuple[Sample, tuple[str, ...]]:
        """The rate."""
        figures = phases.figures
        if figures[0].hours <= 0:
            raise CannotJudgeError("no time is left in which a false alarm could come; stream a take with pauses, or without commands")
        alarms = [float(found.false_alarms) for found in figures]
        return AlarmRate({"worst": max(alarms), "mean": sum(alarms) / len(alarms), "first": alarms[0]}[phase], figures[0].hours), ()


@METRICS.register
class StreamLatency(OfAStream):
    """From a word's end to its hit."""

    name = "stream_latency_ms"
    unit = "ms"
    signed = True
    says = "median time from a word's end to its hit when the model is streamed"

    def sample(self, phase: str, phases: Phases) -> tuple[Sample, tuple[str, ...]]:
        """The median."""
        figures = phases.figures
        if not figures[0].words:
            raise CannotJudgeError("no word of the vocabulary is labelled, and the rule is about words; give labels")
        late = [found.latency_ms for found in figures]
        worst = max(late, key=lambda ms: math.inf if math.isnan(ms) else ms)
        value = {"worst": worst, "mean": sum(late) / len(late), "first": late[0]}[phase]
        if math.isnan(value):
            raise CannotJudgeError("at some phase no word is hit, and there is no latency")
        return Latency(value, figures[phases.worst if phase == "worst" else 0].hits), ()
