"""How many answers change, recording by recording: against the reference condition, another variant, or a baseline."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
from pandas import DataFrame, Series

from robustness.analysis.accuracy import By, rightness
from robustness.conditions import NONE, Condition
from robustness.errors import CannotJudgeError
from robustness.gates.metrics.base import (
    METRICS,
    Data,
    Kinds,
    Metric,
    RuleCase,
    Use,
    chosen_levels,
    labels_of,
    recording_scores,
    with_label,
)
from robustness.gates.rows import named
from robustness.gates.rules import BASELINE, Rule
from robustness.gates.samples import Differences


class PairedMetric(Metric):
    """Two answers to the same recordings, side by side."""

    against: ClassVar[Use] = "optional"  # none: the reference condition of the same variant
    label: ClassVar[bool] = True
    labelled: ClassVar[bool] = True  # whether it needs the truth
    by: ClassVar[By] = "outcome"

    def conditions(self, rule: Rule, kinds: Kinds, reference: str) -> list[Condition]:
        """The rule's conditions, and the reference where it is what they are compared with."""
        found = chosen_levels(rule, self.kind(rule, kinds), reference)
        clean = Condition(NONE, placement=reference)  # type: ignore[arg-type]
        return found if rule.against is not None else list(dict.fromkeys([clean, *found]))

    def cases(self, rule: Rule, data: Data) -> Iterator[RuleCase]:
        """A case a variant, condition and label."""
        if rule.perturbation is not None:
            data.rows.kind(rule.perturbation)
        conditions = chosen_levels(rule, self.kind(rule, data.rows.kinds), data.rows.reference)
        for variant in data.rows.matching(rule.variant):
            if variant == rule.against or variant.endswith(f" · {rule.against}"):
                continue
            for condition in conditions:
                both = self.pairs(rule, data, variant, condition)
                for label in labels_of(rule, both):
                    yield self.case(
                        with_label(both, label) if self.labelled else both, data, RuleCase(variant, NOTHING, condition, (), label)
                    )

    def pairs(self, rule: Rule, data: Data, variant: str, condition: Condition) -> DataFrame:
        """Before and after, a row a recording and draw.

        Raises:
            CannotJudgeError: where the two were not made alike.
        """
        after = data.rows.at(variant, condition)
        if rule.against is None:
            clean = Condition(NONE, placement=data.rows.reference)  # type: ignore[arg-type]
            before, on = data.rows.at(variant, clean).drop(columns="draw"), ["recording"]
        elif rule.against == BASELINE:
            before, on = data.alike.at(self._name_there(data, variant), condition), ["recording", "draw"]
        else:
            before, on = data.rows.at(data.rows.beside(variant, rule.against), condition), ["recording", "draw"]
        plain = {"recording": str, "predicted": str, "outcome": object}
        after, before = (rows.assign(right=rightness(rows, self.by)).astype(plain) for rows in (after, before))
        kept = after[["recording", "draw", "label", "predicted", "outcome", "right"]]
        both = kept.merge(before[[*on, "predicted", "outcome", "right"]], on=on, suffixes=("_after", "_before"))
        if len(both) != len(after):
            raise CannotJudgeError(f"{len(after) - len(both)} answers under {named(condition)} have no partner to be compared with")
        return both

    def _name_there(self, data: Data, variant: str) -> str:
        """The variant's name in the baseline, whose model may have another."""
        names = [variant, variant.rpartition(" · ")[2]]
        return next((name for name in names if name in data.alike.variants), names[0])

    def case(self, both: DataFrame, data: Data, case: RuleCase) -> RuleCase:
        """The case with its sample and the recordings behind it."""
        raise NotImplementedError


NOTHING = Differences(np.zeros(1))  # before anything is measured


def grouped(values: Series[Any], both: DataFrame) -> Series[float]:
    """The mean over draws, a row a recording."""
    return values.astype(float).groupby(both["recording"], sort=True).mean()


class Turned(PairedMetric):
    """The share that changed, over the recordings that were right, or wrong."""

    was: ClassVar[bool]
    who: ClassVar[str]

    def case(self, both: DataFrame, data: Data, case: RuleCase) -> RuleCase:
        """Of the draws that could change, the share that did.

        Raises:
            CannotJudgeError: where none could.
        """
        rows = both[(both["right_before"] > 0) == self.was]
        if rows.empty:
            raise CannotJudgeError(f"no recording was {self.who} before ({case.variant}), so none could change")
        changed = grouped((rows["right_after"] > 0) != self.was, rows)
        behind = changed.index[changed > 0] if self.was else changed.index[changed == 0]
        return RuleCase(case.variant, recording_scores(changed, data), case.condition, tuple(behind), case.label)


@METRICS.register
class GoodToBad(Turned):
    """Over the recordings with a good outcome."""

    name = "good_to_bad"
    says = "share of recordings whose outcome changes to bad, of those where it was good"
    was = True
    who = "good"


@METRICS.register
class BadToGood(Turned):
    """Over the recordings with a bad outcome."""

    name = "bad_to_good"
    says = "share of recordings whose outcome changes to good, of those where it was bad"
    was = False
    who = "bad"


@METRICS.register
class RightToWrong(Turned):
    """Over the recordings whose winning label was right."""

    name = "right_to_wrong"
    says = "share of recordings whose winning label changes to wrong, of those where it was right"
    by = "label"
    successor = GoodToBad.name
    was = True
    who = "right"


@METRICS.register
class WrongToRight(Turned):
    """Over the recordings whose winning label was wrong."""

    name = "wrong_to_right"
    says = "share of recordings whose winning label changes to right, of those where it was wrong"
    by = "label"
    successor = BadToGood.name
    was = False
    who = "wrong"


@METRICS.register
class GoodDrop(PairedMetric):
    """How many good outcomes are lost, in pairs."""

    name = "good_drop"
    unit = "points"
    says = "share of good outcomes lost, paired by recording"

    def case(self, both: DataFrame, data: Data, case: RuleCase) -> RuleCase:
        """Before minus after."""
        drop = grouped(both["right_before"] - both["right_after"], both)
        sample = Differences(np.asarray(drop, dtype=np.float64), data.speakers(list(drop.index)))
        return RuleCase(case.variant, sample, case.condition, tuple(drop.index[drop > 0]), case.label)


@METRICS.register
class AccuracyDrop(GoodDrop):
    """How much accuracy is lost, in pairs."""

    name = "accuracy_drop"
    says = "accuracy lost by the winning label, paired by recording"
    by = "label"
    successor = GoodDrop.name


@METRICS.register
class Agreement(PairedMetric):
    """Whatever the truth."""

    name = "agreement"
    says = "share of recordings with the same winning label"
    labelled = False
    label = False

    def case(self, both: DataFrame, data: Data, case: RuleCase) -> RuleCase:
        """Whether the winning label is the same."""
        same = grouped(both["predicted_before"] == both["predicted_after"], both)
        return RuleCase(case.variant, recording_scores(same, data), case.condition, tuple(same.index[same < 1]), None)


@METRICS.register
class SameOutcome(PairedMetric):
    """Whether the device does the same right or wrong thing."""

    name = "same_outcome"
    says = "share of recordings with the same outcome"

    def case(self, both: DataFrame, data: Data, case: RuleCase) -> RuleCase:
        """Whether the outcome is the same."""
        same = grouped(both["outcome_before"] == both["outcome_after"], both)
        return RuleCase(case.variant, recording_scores(same, data), case.condition, tuple(same.index[same < 1]), case.label)
