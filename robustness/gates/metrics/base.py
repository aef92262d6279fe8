"""What every metric of a gate offers: its name, unit and meaning, the conditions it needs, and a sample for each case of a rule.

A metric is a registered class in a file of this folder; nothing else lists it. A case is one variant under one condition: a rule holds if
it holds in each of its cases. Loads no torch.
"""

from __future__ import annotations

import difflib
import importlib
import math
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Final, Literal

import numpy as np
from pandas import DataFrame, Series

from robustness.analysis.accuracy import By, speakers_of
from robustness.analysis.pairing import refuse_unlike
from robustness.conditions import NONE, Condition
from robustness.errors import CannotJudgeError
from robustness.gates.rows import Rows
from robustness.gates.rules import Rule, RulesError
from robustness.gates.samples import Sample, ScoreSample
from robustness.run.perturbations import PerturbationFacts, known_perturbations
from robustness.streaming.streams import VariantStream

PACKAGE: Final = "robustness.gates.metrics"
Kinds = Mapping[str, PerturbationFacts]  # by name
SHARES_RIGHT: Final = {1: "accuracy", 2: "share of good outcomes"}  # by the version of the rules
ONE: Final = {1: "winning label", 2: "outcome"}
Use = Literal["none", "optional", "required"]


@dataclass(frozen=True, eq=False)
class RuleCase:
    """What was measured in one case of a rule.

    Attributes:
        variant: which.
        sample: the value.
        condition: what was done to the recordings; of several, the one that says most.
        behind: the recordings that count against the model.
        label: the label that it is about; None is all.
        note: what else is to be known.
    """

    variant: str
    sample: Sample
    condition: Condition | None = None
    behind: tuple[str, ...] = ()
    label: str | None = None
    note: str = ""


@dataclass(frozen=True, eq=False)
class Data:
    """What a rule is judged on.

    Attributes:
        run_rows: the run; None if streams alone are judged.
        baseline: another to compare with, where one was given.
        by: what is right where a metric's name does not say it: the outcome, or in rules of version 1 the winning label.
        given_streams: the variants that were streamed, if some were.
    """

    run_rows: Rows | None
    baseline: Rows | None = None
    by: By = "outcome"
    given_streams: tuple[VariantStream, ...] = ()

    @property
    def rows(self) -> Rows:
        """The run.

        Raises:
            CannotJudgeError: there is none.
        """
        if self.run_rows is None:
            raise CannotJudgeError("the rule is about single windows, and a stream alone is judged; give --from RUN, or --model CARD")
        return self.run_rows

    @property
    def streams(self) -> tuple[VariantStream, ...]:
        """The variants that were streamed.

        Raises:
            CannotJudgeError: there are none.
        """
        if not self.given_streams:
            raise CannotJudgeError("the rule is about a stream; make one with `robustness stream`, and give its folder as --stream FOLDER")
        return self.given_streams

    @property
    def alike(self) -> Rows:
        """The baseline, which was made alike.

        Raises:
            CannotJudgeError: where none was given, or it was not.
        """
        if self.baseline is None:
            raise CannotJudgeError("the rule compares with a baseline, and none was given; name its run by `baseline` or --baseline RUN")
        _ = self.baseline_notes
        return self.baseline

    @cached_property
    def baseline_notes(self) -> tuple[str, ...]:
        """What is to be known of the baseline.

        Raises:
            CannotJudgeError: where it was made from other recordings or with other settings.
        """
        return () if self.baseline is None else refuse_unlike(self.rows.run, self.baseline.run)

    def speakers(self, recordings: Sequence[str]) -> list[str | None] | None:
        """The speakers of these recordings; None where not all are known."""
        return speakers_of(recordings, self.rows.speakers)


class Metric(ABC):
    """A number about a model's answers, that a rule may bound."""

    name: ClassVar[str]
    unit: ClassVar[str] = "share"  # share, points, ms, dB, an hour or bytes
    says: ClassVar[str]  # what it is, in words that follow "the"; {share} is what is right in that version of the rules
    successor: ClassVar[str | None] = None  # the metric by outcome that took its place in version 2
    perturbation: ClassVar[Use] = "optional"
    implied: ClassVar[bool] = False  # whether a rule that names no perturbation means the one that suits
    against: ClassVar[Use] = "none"
    at: ClassVar[Use] = "none"
    label: ClassVar[bool] = False
    within: ClassVar[bool] = False  # whether a rule gives a range of leads, `within_ms`
    level: ClassVar[bool] = True
    stream: ClassVar[bool] = False  # whether it is about a stream: keys phase, take and alarms_per_hour
    signed: ClassVar[bool] = False  # whether it can be below 0

    def meaning(self, version: int) -> str:
        """What it is in rules of that version, in words that follow "the"."""
        return self.says.format(share=SHARES_RIGHT[version], one=ONE[version])

    @abstractmethod
    def cases(self, rule: Rule, data: Data) -> Iterator[RuleCase]:
        """Every case of the rule.

        Raises:
            CannotJudgeError: where rows are missing or no recording is one that the metric is about.
        """

    def suits(self, kind: PerturbationFacts) -> bool:
        """Whether it can be about a perturbation."""
        return True

    def about(self, rule: Rule, kinds: Kinds) -> str | None:
        """The perturbation that a rule is about: the one it names, or the one that the metric implies; None if none."""
        if rule.perturbation is not None or not self.implied:
            return rule.perturbation
        return next((name for name, kind in {**kinds, **known_perturbations()}.items() if self.suits(kind)), None)

    def kind(self, rule: Rule, kinds: Kinds) -> PerturbationFacts | None:
        """What is known of the perturbation that a rule is about; None if it is about none.

        Raises:
            RulesError: it was not run, or the metric is not about such a perturbation.
        """
        name = self.about(rule, kinds)
        if name is None:
            return None
        if name not in kinds:
            raise RulesError(f"key `perturbation`: {name} is not run; perturbations that are: {', '.join(kinds) or 'none'}")
        if not self.suits(kinds[name]):
            raise RulesError(unsuited(self, name, kinds))
        return kinds[name]

    def conditions(self, rule: Rule, kinds: Kinds, reference: str) -> list[Condition]:
        """What must have been evaluated, draws apart (`draw` is 0).

        Raises:
            RulesError: where a level is not on the grid.
        """
        return chosen_levels(rule, self.kind(rule, kinds), reference)

    def found(self, rule: Rule, data: Data) -> list[Condition]:
        """The conditions of the run that the rule means."""
        if (name := self.about(rule, data.rows.kinds)) is not None:
            data.rows.kind(name)
        return self.conditions(rule, data.rows.kinds, data.rows.reference)


