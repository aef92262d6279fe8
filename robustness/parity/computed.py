"""What does the model give for the recordings of a dump, stage by stage?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from robustness.audio.placement import Frame
from robustness.audio.recordings import Recording
from robustness.conditions import NONE, Condition
from robustness.models.classifier import Classifier
from robustness.rendering import reference_windows, render

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Computed:
    """What the model gives for the recordings of a dump, in the dump's order.

    Attributes:
        ids: of the recordings.
        samples: windows, [clips time].
        features: [clips bands frames].
        outputs: of the network, [clips labels].
        conditions: under which each was heard; none if as they are.
    """

    ids: tuple[str, ...]
    samples: Array
    features: Array
    outputs: Array
    conditions: tuple[Condition, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The recordings, with the condition where there is one."""
        if not self.conditions:
            return self.ids
        return tuple(name + said_of(one) for name, one in zip(self.ids, self.conditions, strict=True))


def said_of(condition: Condition) -> str:
    """A condition after a recording's name."""
    return "" if condition.perturbation == NONE else f" under {condition.perturbation} {condition.level:g}"


def computed(classifier: Classifier, recordings: Sequence[Recording], conditions: Sequence[Condition] = ()) -> Computed:
    """What a model gives for recordings at the reference placement, a clip at a time as a device does.

    Args:
        classifier: the model.
        recordings: in the order of the dump.
        conditions: of each of them; none if all are heard as they are.
    """
    samples = _windows(classifier.frame, recordings, conditions) if conditions else reference_windows(recordings, classifier.frame).samples
    features = torch.cat([classifier.features(clip) for clip in samples.split(1)])
    with classifier.network.evaluating(), torch.inference_mode():
        outputs = torch.cat([classifier.outputs(clip).float().cpu() for clip in features.split(1)])
    plain = [part.double().cpu().numpy() for part in (samples, features[:, 0], outputs)]
    return Computed(tuple(one.id for one in recordings), plain[0], plain[1], plain[2], tuple(conditions))


def _windows(frame: Frame, recordings: Sequence[Recording], conditions: Sequence[Condition]) -> Tensor:
    """Each recording under its condition, [clips time]; those of one condition are rendered together."""
    samples = torch.zeros(len(recordings), frame.samples)
    for condition in dict.fromkeys(conditions):
        places = [at for at, one in enumerate(conditions) if one == condition]
        samples[places] = render([recordings[at] for at in places], replace(condition, placement=frame.reference), frame).samples
    return samples
