"""What is a cell compared with?

Every baseline is features [clips 1 bands frames], or broadcasts to them. Where the clip equals its baseline a perturbation method
gives exactly zero: against silence padding says nothing, against the counterpart it may.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from robustness.attributions.base import SILENCE
from robustness.errors import UsageError
from robustness.models.classifier import Classifier

FLOOR_SHARE: Final = 0.1  # a band's floor: what a tenth of its frames lie under, of those that are not silence


@dataclass(frozen=True)
class Baseline:
    """A named baseline.

    Attributes:
        name: as it is asked for.
        says: as the page names it.
        make: classifier, features, counterpart (features of the donor, or None) → baseline.
    """

    name: str
    says: str
    make: Callable[[Classifier, Tensor, Tensor | None], Tensor]


def silence(classifier: Classifier, features: Tensor, _donor: Tensor | None = None) -> Tensor:
    """What silence looks like in each clip, [clips 1 1 1]."""
    return classifier.frontend.silence(features)


def band_mean(_classifier: Classifier, features: Tensor, _donor: Tensor | None = None) -> Tensor:
    """The mean of each band over the window, [clips 1 bands 1]."""
    return features.mean(3, keepdim=True)


def floor(classifier: Classifier, features: Tensor, _donor: Tensor | None = None) -> Tensor:
    """The recording's own floor in each band, silence where a band has no sound, [clips 1 bands 1]."""
    quiet = classifier.frontend.silence(features)
    sounding = torch.where(features > quiet, features, torch.nan)
    low = sounding.nanquantile(FLOOR_SHARE, dim=3, keepdim=True)
    return torch.where(low.isnan(), quiet, low)


def counterpart(_classifier: Classifier, features: Tensor, donor: Tensor | None = None) -> Tensor:
    """The same recording where it is answered rightly."""
    if donor is None:
        raise UsageError("the counterpart baseline needs a place where the recording is answered rightly, and there is none; take silence")
    if donor.shape[-2:] != features.shape[-2:]:
        raise UsageError(
            f"the counterpart's features are {list(donor.shape)} and the clip's {list(features.shape)}: they must be of one shape"
        )
    return donor


BASELINES: Final = {
    found.name: found
    for found in (
        Baseline("silence", SILENCE, silence),
        Baseline("band-mean", "the mean of each band", band_mean),
        Baseline("floor", "the recording's floor in each band", floor),
        Baseline("counterpart", "the same recording where it is answered rightly", counterpart),
    )
}


def baseline_of(name: str, classifier: Classifier, features: Tensor, donor: Tensor | None = None) -> Tensor:
    """The baseline of that name for these clips.

    Args:
        name: one of `BASELINES`.
        classifier: whose front-end made the features.
        features: [clips 1 bands frames].
        donor: the counterpart's features, for the baseline of that name.

    Raises:
        UsageError: where there is no such baseline, the message lists those that exist; or no counterpart was given.
    """
    if name not in BASELINES:
        raise UsageError(f"there is no baseline {name!r}; those that exist: {', '.join(BASELINES)}")
    return BASELINES[name].make(classifier, features, donor)
