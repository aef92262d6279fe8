"""How far can a perturbation go while a share holds, in its own unit? For the axis of every perturbation."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from robustness.conditions import Condition
from robustness.errors import CannotJudgeError
from robustness.gates.compound import LevelReach
from robustness.gates.metrics.base import METRICS, Data, Kinds, Metric, RuleCase, Use, chosen_levels, recording_scores, with_label
from robustness.gates.metrics.shifts import right_shares
from robustness.gates.rules import Rule, RulesError
from robustness.gates.samples import ScoreSample
from robustness.run.perturbations import PerturbationFacts


@dataclass(frozen=True, eq=False)
class ToleratedLevel(LevelReach):
    """The harshest level up to which a share holds; harsher may be a larger number, or a smaller one such as an SNR.

    The value is infinite on the mild side where the share does not hold at the mildest level.
    """

    @property
    def falling(self) -> bool:
        """Whether harsher is smaller."""
        return len(self.distances) > 1 and self.distances[-1] < self.distances[0]

    def first_at(self, bar: float) -> float:
        """The first level that is as harsh as the bar."""
        sign = -1 if self.falling else 1
        return next((level for level in self.distances if sign * level >= sign * bar - 1e-9), self.distances[-1])

    def _furthest(self, shares: Sequence[float]) -> float:
        found = super()._furthest(shares)
        return math.inf if found == -math.inf and self.falling else found


@METRICS.register
class HarshestTolerated(Metric):
    """One side of the axis of any perturbation."""

    name = "tolerated_level"
    unit = "level"
    says = "harshest level, in the perturbation's unit, up to which the {share} holds, and at every milder one"
    perturbation: ClassVar[Use] = "required"
    at: ClassVar[Use] = "required"
    label = True

    def suits(self, kind: PerturbationFacts) -> bool:
        """About what has levels, and not placements."""
        return not kind.placements

    def conditions(self, rule: Rule, kinds: Kinds, reference: str) -> list[Condition]:
        """The levels of one side, mild → harsh.

        Raises:
            RulesError: the perturbation has two sides, and the rule names none.
        """
        kind = self.kind(rule, kinds)
        assert kind is not None  # noqa: S101 - a rule without a perturbation is refused
        found = sorted(
            (c for c in chosen_levels(rule, kind, reference) if c.fill == (rule.fill or "zeros") and c.level != kind.neutral),
            key=lambda condition: kind.distance(condition.level or 0.0),
        )
        if len({(condition.level or 0.0) > kind.neutral for condition in found}) > 1:
            raise RulesError(
                f'{kind.name} has levels on both sides of {kind.neutral:g} {kind.unit}; give key `level` a side, such as "> 0"'
            )
        return found

    def cases(self, rule: Rule, data: Data) -> Iterator[RuleCase]:
        """A case a variant."""
        conditions = self.found(rule, data)
        if not conditions:
            raise CannotJudgeError(f"no level of {rule.perturbation} that changes anything was run, so {self.name} has nothing to judge")
        kind = data.rows.kind(str(rule.perturbation))
        for variant in data.rows.matching(rule.variant):
            values = [right_shares(with_label(data.rows.at(variant, condition), rule.label), data.by) for condition in conditions]
            curve: tuple[ScoreSample, ...] = tuple(recording_scores(value, data) for value in values)
            sample = ToleratedLevel(tuple(c.level or 0.0 for c in conditions), curve, rule.at or 1.0)
            lost = next((i for i, scores in enumerate(curve) if scores.value < sample.at - 1e-9), None)
            worst = len(conditions) - 1 if lost is None else lost
            end = f"{conditions[worst].level:g} {kind.unit}"
            note = f"the grid ends at {end}; further is not known" if lost is None else f"{100 * curve[lost].value:.1f} % hold at {end}"
            behind = () if lost is None else tuple(values[worst].index[values[worst] < 1])
            yield RuleCase(variant, sample, conditions[worst], behind, rule.label, note)
