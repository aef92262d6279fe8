"""What share of the recordings is right, accepted, missed or mistaken under a condition; draws are averaged within a recording."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import ClassVar

import pandas as pd
from pandas import DataFrame, Series

from robustness.analysis.outcomes import ACCEPTED, FALSE_ACCEPT, LEFT_ALONE, MISSED, SUBSTITUTED, good
from robustness.errors import CannotJudgeError
from robustness.gates.compound import Balanced
from robustness.gates.metrics.base import METRICS, Data, Metric, RuleCase, by_recording, labels_of, recording_scores, with_label
from robustness.gates.rules import Rule


class Share(Metric):
    """A share of the recordings, by condition."""

    label: ClassVar[bool] = True
    good: ClassVar[bool] = True  # whether more of it is better: then the recordings behind it are those without

    @abstractmethod
    def counted(self, frame: DataFrame, data: Data, variant: str) -> Series[bool]:
        """Whether each row counts, [rows]; only the rows that it can happen to."""

    def cases(self, rule: Rule, data: Data) -> Iterator[RuleCase]:
        """A case a variant, condition and label."""
        conditions = self.found(rule, data)
        for variant in data.rows.matching(rule.variant):
            for condition in conditions:
                frame = data.rows.at(variant, condition)
                for label in labels_of(rule, frame):
                    rows = with_label(frame, label)
                    values = by_recording(self.counted(rows, data, variant), rows)
                    against = values[values < 1] if self.good else values[values > 0]
                    yield RuleCase(variant, recording_scores(values, data), condition, tuple(against.index), label)


@METRICS.register
class Accuracy(Share):
    """By the winning label."""

    name = "accuracy"
    says = "share of labelled recordings whose winning label is right"

    def counted(self, frame: DataFrame, data: Data, variant: str) -> Series[bool]:
        """Whether the winning label is the right one."""
        return frame["correct"].astype(bool)


@METRICS.register
class Good(Share):
    """By what the device does."""

    name = "good"
    says = "share of labelled recordings with a good outcome: a command accepted right, or another word left alone"

    def counted(self, frame: DataFrame, data: Data, variant: str) -> Series[bool]:
        """Whether the outcome is good."""
        return good(frame["outcome"]) > 0


class AtThePoint(Share):
    """An outcome at the operating point, of the recordings it can happen to."""

    of: ClassVar[tuple[str, ...]]
    outcome: ClassVar[str]
    who: ClassVar[str]

    def counted(self, frame: DataFrame, data: Data, variant: str) -> Series[bool]:
        """Whether each met the outcome."""
        met = frame["outcome"]
        met = met[met.isin(self.of)]
        if met.empty:
            raise CannotJudgeError(f"no recording is {self.who}, so {self.name} has nothing to count")
        return pd.Series(met == self.outcome, index=met.index).astype(bool)


class OfKnownWords(AtThePoint):
    """Of the commands."""

    of = (ACCEPTED, MISSED, SUBSTITUTED)
    who = "a word of the vocabulary"


@METRICS.register
class AcceptedRight(OfKnownWords):
    """A command that is carried out."""

    name = "accepted_right"
    says = "share of known words accepted right, at the operating point"
    outcome = ACCEPTED


@METRICS.register
class Missed(OfKnownWords):
    """A command that is not carried out."""

    name = "missed"
    says = "share of known words missed (unknown, or under the threshold), at the operating point"
    outcome = MISSED
    good = False


@METRICS.register
class Substituted(OfKnownWords):
    """Another command is carried out."""

    name = "substituted"
    says = "share of known words taken for another command, at the operating point"
    outcome = SUBSTITUTED
    good = False


@METRICS.register
class FalselyAccepted(AtThePoint):
    """An unknown word is carried out as a command."""

    name = "falsely_accepted"
    says = "share of unknown words accepted as a command, at the operating point"
    of = (LEFT_ALONE, FALSE_ACCEPT)
    outcome = FALSE_ACCEPT
    who = "an unknown word"
    good = False


@METRICS.register
class BalancedAccuracy(Metric):
    """Every label counts the same."""

    name = "balanced_accuracy"
    says = "accuracy by the winning label, averaged over labels"

    def cases(self, rule: Rule, data: Data) -> Iterator[RuleCase]:
        """A case a variant and condition."""
        conditions = self.found(rule, data)
        for variant in data.rows.matching(rule.variant):
            for condition in conditions:
                frame = with_label(data.rows.at(variant, condition), None)
                parts = {str(name): by_recording(rows["correct"], rows) for name, rows in frame.groupby("label", observed=True)}
                wrong = tuple(sorted(name for part in parts.values() for name in part.index[part < 1]))
                yield RuleCase(variant, Balanced(tuple(recording_scores(part, data) for part in parts.values())), condition, wrong)


@METRICS.register
class WorstLabelAccuracy(Accuracy):
    """The label that is answered worst."""

    name = "worst_label_accuracy"
    says = "accuracy by the winning label of each label, the worst judged"
    label = False

    def cases(self, rule: Rule, data: Data) -> Iterator[RuleCase]:
        """A case a variant, condition and label."""
        return super().cases(rule.model_copy(update={"label": "*"}), data)
