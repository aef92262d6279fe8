"""What the classifiers answer to windows: in batches, with what they share computed once.

Whoever needs answers asks here: the sweep, the diagnosis, the check of a card.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor

from robustness.classifiers.classifier import Classifier

BATCH: Final = 16  # windows; measured on the tutorial's network: 1.7 ms a window at 4 to 24, 2.4 ms from 32 on


def answers(classifiers: Sequence[Classifier], samples: Tensor, batch: int = BATCH) -> list[Tensor]:
    """The logits of each classifier for the same windows, [clips time] → one [clips labels] a classifier.

    Args:
        classifiers: variants or models that hear the same window.
        samples: the windows.
        batch: how many windows are computed together; no answer depends on it.
    """
    chunks = [_chunk(classifiers, chunk) for chunk in samples.split(batch)]
    return [torch.cat(parts) for parts in zip(*chunks, strict=True)]


def _chunk(classifiers: Sequence[Classifier], samples: Tensor) -> list[Tensor]:
    """The logits of each classifier for one chunk; equal front-ends on one device are computed once."""
    features: dict[object, Tensor] = {}
    results = []
    for classifier in classifiers:
        key = (classifier.frontend, classifier.device)
        if key not in features:
            features[key] = classifier.features(samples)
        results.append(classifier.logits_from(features[key]))
    return results
