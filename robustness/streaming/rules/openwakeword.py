"""What both of openWakeWord's rules begin with: the scores of commands, of which the first ones are 0. Each label decides alone."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from robustness.streaming.scores import Floats, Scores

FIRST: Final = 5  # scores that are 0 after a start
REMEMBERED: Final = 30  # scores, so that no debounce is longer
VOICE: Final = (6, 5, 4)  # so many scores back voice activity is looked for


def started(scores: Scores) -> Floats:
    """The scores of commands, the first ones 0, [steps commands]; each label decides alone."""
    values = scores.values[:, scores.acts].astype(np.float64)
    values[:FIRST] = 0.0
    return values


def commands(scores: Scores) -> list[str]:
    """The labels that are commands."""
    return [label for label, acts in zip(scores.labels, scores.acts, strict=True) if acts]


def voiced(activity: Floats, threshold: float) -> NDArray[np.bool_]:
    """Whether there was voice 4 to 6 scores before each one, [steps]; before the first there was none."""
    earlier = [np.concatenate([np.zeros(back), activity])[: len(activity)] for back in VOICE]
    found: NDArray[np.bool_] = np.max(earlier, axis=0) >= np.float32(threshold)
    return found
