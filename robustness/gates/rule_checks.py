"""Does each rule make sense by itself: its metric, the keys that it takes, bars that the metric can reach? Loads no torch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from robustness.errors import UsageError
from robustness.gates.levels import EVERYDAY
from robustness.gates.metrics.base import METRICS, Metric, suited, unsuited
from robustness.gates.metrics.changes import PairedMetric
from robustness.gates.metrics.shares import Accuracy, Good
from robustness.gates.rules import BASELINE, Rule, Rules, RulesError
from robustness.registry import Registry
from robustness.run.perturbations import known_perturbations

PERTURBATIONS: Final[Registry[object]] = Registry("perturbation", "robustness.perturbations")  # names alone: their classes load torch
RANGES: Final = {
    "share": (0.0, 1.0),
    "points": (-1.0, 1.0),
    "ms": (0.0, None),
    "an hour": (0.0, None),
    "bytes": (0.0, None),
    "ratio": (0.0, None),
}


def checked_rules(rules: Rules) -> Rules:
    """The rules, each of them possible.

    Raises:
        RulesError: naming file, rule and key of every mistake.
    """
    wrong = [f"{rules.source}: rule {name}: {text}" for name, rule in rules.rule.items() for text in mistakes(rule, rules.version)]
    if wrong:
        raise RulesError("; ".join(wrong))
    return rules


def rewritten(rules: Rules) -> list[str]:
    """What to change in a file of version 1 so that its rules speak by outcome; empty where they already do."""
    if rules.version != 1:
        return []
    found = []
    for name, rule in rules.rule.items():
        metric = METRICS[rule.metric]
        if metric.successor is not None:
            found.append(f'rule {name}: write metric = "{metric.successor}" instead of "{rule.metric}"')
        elif rule.metric == Accuracy.name:
            found.append(f'rule {name}: metric = "{Good.name}" is the share of good outcomes; "{rule.metric}" stays the winning label\'s')
        elif metric.meaning(1) != metric.meaning(2):
            found.append(f"rule {name}: {rule.metric} then goes by the outcome; its bar may need another look")
    return found


def mistakes(rule: Rule, version: int = 2) -> list[str]:
    """What is wrong with a rule of that version, each with its key."""
    try:
        metric = METRICS[rule.metric]
    except RulesError as error:
        return [str(error)]
    if version != 1 and metric.successor is not None:
        said = f'key `metric` is "{rule.metric}", by the winning label'
        return [f'{said}, and version = {version} speaks by outcome; write "{metric.successor}"']
    return [*_bars(rule, metric), *_perturbation(rule, metric), *_family(rule, metric), *_against(rule, metric), *_keys(rule, metric)]


def _bars(rule: Rule, metric: Metric) -> Iterator[str]:
    if rule.min is None and rule.max is None:
        yield "it has no bar; give key `min`, `max` or both"
    if rule.min is not None and rule.max is not None and rule.min > rule.max:
        yield f"key `min` is {rule.min:g}, above `max`, {rule.max:g}: nothing could pass"
    low, high = (None, None) if metric.signed else RANGES.get(metric.unit, (None, None))
    for key, bar in (("min", rule.min), ("max", rule.max)):
        if bar is None or ((low is None or bar >= low) and (high is None or bar <= high)):
            continue
        if high is None:
            yield f"key `{key}` is {bar:g}, and {rule.metric} is never under {low:g}"
        else:
            advice = f"; did you mean {bar / 100:g}?" if 1 < abs(bar) <= 100 else ""
            yield f"key `{key}` is {bar:g}, and {rule.metric} lies between {low:g} and {high:g}{advice}"


def _perturbation(rule: Rule, metric: Metric) -> Iterator[str]:
    name, known = rule.perturbation, known_perturbations()
    if name is None:
        if metric.perturbation == "required" and rule.family is None:
            yield f"key `perturbation` is missing; {rule.metric} takes {' or '.join(suited(metric, known))}"
        return
    if metric.perturbation == "none":
        yield f"key `perturbation`: {rule.metric} takes none"
    elif name in known and not metric.suits(known[name]):
        yield unsuited(metric, name, known)
    elif name not in PERTURBATIONS.names():
        try:
            PERTURBATIONS[name]
        except UsageError as error:
            yield f"key `perturbation`: {error}"


def _family(rule: Rule, metric: Metric) -> Iterator[str]:
    if rule.family is None:
        return
    if rule.perturbation is not None:
        yield "keys `perturbation` and `family` say both what is done; give one"
    if metric.perturbation == "none" or metric.implied:
        yield f"key `family`: {rule.metric} takes none"
    elif metric.unit == "level":
        yield f"key `family`: {rule.metric} has a bar in the unit of one perturbation; name it by key `perturbation`"
    if rule.levels is not None and not rule.levels.everyday:
        yield f'key `level`: the perturbations of a family have grids of their own; write level = "{EVERYDAY}", or leave it out for all'


def _against(rule: Rule, metric: Metric) -> Iterator[str]:
    if rule.against is not None and metric.against == "none":
        yield f"key `against`: {rule.metric} is compared with nothing; leave it out"
    if rule.against is None and metric.against == "required":
        yield f'key `against` is missing; {rule.metric} needs another variant, such as "float32"'
    if rule.against is None and isinstance(metric, PairedMetric) and rule.perturbation is None and rule.family is None:
        yield f'key `against` is missing; {rule.metric} needs a perturbation, another variant such as "float32", or "{BASELINE}"'
    if rule.against == BASELINE and not isinstance(metric, PairedMetric):
        yield f"key `against`: {rule.metric} is compared with another variant, not with a baseline"
    if rule.against is not None and rule.against == rule.variant:
        yield f"key `against` is {rule.against!r}, the variant itself; give another"


def _keys(rule: Rule, metric: Metric) -> Iterator[str]:
    for key in ("phase", "take", "alarms_per_hour"):
        if getattr(rule, key) is not None and not metric.stream:
            yield f"key `{key}` is about a stream, and {rule.metric} is about single windows; leave it out"
    if rule.alarms_per_hour is not None and metric.stream and rule.metric != "stream_hit_rate":
        yield "key `alarms_per_hour` goes with stream_hit_rate alone"
    perturbed = rule.perturbation or rule.family or metric.implied
    if rule.at is None and metric.at == "required":
        yield "key `at` is missing; it is the share that must hold, such as at = 0.90"
    if rule.at is not None and metric.at == "none":
        yield f"key `at`: {rule.metric} takes none"
    if rule.within_ms is None and metric.within:
        yield f"key `within_ms` is missing; {rule.metric} needs a range, such as within_ms = 50"
    if rule.within_ms is not None and not metric.within:
        yield f"key `within_ms`: {rule.metric} takes none"
    if rule.label is not None and not metric.label:
        yield f"key `label`: {rule.metric} is not about one label"
    if rule.level is not None and not (metric.level and perturbed):
        yield f"key `level`: {rule.metric} {'is over the whole grid' if perturbed else 'has no perturbation here'}; leave it out"
    if rule.fill is not None and not (metric.level and perturbed):
        yield f"key `fill`: {rule.metric} {'uses zeros' if perturbed else 'has no perturbation here'}; leave it out"
    known = known_perturbations()
    stands = rule.perturbation is not None and (rule.perturbation not in known or known[rule.perturbation].placements)
    if rule.placement is not None and not (stands and metric.level):
        names = " or ".join(repr(name) for name, kind in known.items() if kind.placements)
        yield f"key `placement` goes with perturbation = {names}"
    if rule.placement is not None and rule.level is not None:
        yield "keys `placement` and `level` say the same; give one"
