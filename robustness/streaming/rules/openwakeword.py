"""What both of openWakeWord's rules begin with: the scores of commands, of which the first ones are 0. Each label decides alone."""

from __future__ import annotations

from typing import Final

import numpy as np

from robustness.streaming.scores import Floats, Scores

FIRST: Final = 5  # scores that are 0 after a start


def started(scores: Scores) -> Floats:
    """The scores of commands, the first ones 0, [steps commands]; each label decides alone."""
    values = scores.values[:, scores.acts].astype(np.float64)
    values[:FIRST] = 0.0
    return values


def commands(scores: Scores) -> list[str]:
    """The labels that are commands."""
    return [label for label, acts in zip(scores.labels, scores.acts, strict=True) if acts]
