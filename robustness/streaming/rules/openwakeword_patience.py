"""openWakeWord's patience: so many scores in a row at or above the threshold; the first five are 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from robustness.streaming.rules.base import RULES, DecisionRule
from robustness.streaming.rules.openwakeword import commands, started, voiced
from robustness.streaming.scores import Detection, Scores


@RULES.register
@dataclass(frozen=True)
class OpenwakewordPatience(DecisionRule):
    """The library gives a score at every frame at which this holds; a stretch of them is one detection here.

    Attributes:
        patience: scores in a row, the present one among them.
        vad: the label of a voice-activity detector's scores; without one voice is not asked for.
        vad_threshold: which the largest of its scores 4 to 6 frames earlier must reach.
    """

    name: ClassVar[str] = "openwakeword-patience"
    source: ClassVar[str] = "openwakeword/model.py, predict(patience=…, vad_threshold=…) of version 0.5 (2023)"
    usual: ClassVar[float | None] = 0.5
    patience: int = 3
    vad: str = ""
    vad_threshold: float = 0.5

    def decide(self, scores: Scores) -> list[Detection]:
        """What the device says."""
        values, bars = started(scores), self.bars(scores)[scores.acts].astype(np.float32)
        over = np.vstack([np.zeros((1, values.shape[1]), np.int64), np.cumsum(values >= bars, axis=0)])
        last = np.arange(1, len(values) + 1)
        whole = over[last] - over[np.maximum(0, last - max(1, self.patience))] >= max(1, self.patience)
        if self.vad:
            whole = whole & voiced(self.voice(scores, self.vad), self.vad_threshold)[:, None]
        begins = whole & ~np.vstack([np.zeros((1, whole.shape[1]), np.bool_), whole[:-1]])
        names = commands(scores)
        places = np.argwhere(begins & (values > 0)).tolist()
        return [Detection(float(scores.times_ms[step]), names[label], float(values[step, label])) for step, label in places]
