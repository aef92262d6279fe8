"""What does the network answer where some cells are replaced by the baseline?

Masks are bool, [masks bands frames]; a masked cell is replaced. Only what changes a clip is run: a mask that touches nothing but padding
gives the clip's own score to the last bit, one that touches all that differs gives the baseline's. Many masked clips go through the network
at once, which is right for any variant whose answer to a clip does not depend on its batch-mates.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from robustness.attributions.base import Asked, Target
from robustness.models.classifier import Classifier

BATCH: Final = 16  # masked clips a pass: 10 MB of activations in the tutorial's network stay in the cache; 48 take half as long again


class Masked:
    """The scores of masked clips, counted.

    Args:
        scores: what is explained.
        clips: as they are, [clips 1 bands frames].
        baseline: what replaces a masked cell, of the same shape.
        batch: how many masked clips go through the network at once.

    Attributes:
        known: the scores of the clips as they are, [clips targets].
        replaced: those of the baseline.
        differs: which cells are not the baseline's, [clips bands frames].
        passes: clips sent through the network so far.
    """

    def __init__(self, scores: Asked, clips: Tensor, baseline: Tensor, batch: int = BATCH) -> None:
        self.scores = scores
        self.clips, self.baseline = clips, baseline.expand_as(clips)
        self.batch = batch
        self.known, self.replaced = scores(clips), scores(self.baseline)
        self.differs = (clips != self.baseline)[:, 0]
        self.passes = 2 * len(clips)

    def __call__(self, masks: Tensor) -> Tensor:
        """The scores under each mask, [masks clips targets]."""
        masks = masks.to(self.clips.device)
        touched, left = (torch.stack([any_along((cells & one).flatten(1), 1) for one in self.differs], 1) for cells in (masks, ~masks))
        found = self.known.expand(len(masks), -1, -1).clone()
        found = torch.where((touched & ~left)[..., None], self.replaced, found)
        which, clip = (touched & left).nonzero(as_tuple=True)
        if not len(which):
            return found
        for c in clip.unique().tolist():
            m = which[clip == c]
            found[m, c] = self.scores.masked(self.clips[c : c + 1], self.baseline[c : c + 1], masks[m], self.batch)
        self.passes += len(which)
        return found


def any_along(cells: Tensor, axis: int) -> Tensor:
    """Whether any cell along an axis is true, of bool cells; by NumPy on the CPU, which takes a tenth of torch's time."""
    return cells.any(axis) if cells.device.type != "cpu" else torch.from_numpy(cells.numpy().any(axis))


def each_clip(scores: Asked, features: Tensor, baseline: Tensor, batch: int = BATCH) -> Iterator[Masked]:
    """The clips one by one."""
    for clip, reference in zip(features.split(1), baseline.split(1), strict=True):
        yield Masked(scores, clip, reference, batch)


@dataclass(frozen=True, eq=False)
class Explainable:
    """What is explained and checked: one clip on one variant for one target.

    Attributes:
        classifier: the variant.
        features: of the clip, [1 1 bands frames].
        target: the logit or the margin.
        baseline: of the same shape.
    """

    classifier: Classifier
    features: Tensor
    target: Target
    baseline: Tensor

    @classmethod
    def of(cls, classifier: Classifier, features: Tensor, target: Target, baseline: Tensor | None = None) -> Explainable:
        """The baseline is broadcast to the features; None = silence in the clip."""
        clip = features.detach().to(classifier.device).clone()
        reference = classifier.frontend.silence(clip) if baseline is None else baseline.to(clip)
        return cls(classifier, clip, target, reference.expand_as(clip))

    def masked(self) -> Masked:
        """The clip's scores under masks; to be asked with the network in evaluation mode, without gradients."""
        return Masked(Asked([self.classifier], [self.target]), self.features, self.baseline)
