"""What do front-ends share that are the user's own, and of which no formula is known here?

They say in the card what nobody can see: the order of axes in which they give their features, the hop, and the bands' frequencies, if they
have any. Without frequencies, what is drawn is a log-mel of the same window, and explanations are made of that. Silence is what they give
for a second of zeros, the middle frame by size in each band.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor

from robustness.errors import UsageError
from robustness.frontends.base import AXES, OURS, Frontend, Layout


@dataclass(frozen=True)
class OwnFrontend(Frontend):
    """What front-ends of the user's own share.

    Attributes:
        rate_hz: sampling rate.
        hop_samples: from one frame to the next.
        layout: the order of axes in which features are given, and in which the network takes them.
        center_hz: the center of each band in Hz, rising; empty where bands have none.
    """

    differentiable: ClassVar[bool] = False  # nothing is known of it
    rate_hz: int = 16_000
    hop_samples: int = 160
    layout: Layout = OURS
    center_hz: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Refuses an order of axes that cannot be undone.

        Raises:
            UsageError: the layout is flat.
        """
        if self.layout.startswith("flat "):
            raise UsageError(f"{self.name}: layout is {self.layout!r}; give features with an axis of bands and one of frames")

    def ours(self, given: Tensor) -> Tensor:
        """Features as they are given, in our order: [clips …] → [clips 1 bands frames]."""
        order = self.layout.split()
        if given.ndim != 1 + len(order):
            raise ValueError(f"it gives {list(given.shape)} and layout = {self.layout!r} has {1 + len(order)} axes with clips")
        if "channel" not in order:
            given, order = given[:, None], ["channel", *order]
        return given.permute(0, *(1 + order.index(axis) for axis in AXES)).float()

    def silence(self, features: Tensor) -> Tensor:
        """What zeros give, [clips 1 bands 1]."""
        return self._zeros.to(features).expand(len(features), -1, -1, -1)

    @cached_property
    def _zeros(self) -> Tensor:
        with torch.inference_mode():
            return self.features(torch.zeros(1, self.rate_hz)).nanmedian(3, keepdim=True).values.clone()

    @property
    def band_hz(self) -> tuple[float, ...]:
        """The centers that the card gives."""
        return self.center_hz
