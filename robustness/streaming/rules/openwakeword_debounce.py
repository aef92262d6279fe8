"""openWakeWord's debounce: a score at or above the threshold, unless one was let through within the last frames; the first five are 0.

In `predict` the debounce comes before voice activity is asked for: what is dropped for want of a voice still silences what follows.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import ClassVar

import numpy as np

from robustness.streaming.rules.base import RULES, DecisionRule
from robustness.streaming.rules.openwakeword import REMEMBERED, commands, started, voiced
from robustness.streaming.scores import Detection, Scores


@RULES.register
@dataclass(frozen=True)
class OpenwakewordDebounce(DecisionRule):
    """Each label decides alone.

    Attributes:
        debounce_ms: in whole frames, rounded up, in which nothing follows a detection of the same label; 30 frames at most.
        vad: the label of a voice-activity detector's scores; without one voice is not asked for.
        vad_threshold: which the largest of its scores 4 to 6 frames earlier must reach.
    """

    name: ClassVar[str] = "openwakeword-debounce"
    source: ClassVar[str] = "openwakeword/model.py, predict(debounce_time=…, vad_threshold=…) of version 0.6 (2024)"
    usual: ClassVar[float | None] = 0.5
    debounce_ms: float = 1000.0
    vad: str = ""
    vad_threshold: float = 0.5

    def decide(self, scores: Scores) -> list[Detection]:
        """What the device says."""
        values, bars, names = started(scores), self.bars(scores)[scores.acts].astype(np.float32), commands(scores)
        silent = min(REMEMBERED, ceil(self.debounce_ms / scores.step_ms - 1e-9)) if scores.step_ms > 0 else 0
        voice = voiced(self.voice(scores, self.vad), self.vad_threshold) if self.vad else np.ones(len(scores), np.bool_)
        found = []
        for place, name in enumerate(names):
            free = 0
            for step in np.flatnonzero((values[:, place] >= bars[place]) & (values[:, place] > 0)).tolist():
                if step < free:
                    continue
                free = step + silent + 1
                if voice[step]:
                    found.append(Detection(float(scores.times_ms[step]), name, float(values[step, place])))
        return sorted(found)
