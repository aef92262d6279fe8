"""MLPerf Tiny's streaming wake word: above 0.95, and what follows within a second of the last is the same detection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from robustness.streaming.rules.base import RULES, DecisionRule
from robustness.streaming.scores import Detection, Scores


@RULES.register
@dataclass(frozen=True)
class MlperfTiny(DecisionRule):
    """Strictly above the threshold, as in its `eval_long_wav.py` (`> det_thresh`, 0.95); each label decides alone.

    Attributes:
        debounce_ms: what follows a detection of the same label within it, or at its end, is dropped.
    """

    name: ClassVar[str] = "mlperf-tiny"
    source: ClassVar[str] = (
        "mlcommons/tiny, benchmark/training/streaming_wakeword/eval_long_wav.py and benchmark/runner (debounce_time_sec) (2025)"
    )
    usual: ClassVar[float | None] = 0.95
    debounce_ms: float = 1000.0

    def decide(self, scores: Scores) -> list[Detection]:
        """What the device says."""
        bars, found = self.bars(scores), []
        for place in np.flatnonzero(scores.acts).tolist():
            last_ms = -np.inf
            for step in np.flatnonzero(scores.values[:, place] > bars[place].astype(np.float32)).tolist():
                time_ms = float(scores.times_ms[step])
                if time_ms - last_ms > self.debounce_ms:
                    found.append(Detection(time_ms, scores.labels[place], float(scores.values[step, place])))
                    last_ms = time_ms
        return sorted(found)
