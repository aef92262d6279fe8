"""How many answers change, recording by recording: against the reference condition, another variant, or a baseline."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
from pandas import DataFrame, Series

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
        columns = [*on, "predicted", "correct"]
        kept = after[["recording", "draw", "label", "predicted", "correct"]]
        both = kept.astype({"recording": str, "predicted": str}).merge(
            before[columns].astype({"recording": str, "predicted": str}), on=on, suffixes=("_after", "_before")
        )
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


@METRICS.register
class RightToWrong(PairedMetric):
    """Over the recordings that were right."""

    name = "right_to_wrong"
    says = "share of recordings that turn wrong, of those that were right"

    def case(self, both: DataFrame, data: Data, case: RuleCase) -> RuleCase:
        """Of the draws that were right before, the share that is wrong now."""
        return turned(both, data, case, "before", "right")


@METRICS.register
class WrongToRight(PairedMetric):
    """Over the recordings that were wrong."""

    name = "wrong_to_right"
    says = "share of recordings that turn right, of those that were wrong"

    def case(self, both: DataFrame, data: Data, case: RuleCase) -> RuleCase:
        """Of the draws that were wrong before, the share that is right now."""
        return turned(both, data, case, "before", "wrong")


def turned(both: DataFrame, data: Data, case: RuleCase, when: str, was: str) -> RuleCase:
    """The share that changed of the recordings that were right, or wrong."""
    start = both[f"correct_{when}"].astype(bool) == (was == "right")
    rows = both[start]
    if rows.empty:
        raise CannotJudgeError(f"no recording was {was} {when} ({case.variant}), so none could change")
    changed = grouped(rows["correct_after"].astype(bool) != (was == "right"), rows)
    behind = changed.index[changed > 0] if was == "right" else changed.index[changed == 0]
    return RuleCase(case.variant, recording_scores(changed, data), case.condition, tuple(behind), case.label)


@METRICS.register
class AccuracyDrop(PairedMetric):
    """How much accuracy is lost, in pairs."""

    name = "accuracy_drop"
    unit = "points"
    says = "accuracy lost, paired by recording"

    def case(self, both: DataFrame, data: Data, case: RuleCase) -> RuleCase:
        """Before minus after."""
        before, after = both["correct_before"].astype(bool).astype(float), both["correct_after"].astype(bool).astype(float)
        drop = grouped(before - after, both)
        sample = Differences(np.asarray(drop, dtype=np.float64), data.speakers(list(drop.index)))
        return RuleCase(case.variant, sample, case.condition, tuple(drop.index[drop > 0]), case.label)


@METRICS.register
class Agreement(PairedMetric):
    """Whatever the truth."""

    name = "agreement"
    says = "share of recordings answered alike"
    labelled = False
    label = False

    def case(self, both: DataFrame, data: Data, case: RuleCase) -> RuleCase:
        """Whether the winning label is the same."""
        same = grouped(both["predicted_before"] == both["predicted_after"], both)
        return RuleCase(case.variant, recording_scores(same, data), case.condition, tuple(same.index[same < 1]), None)
