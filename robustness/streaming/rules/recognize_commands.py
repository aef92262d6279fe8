"""What both RecognizeCommands do: average over a window of time, look at the label on top, and remember which was said last and when.

Strictly above the threshold, with a least number of answers, and nothing before a quarter of the window. A label that is no command takes
its turn as the last label too.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Final

import numpy as np

from robustness.streaming.rules.base import DecisionRule
from robustness.streaming.scores import Detection, Floats, Scores

FIRST: Final = -1  # no label was said yet: the source has its silence label there


@dataclass(frozen=True)
class RecognizeCommands(DecisionRule):
    """What both of them do.

    Attributes:
        average_ms: how far back answers are averaged.
        suppression_ms: what must pass since the last label.
        minimum_count: answers that must be there.
    """

    average_ms: float = 1000.0
    suppression_ms: float = 1500.0
    minimum_count: int = 3

    @abstractmethod
    def averages(self, values: Floats) -> Floats:
        """The average of each label over some answers, [answers labels] → [labels]."""

    @abstractmethod
    def fires(self, *, other: bool, late: bool) -> bool:
        """Whether a label above the threshold is said.

        Args:
            other: whether it is another than the last.
            late: whether the suppression has passed.
        """

    def decide(self, scores: Scores) -> list[Detection]:
        """What the device says."""
        bars, acts, values = self.bars(scores), scores.acts, scores.values.astype(np.float64)
        silence = scores.labels.index(scores.silence) if scores.silence in scores.labels else FIRST
        starts = np.searchsorted(scores.times_ms, scores.times_ms - self.average_ms)
        last, last_ms, found = silence, -np.inf, []
        for step, now_ms in enumerate(scores.times_ms.tolist()):
            start = int(starts[step])
            if step + 1 - start < self.minimum_count or now_ms - scores.times_ms[start] < self.average_ms / 4:
                continue
            means = self.averages(values[start : step + 1])
            top = int(means.argmax())
            late = last == silence or now_ms - last_ms > self.suppression_ms
            if self.above(means[top], bars[top]) and self.fires(other=top != last, late=late):
                last, last_ms = top, now_ms
                if acts[top]:
                    found.append(Detection(now_ms, scores.labels[top], float(means[top])))
        return found

    def above(self, mean: float, bar: float) -> bool:
        """Strictly."""
        return mean > bar
