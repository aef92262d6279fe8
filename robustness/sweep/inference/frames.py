"""Which frames of the front-end do windows of one sound have in common? Those in the middle, computed once for all windows that hold them.

A frame at a window's edge sees what the front-end pads with, and is the window's own; so are a ceiling, a reference and a normalisation
over the window. The windows begin anywhere in the sound, whole hops apart. What is shared is tried on some windows of every sound, to the
bit; where it does not hold, and where windows lie no whole hops apart, the front-end is asked window by window.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import ClassVar, Final

import torch
from torch import Tensor

from robustness.audio.placement import Frame
from robustness.frontends.base import Frontend
from robustness.frontends.spectral import SpectralFrontend

FIXED_SCALES: Final = ("full-scale", "int16")


@dataclass(frozen=True, eq=False)
class ReadyFeatures(Frontend):
    """Stands where features are given that are there already."""

    name: ClassVar[str] = "features that are there already"
    frontend: Frontend
    rate_hz: int
    hop_samples: int

    @classmethod
    def of(cls, frontend: Frontend) -> ReadyFeatures:
        """In the place of a front-end."""
        return cls(frontend, frontend.rate_hz, frontend.hop_samples)

    def features(self, samples: Tensor) -> Tensor:
        """What is given."""
        return samples

    def silence(self, features: Tensor) -> Tensor:
        """That of the front-end."""
        return self.frontend.silence(features)

    @property
    def band_hz(self) -> tuple[float, ...]:
        """Those of the front-end."""
        return self.frontend.band_hz


@dataclass
class WindowFeatures:
    """The features of windows of one sound, [time] → [windows 1 bands frames].

    Attributes:
        frontend: of the model.
        frame: the model's window.
        shared: whether common frames are computed once; becomes False when that changes a bit.
    """

    frontend: Frontend
    frame: Frame
    shared: bool = True

    def __post_init__(self) -> None:
        self.shared = self.shared and shares_frames(self.frontend, self.frame)

    def of(self, samples: Tensor, starts: Tensor) -> Tensor:
        """The features of the windows of a sound that begin at these samples, [windows]."""
        windows = samples.unfold(0, self.frame.samples, 1)
        if self.shared and isinstance(self.frontend, SpectralFrontend) and not bool((starts % self.frontend.hop_samples).any()):
            found = shared_features(self.frontend, samples, starts, self.frame.samples)
            probes = sorted({0, len(starts) // 2, len(starts) - 1})
            if torch.equal(found[probes], self._plain(windows[starts[probes]])):
                return found
            self.shared = False
        return self._plain(windows[starts])

    def _plain(self, windows: Tensor) -> Tensor:
        with torch.inference_mode():
            return self.frontend.features(windows.contiguous())


def shares_frames(frontend: Frontend, frame: Frame) -> bool:
    """Whether frames of one window can be frames of another: nothing before them looks at the whole window."""
    if not isinstance(frontend, SpectralFrontend):
        return False
    whole = frontend.samples in FIXED_SCALES and (frontend.pre_emphasis == 0.0 or frontend.pre_emphasis_per == "frame")
    return whole and frontend.partial == "drop" and frame.samples >= 6 * frontend.frame_samples


def shared_features(frontend: SpectralFrontend, samples: Tensor, starts: Tensor, length: int) -> Tensor:
    """Features of windows, the frames in their middle computed once; the first and last, which see the window's edge, are its own.

    Args:
        frontend: of which `shares_frames` holds.
        samples: of the sound, [time].
        starts: of the windows, whole hops into it, [windows] in samples.
        length: of a window, in samples.
    """
    hop, reach = frontend.hop_samples, frontend.frame_samples
    alone = frontend.log not in ("none", "log1p") and frontend.reference == "one"  # a cell's level knows nothing of other cells

    def frames(sound: Tensor) -> Tensor:  # [clips time] → [clips frames bands]
        cells = frontend.cells(frontend.used_spectrum(sound))
        return frontend.levels(cells) if alone else cells

    with torch.inference_mode():
        common = frames(samples[None])[0]
        own = frames(samples[None, :length]).shape[1]  # frames of a window
        places = (starts // hop)[:, None] + torch.arange(own)
        found = common.index_select(0, places.flatten()).unflatten(0, places.shape)  # [windows frames bands], as the front-end lays it
        loud = _sounds_at_an_edge(samples, starts, length, reach)
        if frontend.center and len(loud):
            edge, begins = ceil(reach / hop), starts[loud]
            first = own - 1 - 2 * edge  # the frame with which the tail begins
            found[loud, :edge] = frames(samples.unfold(0, (edge + 1) * hop + reach, 1)[begins])[:, :edge]
            found[loud, own - edge :] = frames(samples.unfold(0, length - first * hop, 1)[begins + first * hop])[:, -edge:]
        images = found.transpose(-1, -2)[:, None]
        return frontend.from_levels(frontend.above_floor(images) if alone else frontend.logarithm(images))


def _sounds_at_an_edge(samples: Tensor, starts: Tensor, length: int, reach: int) -> Tensor:
    """The windows at whose edges there is sound, on either side; silence is silence, whatever the front-end pads."""
    around = torch.nn.functional.pad(samples, (reach, reach)).unfold(0, 2 * reach, 1)
    return (around[starts].any(1) | around[starts + length].any(1)).nonzero()[:, 0]
