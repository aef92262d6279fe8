"""Does the answer hold wherever the word lies? Tolerance to each side, worst case and consistency over the shift atlas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import pandas as pd
from pandas import DataFrame

from robustness.analysis.accuracy import By, rightness
from robustness.conditions import Condition
from robustness.errors import CannotJudgeError
from robustness.gates.compound import LevelReach
from robustness.gates.metrics.base import METRICS, Data, Kinds, Metric, RuleCase, Use, by_recording, recording_scores, with_label
from robustness.gates.rules import Rule, RulesError
from robustness.gates.samples import ScoreSample
from robustness.run.perturbations import PerturbationFacts


class ToleranceMetric(Metric):
    """How far the word may lie from the reference placement."""

    unit = "ms"
    implied = True
    at: ClassVar[Use] = "required"
    level = False
    sign: ClassVar[int]

    def suits(self, kind: PerturbationFacts) -> bool:
        """About shifts, counted in ms."""
        return kind.leads

    def conditions(self, rule: Rule, kinds: Kinds, reference: str) -> list[Condition]:
        """The neutral level and every level of one side, mild → harsh."""
        kind = shift_of(self, rule, kinds)
        side = sorted((level for level in kind.levels if level * self.sign > 0), key=abs)
        if rule.min is not None and (not side or rule.min > abs(side[-1])):
            end = f"ends at {abs(side[-1]):g} ms" if side else "has no level on that side"
            raise RulesError(f"key `min` is {rule.min:g} ms, and the grid of {kind.name} {end}: it could never be shown")
        return [Condition(kind.name, level, "zeros", 0, reference) for level in (kind.neutral, *side)]  # type: ignore[arg-type]

    def cases(self, rule: Rule, data: Data) -> Iterator[RuleCase]:
        """A case a variant."""
        conditions = self.found(rule, data)
        for variant in data.rows.matching(rule.variant):
            values = [right_shares(with_label(data.rows.at(variant, condition), rule.label), data.by) for condition in conditions]
            curve = tuple(recording_scores(value, data) for value in values)
            reach = LevelReach(tuple(abs(c.level or 0.0) for c in conditions), curve, rule.at or 1.0)
            yield self._case(variant, reach, dict(zip(conditions, values, strict=True)))

    def _case(self, variant: str, reach: LevelReach, values: Mapping[Condition, Any]) -> RuleCase:
        """With the recordings that are wrong at the level where the bar is lost."""
        lost = next((c for c, s in zip(values, reach.curve, strict=True) if s.value < reach.at), None)
        if lost is None:
            return RuleCase(
                variant, reach, list(values)[-1], (), None, f"the grid ends at {reach.distances[-1]:g} ms; further is not known"
            )
        note = f"{100 * values[lost].mean():.1f} % are right at {lost.level:+g} ms"
        return RuleCase(variant, reach, lost, tuple(values[lost].index[values[lost] < 1]), None, note)


def shift_of(metric: Metric, rule: Rule, kinds: Kinds) -> PerturbationFacts:
    """The perturbation whose levels are leads, that a rule on shifts is about.

    Raises:
        RulesError: none is run.
    """
    kind = metric.kind(rule, kinds)
    if kind is None:
        raise RulesError(f"{metric.name} is about shifts, and no perturbation that is run makes them")
    return kind


def right_shares(frame: DataFrame, by: By) -> pd.Series[float]:
    """The share of draws that are right, a row a recording."""
    return by_recording(rightness(frame, by), frame)


@METRICS.register
class ToleranceEarly(ToleranceMetric):
    """Towards the window's start."""

    name = "tolerance_early_ms"
    says = "furthest shift towards the start at which the {share} still holds, and at every milder one"
    sign = -1


@METRICS.register
class ToleranceLate(ToleranceMetric):
    """Towards the window's end."""

    name = "tolerance_late_ms"
    says = "furthest shift towards the end at which the {share} still holds, and at every milder one"
    sign = 1


class OverTheAtlas(Metric):
    """Over every lead that keeps the recording whole inside the window."""

    implied = True
    level = False

    def suits(self, kind: PerturbationFacts) -> bool:
        """About shifts that are leads from the window's start."""
        return kind.leads

    def conditions(self, rule: Rule, kinds: Kinds, reference: str) -> list[Condition]:
        """The leads of the shift atlas from the window's start on."""
        kind = shift_of(self, rule, kinds)
        return [Condition(kind.name, lead, "zeros", 0, "offset") for lead in kind.atlas if lead >= 0]

    def inside(self, rule: Rule, data: Data, variant: str) -> tuple[DataFrame, Condition]:
        """The rows within each recording's slack, and the last condition of them.

        Raises:
            CannotJudgeError: where the run has no shift atlas.
        """
        kind = data.rows.kind(self.about(rule, data.rows.kinds) or "")
        leads = data.rows.leads(variant, kind.name)
        if not leads or leads[0] != 0:
            raise CannotJudgeError(f"the run has no shift atlas from the window's start on for {variant}, and {self.name} needs it")
        conditions = self.conditions(rule, {kind.name: replace(kind, atlas=tuple(leads))}, data.rows.reference)
        frame = pd.concat([data.rows.at(variant, condition) for condition in conditions])
        slack_ms = frame["recording"].astype(str).map(data.rows.recordings["slack_ms"])
        return frame[frame["level"] <= slack_ms], conditions[-1]


@METRICS.register
class WorstCaseGood(OverTheAtlas):
    """Good wherever the word lies."""

    name = "worst_case_good"
    says = "share of recordings with a good outcome at every lead within their slack"
    label = True
    by: ClassVar[By] = "outcome"

    def cases(self, rule: Rule, data: Data) -> Iterator[RuleCase]:
        """A case a variant."""
        for variant in data.rows.matching(rule.variant):
            frame, condition = self.inside(rule, data, variant)
            rows = with_label(frame, rule.label)
            always = rightness(rows, self.by).groupby(rows["recording"].astype(str), sort=True).min()
            yield RuleCase(variant, recording_scores(always, data), condition, tuple(always.index[always < 1]), rule.label)


@METRICS.register
class WorstCaseAccuracy(WorstCaseGood):
    """Right by the winning label wherever the word lies."""

    name = "worst_case_accuracy"
    says = "share of recordings whose winning label is right at every lead within their slack"
    by = "label"
    successor = WorstCaseGood.name


@METRICS.register
class Consistency(OverTheAtlas):
    """One outcome wherever the word lies (after Zhang 2019, arXiv:1904.11486, whose is of answers)."""

    name = "consistency"
    says = "chance that two leads drawn at random give one {one}"

    def cases(self, rule: Rule, data: Data) -> Iterator[RuleCase]:
        """A case a variant."""
        for variant in data.rows.matching(rule.variant):
            frame, condition = self.inside(rule, data, variant)
            of = "outcome" if data.by == "outcome" else "predicted"
            answers = frame.groupby([frame["recording"].astype(str), of], observed=True).size()
            total = answers.groupby(level=0).sum()
            pairs = (total * (total - 1))[total > 1]
            if pairs.empty:
                raise CannotJudgeError(f"no recording has two leads within its slack, so {self.name} has nothing to compare")
            same = answers.mul(answers - 1).groupby(level=0).sum()[pairs.index] / pairs
            sample: ScoreSample = recording_scores(same, data)
            yield RuleCase(variant, sample, condition, tuple(same.index[same < 1]))
