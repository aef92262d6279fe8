"""ESPHome's micro_wake_word: the sum of the last probabilities above the cutoff; zeroed and deaf for a while after a start and a hit."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from robustness.streaming.rules.base import RULES, DecisionRule
from robustness.streaming.scores import Detection, Scores

STEPS: Final = 256  # of a probability in the model's output, uint8
LARGEST: Final = 255
SLICE_MS: Final = 10.0  # the front-end's step


@RULES.register
@dataclass(frozen=True)
class Esphome(DecisionRule):
    """In whole steps of uint8, strictly above; each label is a model of its own.

    Attributes:
        sliding_window: probabilities that are averaged, the manifest's `sliding_window_size`.
        ignored_slices: slices of 10 ms in which nothing is said after a start and a hit: 100, or 74 in 2024.
        cool_off: whether only slices count whose last probability is under the cutoff; not so in 2024.
    """

    name: ClassVar[str] = "esphome"
    source: ClassVar[str] = "esphome/components/micro_wake_word/streaming_model.cpp (2024 and 2025)"
    usual: ClassVar[float | None] = 0.97
    sliding_window: int = 5
    ignored_slices: int = 100
    cool_off: bool = True

    def decide(self, scores: Scores) -> list[Detection]:
        """What the device says."""
        slices, bars = max(1, round(scores.step_ms / SLICE_MS)), self.bars(scores)
        found: list[Detection] = []
        for place in np.flatnonzero(scores.acts).tolist():
            counts = np.clip(np.rint(scores.values[:, place] * STEPS), 0, LARGEST).astype(int).tolist()
            cutoff = int(max(0.0, bars[place]) * LARGEST)
            found += [
                Detection(float(scores.times_ms[step]), scores.labels[place], mean / STEPS)
                for step, mean in self._hits(counts, cutoff, slices)
            ]
        return sorted(found)

    def _hits(self, counts: list[int], cutoff: int, slices: int) -> list[tuple[int, float]]:
        """The steps at which one model is heard, with the mean in steps of 1/256.

        Args:
            counts: probabilities in whole steps.
            cutoff: in steps of 1/255, as the firmware keeps it.
            slices: of the front-end between two answers.
        """
        size = max(1, self.sliding_window)
        recent = deque([0] * size, maxlen=size)
        waiting, found = self.ignored_slices, []
        for step, count in enumerate(counts):
            quiet = (slices - 1) * (not self.cool_off or recent[-1] < cutoff)
            recent.append(count)
            waiting = max(0, waiting - quiet - (not self.cool_off or count < cutoff))
            if waiting == 0 and sum(recent) > cutoff * size:
                found.append((step, sum(recent) / size))
                recent.extend([0] * size)
                waiting = self.ignored_slices
        return found
