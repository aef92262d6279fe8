"""Which perturbations does a rule mean that names a family? Each that is run; the rule holds if it holds under each. Loads no torch."""

from __future__ import annotations

from robustness.gates.metrics.base import METRICS, Kinds
from robustness.gates.rules import Rule, RulesError


def each_perturbation(rule: Rule, kinds: Kinds) -> list[Rule]:
    """The rule itself, or one for each perturbation of the family that it names.

    Args:
        rule: as it is written.
        kinds: what is known of the perturbations that are run, by name.

    Raises:
        RulesError: none of the family is run that the metric can be about.
    """
    if rule.family is None:
        return [rule]
    metric = METRICS[rule.metric]
    names = [name for name, kind in kinds.items() if kind.family == rule.family and metric.suits(kind)]
    if not names:
        there = ", ".join(dict.fromkeys(kind.family for kind in kinds.values())) or "none"
        raise RulesError(f"key `family`: no perturbation of the family {rule.family} is run that {metric.name} takes; families: {there}")
    return [rule.model_copy(update={"family": None, "perturbation": name}) for name in names]
