"""Edge Impulse's RecognizeEvents: averages over a number of inferences, at or above the threshold, and a suppression that silences all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from robustness.errors import UsageError
from robustness.streaming.rules.base import RULES, DecisionRule
from robustness.streaming.scores import Detection, Scores, averaged


@RULES.register
@dataclass(frozen=True)
class EdgeImpulse(DecisionRule):
    """Counts inferences and not ms: a duration is cut to whole inferences.

    Attributes:
        average_ms: how far back scores are averaged; at least one inference.
        suppression_ms: how long all labels are silent after one that starts a suppression.
        flags: the labels that are looked at, and that start a suppression; by default every command. `none` looks at every label and
            suppresses nothing.
    """

    name: ClassVar[str] = "edge-impulse"
    source: ClassVar[str] = "edge-impulse-sdk/classifier/ei_performance_calibration.h (2022)"
    usual: ClassVar[float | None] = 0.8
    average_ms: float = 1000.0
    suppression_ms: float = 1000.0
    flags: tuple[str, ...] = ()

    def decide(self, scores: Scores) -> list[Detection]:
        """What the device says."""
        flagged = self._flagged(scores)
        means = averaged(scores, max(1, self._inferences(self.average_ms, scores))).values
        top = np.where(flagged if flagged.any() else True, means, -1.0).argmax(axis=1)
        score = means[np.arange(len(means)), top]
        over = score >= self.bars(scores).astype(np.float32)[top]
        suppressed, acts = self._inferences(self.suppression_ms, scores), scores.acts
        found: list[Detection] = []
        free = 0
        for step in np.flatnonzero(over):
            if step < free:
                continue
            if acts[top[step]]:
                found.append(Detection(float(scores.times_ms[step]), scores.labels[top[step]], float(score[step])))
            if flagged[top[step]]:
                free = int(step) + suppressed + 1
        return found

    def _flagged(self, scores: Scores) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        if self.flags == ("none",):
            return np.zeros(len(scores.labels), np.bool_)
        wrong = [label for label in self.flags if label not in scores.labels]
        if wrong:
            raise UsageError(f"the rule edge-impulse has the flag {wrong[0]!r}, which is no label; there are {', '.join(scores.labels)}")
        return np.asarray([label in self.flags for label in scores.labels]) if self.flags else scores.acts

    def _inferences(self, duration_ms: float, scores: Scores) -> int:
        """A duration in whole inferences, cut; 0 where it is shorter than one."""
        step = scores.step_ms
        return 0 if step <= 0 or duration_ms < int(step) else int(duration_ms / step + 1e-9)
