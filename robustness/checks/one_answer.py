"""Does the model give one answer to nearly everything?

It may be right to do so in noise. So it is said where the recordings are clear, or where the network gives that answer to features drawn at
random as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from robustness.checks.base import CHECKS, Check
from robustness.checks.model_under_test import ModelUnderTest
from robustness.run.checks import Finding

NEARLY_ALL: Final = 0.9
OF_CLEAR: Final = 0.95  # of clear recordings, where only these say so
FEWEST: Final = 8
WORDS: Final = 3


@CHECKS.register
@dataclass(frozen=True)
class OneAnswer(Check):
    """One answer to nearly everything."""

    name: ClassVar[str] = "one-answer"
    order: ClassVar[int] = 60
    follows: ClassVar[tuple[str, ...]] = ("front-end", "recording-level", "recording-rate", "training-mode", "output-kind")

    def find(self, model: ModelUnderTest) -> Iterator[Finding]:
        """The answer, if there is one."""
        known, labels = model.truth >= 0, model.classifier.labels
        if not model.classifier.point.contest or known.sum() < FEWEST or len(set(model.truth[known].tolist())) < WORDS:
            return
        counts = np.bincount(model.answers[known], minlength=len(labels))
        most = int(counts.argmax())
        said = int((model.truth[known] == most).sum())
        if counts[most] < NEARLY_ALL * known.sum() or 2 * said > known.sum():
            return
        random = float((model.at_random().argmax(1) == most).double().mean())
        if random < NEARLY_ALL and not (model.clear and counts[most] >= OF_CLEAR * known.sum()):
            return
        yield Finding(
            self.name,
            f"{counts[most]} of {known.sum()} recordings are answered {labels[most]}, and {said} of them {'says' if said == 1 else 'say'} "
            f"it; of features drawn at random {random:.0%} are",
            "look whether the weights are those of the last epoch, whether the classes were balanced in training, and whether "
            "[frontend] is the one of the training ([golden] features in the card would show it)",
            about="one answer to everything",
            evidence={"answer": labels[most], "answered": int(counts[most]), "said": said, "of": int(known.sum()), "random_share": random},
        )
