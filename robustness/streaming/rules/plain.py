"""The plain rule: a command is said when the mean of the last scores reaches the threshold, and then nothing for a while."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from robustness.streaming.rules.base import RULES, DecisionRule
from robustness.streaming.scores import Detection, Scores, averaged, best_command


@RULES.register
@dataclass(frozen=True)
class Plain(DecisionRule):
    """At or above the threshold, as for a single window; the winning label decides where there is no threshold.

    Attributes:
        window: how many scores are averaged.
        refractory_ms: after a detection nothing is said for so long, whatever the label.
    """

    name: ClassVar[str] = "plain"
    source: ClassVar[str] = "Chen, Parada & Heigold (2014), ICASSP: a threshold on smoothed posteriors; here with a refractory time"
    usual: ClassVar[float | None] = None
    window: int = 1
    refractory_ms: float = 1000.0

    def decide(self, scores: Scores) -> list[Detection]:
        """What the device says."""
        mean = averaged(scores, self.window)
        place, p = best_command(mean)
        bars = np.maximum(self.bars(scores), np.finfo(np.float32).tiny).astype(np.float32)
        found: list[Detection] = []
        free_ms = -np.inf
        for step in np.flatnonzero(p >= bars[place]):
            time_ms = float(scores.times_ms[step])
            if time_ms >= free_ms:
                found.append(Detection(time_ms, scores.labels[place[step]], float(p[step])))
                free_ms = time_ms + self.refractory_ms
        return found
