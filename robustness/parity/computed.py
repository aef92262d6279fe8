"""What does the model give for the recordings of a dump, stage by stage?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from robustness.audio.recordings import Recording
from robustness.models.classifier import Classifier
from robustness.rendering import reference_windows

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Computed:
    """What the model gives for the recordings of a dump, in the dump's order.

    Attributes:
        ids: of the recordings.
        samples: windows, [clips time].
        features: [clips bands frames].
        outputs: of the network, [clips labels].
    """

    ids: tuple[str, ...]
    samples: Array
    features: Array
    outputs: Array


def computed(classifier: Classifier, recordings: Sequence[Recording]) -> Computed:
    """What a model gives for recordings at the reference placement, a clip at a time as a device does."""
    samples = reference_windows(recordings, classifier.frame).samples
    features = torch.cat([classifier.features(clip) for clip in samples.split(1)])
    with classifier.network.evaluating(), torch.inference_mode():
        outputs = torch.cat([classifier.outputs(clip).float().cpu() for clip in features.split(1)])
    plain = (part.double().cpu().numpy() for part in (samples, features[:, 0], outputs))
    return Computed(tuple(one.id for one in recordings), *plain)
