"""What every front-end offers: samples in, a spectrogram-like tensor out, and what silence looks like in it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn

from robustness.registry import Registry


class Frontend(ABC):
    """Turns windows into features; settings are the fields of a frozen dataclass."""

    name: ClassVar[str]
    rate_hz: int
    hop_samples: int

    @abstractmethod
    def features(self, samples: Tensor) -> Tensor:
        """Features of each clip, independent of its batch-mates: [clips time] → [clips 1 bands frames]."""

    @abstractmethod
    def silence(self, features: Tensor) -> Tensor:
        """What silence looks like in each of these clips, [clips 1 bands frames] → [clips 1 1 1]."""

    @property
    @abstractmethod
    def band_hz(self) -> tuple[float, ...]:
        """The center frequency of each band, in Hz."""

    @property
    def hop_ms(self) -> float:
        """From one frame to the next, in ms."""
        return self.hop_samples * 1000 / self.rate_hz

    @property
    def picture(self) -> Frontend:
        """The front-end that draws what was heard: itself, unless its features are no picture of bands over time."""
        return self

    def fitted(self, net: nn.Module) -> nn.Module:
        """The network as it takes these features: as it is, unless it was trained with another shape of them."""
        return net


FRONTENDS: Registry[Frontend] = Registry("front-end", "robustness.frontends")
