"""What every front-end offers: samples in, a spectrogram-like tensor out, and what silence looks like in it.

Features are [clips 1 bands frames] wherever they are measured, drawn or explained. A network that was trained with another order of axes is
given them in its own (`layout`, by `fitted`), so that nobody else need know of it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from math import isfinite
from typing import Any, ClassVar, Final, Literal

from torch import Tensor, nn

from robustness.errors import UsageError
from robustness.registry import Registry

Layout = Literal[
    "channel bands frames",
    "channel frames bands",
    "bands frames",
    "frames bands",
    "bands frames channel",
    "frames bands channel",
    "frames channel bands",
    "flat frames bands",
    "flat bands frames",
]
OURS: Final[Layout] = "channel bands frames"
PICTURED_MELS: Final = 40  # with 25 ms of window no mel filter is empty, at 8 kHz as at 48
PICTURED_MS: Final = 25
SMALLEST: Final = {
    "rate_hz": 1, "n_fft": 2, "hop_samples": 1, "window_samples": 1, "n_mels": 1, "n_mfcc": 1, "bins": 1, "f_min_hz": 0, "round_to": 0,
    "power": 0.1, "top_db": 0, "normalise_frames": 1, "preroll_ms": 0,
}  # fmt: skip
LARGEST: Final = {  # a few times what any front-end of the field has: what is larger is a slip, and would take all memory
    "rate_hz": 768_000, "n_fft": 2**16, "hop_samples": 2**20, "window_samples": 2**16, "n_mels": 1024, "n_mfcc": 1024, "bins": 2**15,
    "power": 8, "normalise_frames": 2**16, "preroll_ms": 60_000,
}  # fmt: skip
AXES: Final = {"channel": 1, "bands": 2, "frames": 3}


def laid_out(features: Tensor, layout: Layout) -> Tensor:
    """Features in the order of axes that a network takes, [clips 1 bands frames] → [clips …]."""
    flat, order = layout.startswith("flat "), layout.removeprefix("flat ").split()
    if "channel" not in order:
        features = features.permute(0, *(AXES[axis] for axis in order), AXES["channel"])[..., 0]
    else:
        features = features.permute(0, *(AXES[axis] for axis in order))
    return features.flatten(1) if flat else features


class TakesLayout(nn.Module):
    """A network that takes its features in another order of axes, given them as [clips 1 bands frames]."""

    def __init__(self, net: nn.Module, layout: Layout) -> None:
        super().__init__()
        self.module = net
        self.layout = layout

    def forward(self, features: Tensor) -> Tensor:
        """What the network gives, [clips 1 bands frames] → [clips labels]."""
        outputs: Tensor = self.module(laid_out(features, self.layout).contiguous())
        return outputs


def refuse_sizes(frontend: Frontend) -> None:
    """Refuses settings that are too small to compute with, larger than any front-end has, or no numbers.

    Raises:
        UsageError: the sentence names the setting.
    """
    for name, value in vars(frontend).items():
        if not isinstance(value, int | float):
            continue
        if not isfinite(value):
            raise UsageError(f"{name} is {value:g}; expected a number, or leave it out")
        if value < SMALLEST.get(name, value):
            raise UsageError(f"{name} is {value:g}; expected {SMALLEST[name]:g} or more")
        if value > LARGEST.get(name, value):
            raise UsageError(f"{name} is {value:g}; expected {LARGEST[name]:,} or less")


class Frontend(ABC):
    """Turns windows into features; settings are the fields of a frozen dataclass."""

    name: ClassVar[str]
    rate_hz: int
    hop_samples: int
    layout: Layout = OURS
    differentiable: ClassVar[bool] = True  # whether a gradient through its features is one
    memory: ClassVar[bool] = False  # whether what sounded before a window changes the features of it

    @abstractmethod
    def features(self, samples: Tensor) -> Tensor:
        """Features of each clip, independent of its batch-mates: [clips time] → [clips 1 bands frames]."""

    def continued(self, samples: Tensor, earlier: int, *, every_frame: bool) -> Tensor:
        """Features of windows after what sounded before them, [clips earlier + time] → [clips 1 bands frames].

        Args:
            samples: the windows, with what sounded before each.
            earlier: how many samples lie before the window.
            every_frame: whether the frames before the window are given as well, as a network with a state is fed.
        """
        return self.features(samples if every_frame else samples[..., earlier:])

    @abstractmethod
    def silence(self, features: Tensor) -> Tensor:
        """What silence looks like in each of these clips, [clips 1 bands frames] → [clips 1 1 1] or [clips 1 bands 1]."""

    @property
    @abstractmethod
    def band_hz(self) -> tuple[float, ...]:
        """The center frequency of each band, in Hz; empty if a band has none, as a cepstral coefficient."""

    @property
    def frame_samples(self) -> int:
        """How many samples each frame is computed from, at least."""
        return 1

    @property
    def hop_ms(self) -> float:
        """From one frame to the next, in ms."""
        return self.hop_samples * 1000 / self.rate_hz

    @property
    def first_frame_ms(self) -> float:
        """Where the middle of the first frame lies in the window, in ms."""
        return 0.0

    @property
    def quantized(self) -> bool:
        """Whether the features are the integers that a quantized network takes, to be given to it as they are."""
        return False

    @property
    def picture(self) -> Frontend:
        """The front-end that draws what was heard: itself if its bands have frequencies, else a log-mel of the same window."""
        return self if self.band_hz else self.log_mel_picture

    @property
    def log_mel_picture(self) -> Frontend:
        """A log-mel with 10 ms hops, to draw what was heard."""
        n_fft = 1 << (self.rate_hz * PICTURED_MS // 1000 - 1).bit_length()
        log_mel: Any = FRONTENDS["log-mel"]
        made: Frontend = log_mel(rate_hz=self.rate_hz, n_fft=n_fft, hop_samples=self.rate_hz // 100, n_mels=PICTURED_MELS)
        return made

    def given(self, features: Tensor) -> Tensor:
        """The features as the network takes them, [clips 1 bands frames] → [clips …]."""
        return laid_out(features, self.layout)

    def fitted(self, net: nn.Module) -> nn.Module:
        """The network as it takes these features: as it is, unless it was trained with another order of axes."""
        return net if self.layout == OURS else TakesLayout(net, self.layout)


FRONTENDS: Registry[Frontend] = Registry("front-end", "robustness.frontends")
