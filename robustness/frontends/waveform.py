"""What a network hears that takes the samples themselves: no front-end at all, the window as it is.

Features are [clips 1 1 time], one band and a frame a sample, so that whoever counts bands and frames may. The network is given them in
the shape that it was trained with, [clips 1 time] or [clips time]. What is drawn of such a model is a log-mel of the same window.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from torch import Tensor, nn

from robustness.frontends.base import FRONTENDS, Frontend
from robustness.frontends.scaling import SampleScale, scaled


class TakesSamples(nn.Module):
    """A network that takes samples, given them as features [clips 1 1 time]."""

    def __init__(self, net: nn.Module, *, channel: bool) -> None:
        super().__init__()
        self.module = net
        self.channel = channel

    def forward(self, features: Tensor) -> Tensor:
        """What the network gives for the samples, [clips 1 1 time] → [clips labels]."""
        outputs: Tensor = self.module(features.flatten(1, 2) if self.channel else features.flatten(1))
        return outputs


@FRONTENDS.register
@dataclass(frozen=True)
class Waveform(Frontend):
    """The samples; `channel` says whether the network takes [clips 1 time] or [clips time], `samples` in which scale."""

    name: ClassVar[str] = "waveform"
    rate_hz: int = 16_000
    channel: bool = True
    samples: SampleScale = "full-scale"
    hop_samples: int = field(default=1, init=False)

    def features(self, samples: Tensor) -> Tensor:
        """The samples, [clips time] → [clips 1 1 time]."""
        return scaled(samples, self.samples)[:, None, None, :]

    def silence(self, features: Tensor) -> Tensor:
        """Digital silence, [clips 1 1 time] → [clips 1 1 1]."""
        return features.new_zeros(len(features), 1, 1, 1)

    def given(self, features: Tensor) -> Tensor:
        """The samples in the network's own shape, [clips 1 1 time] → [clips 1 time] or [clips time]."""
        return features.flatten(1, 2) if self.channel else features.flatten(1)

    def fitted(self, net: nn.Module) -> nn.Module:
        """The network, given the samples in its own shape."""
        return TakesSamples(net, channel=self.channel)

    @property
    def band_hz(self) -> tuple[float, ...]:
        """One band, from 0 to half the rate."""
        return (self.rate_hz / 4,)

    @property
    def picture(self) -> Frontend:
        """A log-mel with 10 ms hops, to draw what was heard."""
        return self.log_mel_picture
