"""openWakeWord's debounce: a score at or above the threshold, unless one was let through within the last frames; the first five are 0."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import ClassVar

import numpy as np

from robustness.streaming.rules.base import RULES, DecisionRule
from robustness.streaming.rules.openwakeword import commands, started
from robustness.streaming.scores import Detection, Scores


@RULES.register
@dataclass(frozen=True)
class OpenwakewordDebounce(DecisionRule):
    """Each label decides alone.

    Attributes:
        debounce_ms: in whole frames, rounded up, in which nothing follows a detection of the same label.
    """

    name: ClassVar[str] = "openwakeword-debounce"
    source: ClassVar[str] = "openwakeword/model.py, predict(debounce_time=…) (2024)"
    usual: ClassVar[float | None] = 0.5
    debounce_ms: float = 1000.0

    def decide(self, scores: Scores) -> list[Detection]:
        """What the device says."""
        values, bars, names = started(scores), self.bars(scores)[scores.acts], commands(scores)
        silent = ceil(self.debounce_ms / scores.step_ms - 1e-9) if scores.step_ms > 0 else 0
        found = []
        for place, name in enumerate(names):
            free = 0
            for step in np.flatnonzero((values[:, place] >= bars[place]) & (values[:, place] > 0)).tolist():
                if step >= free:
                    found.append(Detection(float(scores.times_ms[step]), name, float(values[step, place])))
                    free = step + silent + 1
        return sorted(found)
