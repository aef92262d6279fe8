"""What does it change when the device starts a little later? Every phase of the first window, from one set of closely spaced scores.

Scores every `step` ms hold the streams of a device that answers every H = n · step ms, one for each of the n phases of its first window.
Loads no torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from robustness.streaming.figures import StreamFigures, figures_of
from robustness.streaming.matching import Matching, Timeline, match
from robustness.streaming.rules.base import DecisionRule
from robustness.streaming.scores import Scores


@dataclass(frozen=True)
class Phases:
    """Streams that differ in when their first window begins.

    Attributes:
        hop_ms: from one answer to the next.
        step_ms: from one phase to the next.
        matchings: of each phase, one a take.
    """

    hop_ms: float
    step_ms: float
    matchings: tuple[tuple[Matching, ...], ...]

    @property
    def figures(self) -> list[StreamFigures]:
        """Of each phase, all takes together."""
        return [figures_of(one) for one in self.matchings]

    @property
    def worst(self) -> int:
        """The phase with the fewest hits; of equal ones that with the most wrong commands, and then the most false alarms."""
        found = self.figures
        return min(range(len(found)), key=lambda at: (found[at].hits, -found[at].wrong_words, -found[at].false_alarms))

    def mean(self, name: str) -> float:
        """The mean of a figure over the phases."""
        values = [float(getattr(one, name)) for one in self.figures]
        return sum(values) / len(values)


def phases_of(takes: Sequence[Scores], timelines: Sequence[Timeline], rule: DecisionRule, steps: int) -> Phases:
    """The streams that answer every so many steps.

    Args:
        takes: closely spaced scores of each.
        timelines: the words of each.
        rule: what the device says.
        steps: from one answer to the next.
    """
    step_ms = max((take.step_ms for take in takes), default=0.0)
    return Phases(steps * step_ms, step_ms, tuple(tuple(_matched(takes, timelines, rule, steps, first)) for first in range(steps)))


def _matched(takes: Sequence[Scores], timelines: Sequence[Timeline], rule: DecisionRule, steps: int, first: int) -> Iterator[Matching]:
    for take, timeline in zip(takes, timelines, strict=True):
        yield match(rule.decide(take.every(steps, first)), timeline)
