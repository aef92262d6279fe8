"""What do front-ends with a memory hear before a clip? Firmware runs on and on; a clip here starts from a stated past.

TensorFlow's microfrontend estimates noise and gain over the last second or so: the same clip's features differ by 43 to 85 % by what came
before. So every clip gets a program of its own, which hears `preroll_ms` of digital silence, or of white noise at `preroll_dbfs`, and then
the clip: its memory is then as old as the pre-roll, and no clip hears another. Samples are 16-bit, at 16 kHz.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from robustness.errors import UsageError
from robustness.frontends.base import Frontend, Layout, refuse_sizes
from robustness.frontends.scaling import FULL_SCALE
from robustness.seeds import generator_of

PCM = npt.NDArray[np.int16]
RATE_HZ: Final = 16_000
WINDOW_SAMPLES: Final = 480
MELS: Final = 40
LOWEST_HZ: Final = 125.0
HIGHEST_HZ: Final = 7500.0


def pcm16(samples: Tensor) -> PCM:
    """Samples of full scale ±1 as 16-bit numbers, rounded and clipped."""
    whole: PCM = (samples.detach().cpu().double() * FULL_SCALE).round().clamp(-FULL_SCALE, FULL_SCALE - 1).numpy().astype(np.int16)
    return whole


@dataclass(frozen=True)
class StreamedFrontend(Frontend):
    """What front-ends share that are programs with a memory, over TensorFlow's 40 bands from 125 to 7,500 Hz and windows of 30 ms.

    Attributes:
        rate_hz: 16,000; there is no other.
        hop_samples: from one frame to the next.
        layout: the order of axes that the network takes.
        preroll_ms: how long the program runs before the clip, in whole hops.
        preroll_dbfs: level of the white noise that it hears then; None is digital silence.
    """

    differentiable: ClassVar[bool] = False
    memory: ClassVar[bool] = True
    rate_hz: int = RATE_HZ
    hop_samples: int = 160
    layout: Layout = "frames bands"
    preroll_ms: float = 0.0
    preroll_dbfs: float | None = None

    def __post_init__(self) -> None:
        """Refuses what the program cannot do."""
        refuse_sizes(self)
        if self.rate_hz != RATE_HZ:
            raise UsageError(f"{self.name} is made for {RATE_HZ} Hz and rate_hz is {self.rate_hz}; give the recordings at {RATE_HZ} Hz")
        if self._preroll_samples % self.hop_samples or self.preroll_ms < 0:
            raise UsageError(f"preroll_ms is {self.preroll_ms:g}; expected a multiple of the hop, {self.hop_ms:g} ms, or 0")

    @abstractmethod
    def run(self, pcm: PCM) -> npt.NDArray[np.float32]:
        """What a new program gives for a stretch of sound, [time] → [frames bands]."""

    def started(self) -> Callable[[PCM], npt.NDArray[np.float32]]:
        """A program that runs on and on: sound as it comes, [time] → the frames that it completes, [frames bands].

        Raises:
            UsageError: this program cannot be fed piece by piece.
        """
        raise UsageError(f"{self.name} cannot be fed piece by piece, as a model with a state needs it; give the card the microfrontend")

    def features(self, samples: Tensor) -> Tensor:
        """The last frames of pre-roll and clip, those that lie in the clip: [clips time] → [clips 1 bands frames]."""
        return self._last_frames(samples, samples.shape[-1])

    def continued(self, samples: Tensor, earlier: int, *, every_frame: bool) -> Tensor:
        """The same after what sounded before each window, which follows the pre-roll: [clips earlier + time] → [clips 1 bands frames].

        What sounded before is cut to whole hops at its beginning, so that the frames of the window lie where they always do.
        """
        kept = samples[:, earlier % self.hop_samples :]
        return self._last_frames(kept, kept.shape[-1] if every_frame else samples.shape[-1] - earlier)

    def _last_frames(self, samples: Tensor, last: int) -> Tensor:
        """The frames that lie in the last samples of each clip, after the pre-roll."""
        frames = 1 + (last - WINDOW_SAMPLES) // self.hop_samples
        if frames < 1:
            raise ValueError(f"a clip of {last} samples has no window of {WINDOW_SAMPLES}")
        clips = [self.run(np.concatenate([self._preroll, pcm16(clip)]))[-frames:] for clip in samples]
        return torch.from_numpy(np.stack(clips)).to(samples.device).transpose(1, 2)[:, None]

    @cached_property
    def _preroll(self) -> PCM:
        if self.preroll_dbfs is None:
            return np.zeros(self._preroll_samples, np.int16)
        noise = torch.randn(self._preroll_samples, generator=generator_of("preroll"))
        return pcm16(noise * 10.0 ** (self.preroll_dbfs / 20.0))

    @property
    def _preroll_samples(self) -> int:
        return round(self.preroll_ms * self.rate_hz / 1000)

    def silence(self, features: Tensor) -> Tensor:
        """What a second of digital silence gives, [clips 1 1 1]; it is the same in every band."""
        return torch.tensor(self._zeros).to(features).expand(len(features), 1, 1, 1)

    @cached_property
    def _zeros(self) -> float:
        return float(self.run(np.zeros(RATE_HZ, np.int16))[-1].max())

    @property
    def n_fft(self) -> int:
        """Points of the transform inside."""
        return 512

    @cached_property
    def band_hz(self) -> tuple[float, ...]:
        """The center of each band, in Hz: equally spaced in mels."""
        ends = np.log1p(np.array([LOWEST_HZ, HIGHEST_HZ]) / 700.0)
        return tuple((700.0 * np.expm1(np.linspace(ends[0], ends[1], MELS + 2)[1:-1])).tolist())

    @property
    def first_frame_ms(self) -> float:
        """The middle of the first window."""
        return WINDOW_SAMPLES * 500 / self.rate_hz
