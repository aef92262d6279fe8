"""May a model ship, by how it does when it is streamed? Rules of a TOML file over the figures of a stream.

A rule is a section `[rule.NAME]` with a metric, a bar (`min`, `max` or both) and, as in the gate's own rules, variant, scope, confidence,
on_inconclusive and severity. `phase` says at which phase of the first window: the `worst` (the default), the `mean` or the `first`;
`alarms_per_hour` asks for the hit rate at the threshold of the plain rule that stays within so many false alarms. Loads no torch.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal, NamedTuple, Self, get_args

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from robustness.analysis.intervals import poisson_rate
from robustness.analysis.power import Effort, for_a_rate
from robustness.errors import CANNOT_JUDGE, DONE, RULE_FAILED, CannotJudgeError
from robustness.files import UnreadableError, text_of
from robustness.gates.judgement import WORSE, Judgement, Outcome, Scope, judgement
from robustness.gates.rules import Confidence, Number, RulesError
from robustness.gates.samples import Interval, Sample, ScoreSample
from robustness.streaming.phases import Phases, phases_of
from robustness.streaming.rules.plain import Plain
from robustness.streaming.streams import VariantStream

StreamMetric = Literal["stream_hit_rate", "stream_wrong_commands", "stream_false_alarms_per_hour", "stream_latency_ms"]
UNITS: Final[dict[str, str]] = {"stream_false_alarms_per_hour": "an hour", "stream_latency_ms": "ms"}
EXAMPLE: Final = '[rule.hits] with metric = "stream_hit_rate" and min = 0.9'


class StreamRule(BaseModel):
    """One rule, as written.

    Attributes:
        metric: what is bounded.
        variant: a variant; `*` is every one, and each must pass.
        phase: of the first window.
        alarms_per_hour: of the hit rate: at the threshold that stays within so many.
        min: the least allowed value.
        max: the most allowed value.
        scope: these takes alone, or what they are a sample of.
        confidence: of the interval of a population.
        on_inconclusive: what an interval that straddles the bar does.
        severity: whether breaking it fails, or only warns.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    metric: StreamMetric
    variant: str = "*"
    phase: Literal["worst", "mean", "first"] = "worst"
    alarms_per_hour: Annotated[Number, Field(gt=0)] | None = None
    min: Number | None = None
    max: Number | None = None
    scope: Scope = "files"
    confidence: Confidence = 0.95
    on_inconclusive: Literal["fail", "warn"] = "fail"
    severity: Literal["fail", "warn"] = "fail"

    @model_validator(mode="after")
    def _has_a_bar(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("it has no bar; give `min`, `max` or both")
        if self.alarms_per_hour is not None and self.metric != "stream_hit_rate":
            raise ValueError("`alarms_per_hour` goes with stream_hit_rate alone")
        return self


class StreamVerdict(NamedTuple):
    """What a rule says of a stream; the status is that which it asks for."""

    name: str
    outcome: Outcome
    sentence: str
    status: int


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


def read_stream_rules(path: Path) -> dict[str, StreamRule]:
    """Reads and checks a rules file.

    Raises:
        RulesError: it cannot be read, is no TOML, holds no rule, or a key is wrong; the sentence names file, rule and key.
    """
    try:
        content = tomllib.loads(text_of(path))
    except UnreadableError as error:
        raise RulesError(f"the rules file {path} cannot be read: {error}; give the path of a TOML file of rules") from error
    except tomllib.TOMLDecodeError as error:
        raise RulesError(f"the rules file {path} is not TOML: {error}; a rule is a section, such as {EXAMPLE}") from error
    rules = content.get("rule")
    if not isinstance(rules, dict) or not rules or set(content) != {"rule"}:
        raise RulesError(f"{path} holds no rule, or something beside rules; a rule is a section, such as {EXAMPLE}")
    return {name: _rule(path, name, said) for name, said in rules.items()}


def _rule(path: Path, name: str, said: object) -> StreamRule:
    try:
        return StreamRule.model_validate(said)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        message = str(first["msg"]).removeprefix("Value error, ")
        known = f"; metrics: {', '.join(get_args(StreamMetric))}" if key == "metric" else ""
        keys = f"; keys: {', '.join(StreamRule.model_fields)}" if first["type"] == "extra_forbidden" else ""
        where = f"key `{key}`: " if key else ""
        raise RulesError(f"{path}: rule {name}: {where}{message[:1].lower()}{message[1:]}{known}{keys}") from error


def judge_stream(rules: dict[str, StreamRule], variants: Sequence[VariantStream]) -> list[StreamVerdict]:
    """A verdict for every rule; one that cannot be judged is an error, never a pass."""
    return [_verdict(name, rule, variants) for name, rule in rules.items()]


def stream_status(verdicts: Sequence[StreamVerdict]) -> int:
    """The exit status of all: 3 before 1."""
    return max(verdict.status for verdict in verdicts)


def _verdict(name: str, rule: StreamRule, variants: Sequence[VariantStream]) -> StreamVerdict:
    meant = [one for one in variants if rule.variant in ("*", one.name.rpartition(", ")[2])]
    try:
        if not meant:
            raise CannotJudgeError(f"there is no variant {rule.variant!r}; there are {', '.join(one.name for one in variants)}")
        cases = [(one, sample, judgement(sample, rule.min, rule.max, rule.scope, rule.confidence)) for one, sample in _samples(rule, meant)]
    except CannotJudgeError as error:
        return StreamVerdict(name, "error", f"{name}: {error}", CANNOT_JUDGE)
    worst, sample, found = max(cases, key=lambda case: (WORSE.index(case[2].outcome), case[2].badness))
    fails = found.outcome == "fail" or (found.outcome == "inconclusive" and rule.on_inconclusive == "fail")
    status = RULE_FAILED if fails and rule.severity == "fail" else DONE
    return StreamVerdict(name, found.outcome, _sentence(name, rule, worst, sample, found), status)


def _samples(rule: StreamRule, variants: Sequence[VariantStream]) -> list[tuple[VariantStream, Sample]]:
    return [(one, _sample(rule, one)) for one in variants]


def _sample(rule: StreamRule, one: VariantStream) -> Sample:
    phases = one.phases if rule.alarms_per_hour is None else _within(rule.alarms_per_hour, one)
    figures = phases.figures
    if rule.metric == "stream_false_alarms_per_hour":
        if figures[0].hours <= 0:
            raise CannotJudgeError("no time is left in which a false alarm could come; stream a take with pauses, or without commands")
        alarms = [float(found.false_alarms) for found in figures]
        value = {"worst": max(alarms), "mean": sum(alarms) / len(alarms), "first": alarms[0]}[rule.phase]
        return AlarmRate(value, figures[0].hours)
    if not figures[0].words:
        raise CannotJudgeError("no word of the vocabulary is labelled, and the rule is about words; give labels")
    if rule.metric == "stream_latency_ms":
        late = [found.latency_ms for found in figures]
        at = {"worst": max(late, key=lambda ms: math.inf if math.isnan(ms) else ms), "mean": sum(late) / len(late), "first": late[0]}
        if math.isnan(at[rule.phase]):
            raise CannotJudgeError("at some phase no word is hit, and there is no latency")
        return Latency(at[rule.phase], figures[phases.worst if rule.phase == "worst" else 0].hits)
    return ScoreSample(_by_word(rule, phases))


def _by_word(rule: StreamRule, phases: Phases) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Of each word, whether it is hit, or whether another command is said during it; the share of phases for their mean."""
    hit = rule.metric == "stream_hit_rate"
    rows = [
        [
            float(place in (matching.hits if hit else matching.wrong))
            for matching in take
            for place, spoken in _spoken(matching.timeline.spoken)
        ]
        for take in phases.matchings
    ]
    values = np.asarray(rows)  # [phases words]
    if rule.phase == "mean":
        mean: np.ndarray[tuple[int], np.dtype[np.float64]] = values.mean(axis=0)
        return mean
    totals = values.sum(axis=1)
    worst: np.ndarray[tuple[int], np.dtype[np.float64]] = values[
        0 if rule.phase == "first" else int(totals.argmin() if hit else totals.argmax())
    ]
    return worst


def _spoken(flags: Sequence[bool]) -> list[tuple[int, bool]]:
    return [(place, flag) for place, flag in enumerate(flags) if flag]


def _within(alarms_per_hour: float, one: VariantStream) -> Phases:
    place = one.curve.within(alarms_per_hour)
    threshold = float(one.curve.thresholds[place]) if place >= 0 else math.inf  # a score may be 1
    return phases_of(one.scores, one.timelines, Plain(threshold), len(one.phases.matchings))


def _sentence(name: str, rule: StreamRule, one: VariantStream, sample: Sample, found: Judgement) -> str:
    ends = [*([f"at least {_amount(rule.min, rule)}"] if rule.min is not None else [])]
    ends += [f"at most {_amount(rule.max, rule)}"] if rule.max is not None else []
    fixed = "" if rule.alarms_per_hour is None else f" where false alarms are at most {rule.alarms_per_hour:g} an hour,"
    phase = {"worst": "at the worst phase", "mean": "on average over the phases", "first": "at the first phase"}[rule.phase]
    parts = [
        f"{name}: {one.name}: {rule.metric} is {_amount(sample.value, rule)} ({sample.tally}){fixed} {phase}; {' and '.join(ends)} is asked"
    ]
    if found.interval is not None:
        parts.append(
            f"its {100 * rule.confidence:g} % interval is {_amount(found.interval.low, rule)} to {_amount(found.interval.high, rule)}"
        )
    if found.needed:
        first = found.needed[0]
        parts.append(f"{first.count:,} {first.counted}s would pass in 4 of 5 samples if the truth were {_amount(first.truth, rule)}")
    return "; ".join(parts)


def _amount(value: float, rule: StreamRule) -> str:
    unit = UNITS.get(rule.metric)
    return f"{round(100 * value, 2):g} %" if unit is None else f"{value:.4g} {unit}"
