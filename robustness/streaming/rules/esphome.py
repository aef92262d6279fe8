"""ESPHome's micro_wake_word: the sum of the last probabilities above the cutoff; zeroed and deaf for a while after a start and a hit."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from robustness.streaming.rules.base import RULES, DecisionRule
from robustness.streaming.scores import Detection, Scores

STEPS: Final = 256  # of a probability in the model's output, uint8
LARGEST: Final = 255
SLICE_MS: Final = 10.0  # the front-end's step


def _counts(probabilities: NDArray[Any]) -> list[int]:
    """Probabilities in the whole steps of the model's output."""
    return np.clip(np.rint(probabilities * STEPS), 0, LARGEST).astype(int).tolist()  # type: ignore[no-any-return]


@RULES.register
@dataclass(frozen=True)
class Esphome(DecisionRule):
    """In whole steps of uint8, strictly above; each label is a model of its own.

    Attributes:
        sliding_window: probabilities that are averaged, the manifest's `sliding_window_size`.
        ignored_slices: slices of 10 ms in which nothing is said after a start and a hit: 100, or 74 in 2024.
        cool_off: whether only slices count whose last probability is under the cutoff; not so in 2024.
        vad: the label of a voice-activity model's scores; without one voice is not asked for. What it blocks resets nothing.
        vad_cutoff: which the mean of its last probabilities must exceed.
        vad_window: how many are averaged.
    """

    name: ClassVar[str] = "esphome"
    source: ClassVar[str] = "esphome/components/micro_wake_word/streaming_model.cpp and micro_wake_word.cpp (2024 and 2025)"
    usual: ClassVar[float | None] = 0.97
    sliding_window: int = 5
    ignored_slices: int = 100
    cool_off: bool = True
    vad: str = ""
    vad_cutoff: float = 0.5
    vad_window: int = 5

    def decide(self, scores: Scores) -> list[Detection]:
        """What the device says."""
        slices, bars = max(1, round(scores.step_ms / SLICE_MS)), self.bars(scores)
        voiced = self._voiced(scores)
        found: list[Detection] = []
        for place in np.flatnonzero(scores.acts).tolist():
            hits = self._hits(_counts(scores.values[:, place]), int(max(0.0, bars[place]) * LARGEST), slices, voiced)
            found += [Detection(float(scores.times_ms[step]), scores.labels[place], mean / STEPS) for step, mean in hits]
        return sorted(found)

    def _voiced(self, scores: Scores) -> list[bool]:
        """Whether the voice-activity model lets a hit pass at each step."""
        if not self.vad:
            return [True] * len(scores)
        size = max(1, self.vad_window)
        sums = np.convolve(_counts(self.voice(scores, self.vad)), np.ones(size, int))[: len(scores)]
        return [bool(one > int(self.vad_cutoff * LARGEST) * size) for one in sums]

    def _hits(self, counts: list[int], cutoff: int, slices: int, voiced: list[bool]) -> list[tuple[int, float]]:
        """The steps at which one model is heard, with the mean in steps of 1/256.

        Args:
            counts: probabilities in whole steps.
            cutoff: in steps of 1/255, as the firmware keeps it.
            slices: of the front-end between two answers.
            voiced: whether a hit may pass at each step.
        """
        size = max(1, self.sliding_window)
        recent = deque([0] * size, maxlen=size)
        waiting, found = self.ignored_slices, []
        for step, count in enumerate(counts):
            quiet = (slices - 1) * (not self.cool_off or recent[-1] < cutoff)
            recent.append(count)
            waiting = max(0, waiting - quiet - (not self.cool_off or count < cutoff))
            if waiting == 0 and sum(recent) > cutoff * size and voiced[step]:
                found.append((step, sum(recent) / size))
                recent.extend([0] * size)
                waiting = self.ignored_slices
        return found
