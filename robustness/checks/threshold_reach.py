"""Can any answer reach the threshold?

In noise and in rooms few do. So it is said where nothing that the network is given reaches it, or where clear recordings stay far below.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from scipy.special import logit

from robustness.analysis.outcomes import Floats
from robustness.checks.base import CHECKS, Check
from robustness.checks.model_under_test import ModelUnderTest
from robustness.run.checks import Finding

FEWEST: Final = 3
FAR: Final = 2.0  # in log-odds
HIGHEST: Final = 1 - 1e-9


@CHECKS.register
@dataclass(frozen=True)
class ThresholdReach(Check):
    """A threshold that no right answer reaches."""

    name: ClassVar[str] = "threshold-reach"
    order: ClassVar[int] = 70
    follows: ClassVar[tuple[str, ...]] = ("front-end", "recording-level", "recording-rate", "training-mode", "output-kind", "label-order")

    def find(self, model: ModelUnderTest) -> Iterator[Finding]:
        """The largest probability of a right command against its threshold."""
        point, labels = model.classifier.point, model.classifier.labels
        acts = np.asarray([label not in model.classifier.rejections for label in labels])
        commands = (model.truth >= 0) & acts[np.maximum(model.truth, 0)]
        right = commands & (model.answers == model.truth)
        if not point.words or right.sum() < FEWEST or 2 * right.sum() < commands.sum():
            return
        bars = np.asarray([point.threshold_of(labels[place]) or 0.0 for place in model.answers[right]])
        reached = model.probabilities[right, model.answers[right]]
        if (reached >= bars).any() or not (_far_below(model, reached, bars) or _never(model)):
            return
        half = float(np.quantile(reached, 0.1))
        yield Finding(
            self.name,
            f"no command can reach the threshold of {point.words}: the most probable label is the right one for {right.sum()} of "
            f"{commands.sum()} commands, and the largest probability is {reached.max():.3f}, so that nothing is ever carried out",
            f"lower `threshold` (9 of 10 of these reach {half:.2f}), or see whether `output` is what the network gives",
            about="a threshold that no answer reaches",
            evidence={"threshold": point.words, "largest": float(reached.max()), "right": int(right.sum()), "of": int(commands.sum())},
        )


def _far_below(model: ModelUnderTest, reached: Floats, bars: Floats) -> bool:
    """Whether clear recordings miss it by so much that the recordings are not the reason."""
    return model.clear and float((logit(np.minimum(bars, HIGHEST)) - logit(np.minimum(reached, HIGHEST))).min()) >= FAR


def _never(model: ModelUnderTest) -> bool:
    """Whether no command reaches its threshold for features drawn at random either."""
    classifier = model.classifier
    probabilities = classifier.probabilities(model.at_random())
    bars = [classifier.point.threshold_of(label) for label in classifier.labels]
    able = [place for place, label in enumerate(classifier.labels) if label not in classifier.rejections]
    return not any((probabilities[:, place] >= (bars[place] or 0.0)).any() for place in able)
