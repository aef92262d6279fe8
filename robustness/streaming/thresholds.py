"""Which thresholds hit most words within a budget of false alarms? One for all commands, or one for each.

A command's own curve counts its detections alone: the answers at which it is the best command, by the plain rule. The budget is shared
among commands so that most words are hit, exactly (by dynamic programming over how many false alarms each may give). What commands do to
each other through the refractory time is left out there; the figures of the choice are those of the rule itself. Loads no torch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np

from robustness.analysis.intervals import Estimate, wilson
from robustness.analysis.outcomes import OperatingPoint
from robustness.errors import UsageError
from robustness.streaming.curve import OperatingCurve, operating_curve
from robustness.streaming.figures import StreamFigures, figures_of
from robustness.streaming.matching import Matching, Timeline, match
from robustness.streaming.rules.base import plain_rule
from robustness.streaming.scores import Scores, best_command

NEVER: Final = 1.0  # the threshold of a command that no threshold lets pass
MOST_ALARMS: Final = 5_000  # over which a budget is shared


class LabelFigures(NamedTuple):
    """The words of one command.

    Attributes:
        label: the command.
        threshold: of it.
        words: of it.
        hits: of them.
        false_alarms: with its name.
    """

    label: str
    threshold: float
    words: int
    hits: int
    false_alarms: int

    @property
    def missed(self) -> Estimate:
        """The share that is missed."""
        return wilson(self.words - self.hits, self.words)


@dataclass(frozen=True, eq=False)
class StreamPart:
    """One part of the takes.

    Attributes:
        scores: of each take.
        timelines: the words of each.
    """

    scores: list[Scores]
    timelines: list[Timeline]

    @property
    def commands(self) -> list[str]:
        """The labels that are commands."""
        first = self.scores[0]
        return [label for label, acts in zip(first.labels, first.acts, strict=True) if acts]

    def curve(self, refractory_ms: float) -> OperatingCurve:
        """Of one threshold for all commands."""
        return operating_curve(self.scores, self.timelines, 1, refractory_ms)

    def matchings(self, thresholds: Mapping[str, float], refractory_ms: float) -> list[Matching]:
        """What the plain rule says with a threshold for each command."""
        rule, own = plain_rule(None, refractory_ms), tuple(sorted(thresholds.items()))
        takes = [replace(one, point=replace(one.point, own=own)) for one in self.scores]
        return [match(rule.decide(take), timeline) for take, timeline in zip(takes, self.timelines, strict=True)]

    def figures(self, thresholds: Mapping[str, float], refractory_ms: float) -> StreamFigures:
        """The figures of the takes together."""
        return figures_of(self.matchings(thresholds, refractory_ms))

    def by_label(self, thresholds: Mapping[str, float], refractory_ms: float) -> list[LabelFigures]:
        """The figures of each command."""
        found = self.matchings(thresholds, refractory_ms)
        return [_of_label(label, thresholds[label], found) for label in self.commands]


def _of_label(label: str, threshold: float, matchings: Sequence[Matching]) -> LabelFigures:
    mine = [(one, place) for one in matchings for place, word in enumerate(one.timeline.words) if word.label == label]
    alarms = sum(heard.detection.label == label for one in matchings for heard in one.of_kind("false alarm"))
    return LabelFigures(label, threshold, len(mine), sum(place in one.hits for one, place in mine), alarms)


def own_curve(part: StreamPart, label: str, refractory_ms: float) -> OperatingCurve:
    """The curve of one command alone."""
    takes = [_alone(scores, scores.labels.index(label)) for scores in part.scores]
    return operating_curve(takes, part.timelines, 1, refractory_ms)


def _alone(scores: Scores, place: int) -> Scores:
    best, p = best_command(scores)
    values = np.where(best == place, p, np.float32(0.0))[:, None]
    return replace(scores, labels=(scores.labels[place],), values=values, point=OperatingPoint(frozenset(), contest=False))


def one_threshold(part: StreamPart, per_hour: float, refractory_ms: float) -> dict[str, float]:
    """The same threshold for every command, with the most hits within the budget; none if there is none."""
    curve = part.curve(refractory_ms)
    place = curve.within(per_hour)
    return {} if place < 0 or curve.hits[place] == 0 else dict.fromkeys(part.commands, float(curve.thresholds[place]))


def own_thresholds(part: StreamPart, per_hour: float, refractory_ms: float) -> dict[str, float]:
    """A threshold for each command, with the most hits together within the budget; none if none hits a word.

    Raises:
        UsageError: the budget allows so many false alarms that they cannot be shared.
    """
    hours = sum(timeline.hours for timeline in part.timelines)
    allowed = math.floor(per_hour * hours + 1e-9)
    if allowed > MOST_ALARMS:
        raise UsageError(
            f"the budget allows {allowed:,} false alarms in {hours:.3g} h, and at most {MOST_ALARMS:,} are shared among commands; give a "
            "smaller --budget, or one threshold for all"
        )
    curves = {label: own_curve(part, label, refractory_ms) for label in part.commands}
    tables = {label: _most_hits(curve, allowed) for label, curve in curves.items()}
    shares = _shared([hits for hits, _ in tables.values()], allowed)
    if not sum(hits[share] for (hits, _), share in zip(tables.values(), shares, strict=True)):
        return {}
    return {label: thresholds[share] for (label, (_, thresholds)), share in zip(tables.items(), shares, strict=True)}


def _most_hits(curve: OperatingCurve, allowed: int) -> tuple[list[int], list[float]]:
    """The most hits with so many false alarms, and the highest threshold that has them, for 0 … `allowed`."""
    hits, thresholds = [0] * (allowed + 1), [NEVER] * (allowed + 1)
    for threshold, found, alarms in zip(curve.thresholds.tolist(), curve.hits.tolist(), curve.false_alarms.tolist(), strict=True):
        if math.isfinite(threshold) and alarms <= allowed and found > hits[int(alarms)]:
            hits[int(alarms)], thresholds[int(alarms)] = int(found), threshold
    for count in range(1, allowed + 1):
        if hits[count - 1] >= hits[count]:
            hits[count], thresholds[count] = hits[count - 1], thresholds[count - 1]
    return hits, thresholds


def _shared(tables: Sequence[Sequence[int]], allowed: int) -> list[int]:
    """How many false alarms each may give so that the sum of hits is largest; of several ways the one with the fewest."""
    best, choices = np.zeros(allowed + 1, np.int64), []
    for table in tables:
        values = np.asarray(table)
        choice = [int((values[: count + 1] + best[count::-1]).argmax()) for count in range(allowed + 1)]
        best = np.asarray([values[share] + best[count - share] for count, share in enumerate(choice)])
        choices.append(choice)
    left, shares = int(best.argmax()), []
    for choice in reversed(choices):
        shares.append(choice[left])
        left -= choice[left]
    return shares[::-1]