def unsuited(metric: Metric, name: str, kinds: Kinds) -> str:
    """That a metric is not about a perturbation, and which it is about."""
    return f"key `perturbation` is {name!r}, and {metric.name} takes {' or '.join(suited(metric, kinds)) or 'none of those that are run'}"


def suited(metric: Metric, kinds: Kinds) -> list[str]:
    """The perturbations that a metric can be about."""
    return sorted(name for name, kind in kinds.items() if metric.suits(kind))


def chosen_levels(rule: Rule, kind: PerturbationFacts | None, reference: str) -> list[Condition]:
    """The clean condition, or the levels and fills of the rule's perturbation."""
    if kind is None:
        return [Condition(NONE, placement=reference)]  # type: ignore[arg-type]
    fills = [fill for fill in kind.fills if rule.fill in (None, fill)]
    if not fills:
        raise RulesError(f"key `fill` is {rule.fill!r}, and {kind.name} is run with {' and '.join(kind.fills)}")
    made = (Condition(kind.name, level, fill, 0, reference) for fill in fills for level in levels_of(rule, kind))  # type: ignore[arg-type]
    return [replace(condition, placement=kind.placement_of(condition)) for condition in made]


def levels_of(rule: Rule, kind: PerturbationFacts) -> list[float]:
    """The levels that the rule means; all of the grid where it names none."""
    if rule.placement is not None:
        found = [level for place, level in kind.placements.items() if place == rule.placement]
        if not found:
            raise RulesError(f"key `placement`: the levels of {kind.name} are no placements; give key `level`")
        return found
    if rule.levels is None:
        return list(kind.levels)
    if rule.levels.everyday:
        return list(kind.everyday_levels)
    neutral = [kind.neutral] if math.isfinite(kind.neutral) and rule.levels.side is None else []
    try:
        return rule.levels.on(list(dict.fromkeys([*kind.levels, *neutral])))
    except ValueError as error:
        raise RulesError(f"key `level`: {kind.name}: {error} {kind.unit}") from error


def labels_of(rule: Rule, frame: DataFrame) -> list[str | None]:
    """None for all labels, the one named, or each."""
    if rule.label != "*":
        return [rule.label]
    return [*sorted(map(str, frame["label"].dropna().unique()))]


def with_label(frame: DataFrame, label: str | None) -> DataFrame:
    """The labelled rows, or those of one label.

    Raises:
        CannotJudgeError: where there is none.
    """
    kept = frame[frame["label"].notna()] if label is None else frame[frame["label"] == label]
    if kept.empty:
        raise CannotJudgeError("no recording has a label" if label is None else f"no recording has the label {label!r}")
    return kept


def by_recording(right: Series[Any], frame: DataFrame) -> Series[float]:
    """The mean over draws, a row a recording."""
    found = right.astype(float).groupby(frame["recording"], observed=True, sort=True).mean()
    return found.set_axis(found.index.astype(str), axis=0)


def recording_scores(values: Series[float], data: Data) -> ScoreSample:
    """The sample of these scores, by recording."""
    return ScoreSample(np.asarray(values, dtype=np.float64), data.speakers(list(values.index)))


class Metrics:
    """The metrics that exist, by name; every file of the folder may hold some."""

    def __init__(self) -> None:
        self._all: dict[str, Metric] = {}

    def register(self, cls: type[Metric]) -> type[Metric]:
        """Adds a metric; a decorator."""
        self._all[cls.name] = cls()
        return cls

    def all(self) -> dict[str, Metric]:
        """Every metric by name."""
        for module in pkgutil.iter_modules(importlib.import_module(PACKAGE).__path__):
            importlib.import_module(f"{PACKAGE}.{module.name}")
        return dict(sorted(self._all.items()))

    def __getitem__(self, name: str) -> Metric:
        """The metric of that name.

        Raises:
            RulesError: where there is none; the message lists those that exist.
        """
        everything = self.all()
        if name not in everything:
            near = difflib.get_close_matches(name, everything, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise RulesError(f"key `metric`: there is no {name!r}; {hint}those that exist: {', '.join(everything)}")
        return everything[name]


METRICS: Final = Metrics()
