"""Do a device and its model decide alike, and how near a tie were those answers that differ?

Beside these stand the figures of ST's X-cross: accuracy of one against the other, RMSE, MAE, relative L2 error and cosine similarity.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from robustness.analysis.intervals import Estimate, wilson
from robustness.analysis.outcomes import FALSE_ACCEPT, GOOD, LEFT_ALONE, NO_LABEL, OUTCOMES
from robustness.models.classifier import Classifier
from robustness.parity.computed import Computed
from robustness.parity.levels import PerturbationParity, levels_of

Array = NDArray[np.float64]
SHOWN: Final = 5
EMPTY_PLACES: Final = (OUTCOMES.index(LEFT_ALONE), OUTCOMES.index(FALSE_ACCEPT))
GOOD_PLACES: Final = tuple(OUTCOMES.index(name) for name in GOOD)


class ChangedAnswer(NamedTuple):
    """A recording that is answered otherwise on the device.

    Attributes:
        recording: its name.
        model: the model's answer.
        device: the device's answer.
        margin: by how much the model's answer won, in logits: near 0 is a tie.
    """

    recording: str
    model: str
    device: str
    margin: float


class DecisionParity(NamedTuple):
    """How two sets of outputs compare in decisions and as numbers.

    Attributes:
        clips: how many were compared.
        changed: answers that differ, those first that were no tie.
        good: with how many recordings of known words the model does what it should.
        good_on_device: the same of the device.
        recognised: how many recordings of labels are answered with their label: by the model.
        recognised_on_device: the same of the device.
        false_alarms: recordings without a command on which the model carries one out.
        false_alarms_on_device: the same of the device.
        rmse: root of the mean squared difference of outputs.
        mae: their mean absolute difference.
        relative_l2: ‖device − model‖ / ‖model‖.
        cosine: of both, over all clips.
        levels: how accuracy and critical level move with perturbations; none if the dump has one answer a recording.
    """

    clips: int
    changed: tuple[ChangedAnswer, ...]
    good: Estimate
    good_on_device: Estimate
    recognised: Estimate
    recognised_on_device: Estimate
    false_alarms: Estimate
    false_alarms_on_device: Estimate
    rmse: float
    mae: float
    relative_l2: float
    cosine: float
    levels: tuple[PerturbationParity, ...] = ()


def decisions_of(classifier: Classifier, ours: Computed, device: Array, truth: NDArray[np.int64]) -> DecisionParity:
    """Compares outputs, [clips labels] each.

    Args:
        classifier: whose outputs they are.
        ours: what the model gives.
        device: what the device gave.
        truth: the place of each recording's label, `NO_COMMAND` or `NO_LABEL`.
    """
    model = ours.outputs
    logits = [classifier.logits_of(torch.from_numpy(part).float()) for part in (model, device)]
    a, b = (part.argmax(1).tolist() for part in logits)
    top = logits[0].double().topk(min(2, logits[0].shape[1]), dim=1).values
    margins = (top[:, 0] - top[:, -1]).tolist()
    changed = [
        ChangedAnswer(name, classifier.labels[x], classifier.labels[y], margin)
        for name, x, y, margin in zip(ours.names, a, b, margins, strict=True)
        if x != y
    ]
    known = truth != NO_LABEL
    outcomes = [classifier.decide(part, torch.from_numpy(truth)).outcome for part in logits]
    fine = (np.isin(outcomes[0], GOOD_PLACES), np.isin(outcomes[1], GOOD_PLACES))
    good = [part[known] for part in fine]
    labelled, empty = truth >= 0, np.isin(outcomes[0], EMPTY_PLACES)
    right = [(np.asarray(part) == truth)[labelled] for part in (a, b)]
    alarms = [(part == OUTCOMES.index(FALSE_ACCEPT))[empty] for part in outcomes]
    return DecisionParity(
        clips=len(ours.ids),
        changed=tuple(sorted(changed, key=lambda one: -one.margin)),
        good=wilson(int(good[0].sum()), int(known.sum())),
        good_on_device=wilson(int(good[1].sum()), int(known.sum())),
        recognised=wilson(int(right[0].sum()), int(labelled.sum())),
        recognised_on_device=wilson(int(right[1].sum()), int(labelled.sum())),
        false_alarms=wilson(int(alarms[0].sum()), int(empty.sum())),
        false_alarms_on_device=wilson(int(alarms[1].sum()), int(empty.sum())),
        levels=tuple(levels_of(ours.conditions, ours.ids, fine, known)),
        **distances(model, device),
    )


def distances(model: Array, device: Array) -> dict[str, float]:
    """How far outputs lie apart over all windows: ST's X-cross figures, by their names in `DecisionParity`."""
    gap, first, second = device - model, model.ravel(), device.ravel()
    norms = [float(np.linalg.norm(part)) for part in (first, second)]
    return {
        "rmse": float(np.sqrt(np.square(gap).mean())),
        "mae": float(np.abs(gap).mean()),
        "relative_l2": float(np.linalg.norm(gap)) / max(norms[0], 1e-30),
        "cosine": float(first @ second) / max(norms[0] * norms[1], 1e-30),
    }
