"""What are the features of a window after some sound that came before it? The front-end goes through both in one piece."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from robustness.frontends.base import Frontend, Layout


@dataclass(frozen=True, eq=False)
class AfterSound(Frontend):
    """A front-end that goes through one and the same sound before each window.

    Attributes:
        frontend: with a memory, or of a network with a state.
        sound: what came before, [time].
        every_frame: whether the frames before the window are given as well, as a network with a state is fed.
        rate_hz, hop_samples, layout: those of the front-end.
    """

    name: ClassVar[str] = "after a sound"
    differentiable: ClassVar[bool] = False
    memory: ClassVar[bool] = True
    frontend: Frontend
    sound: Tensor
    every_frame: bool
    rate_hz: int
    hop_samples: int
    layout: Layout

    @classmethod
    def of(cls, frontend: Frontend, sound: Tensor, *, every_frame: bool) -> AfterSound:
        """A front-end after a sound, [time]."""
        return cls(frontend, sound, every_frame, frontend.rate_hz, frontend.hop_samples, frontend.layout)

    def __eq__(self, other: object) -> bool:
        alike = isinstance(other, AfterSound) and (other.frontend, other.every_frame) == (self.frontend, self.every_frame)
        return alike and isinstance(other, AfterSound) and other.sound is self.sound

    def __hash__(self) -> int:
        return hash((self.frontend, self.every_frame, id(self.sound)))

    def features(self, samples: Tensor) -> Tensor:
        """Features of windows after the sound, [clips time] → [clips 1 bands frames]."""
        sound = self.sound.to(samples).expand(len(samples), -1)
        return self.frontend.continued(torch.cat([sound, samples], 1), len(self.sound), every_frame=self.every_frame)

    def silence(self, features: Tensor) -> Tensor:
        """That of the front-end."""
        return self.frontend.silence(features)

    @property
    def window_alone(self) -> AfterSound:
        """The same, with no frames but those of the window."""
        return AfterSound.of(self.frontend, self.sound, every_frame=False) if self.every_frame else self

    @property
    def picture(self) -> Frontend:
        """The frames of the window as they are after the sound, if its bands have frequencies."""
        return self.window_alone if self.band_hz else self.log_mel_picture

    @property
    def band_hz(self) -> tuple[float, ...]:
        """Those of the front-end."""
        return self.frontend.band_hz

    @property
    def frame_samples(self) -> int:
        """Those of the front-end."""
        return self.frontend.frame_samples

    @property
    def first_frame_ms(self) -> float:
        """That of the front-end."""
        return self.frontend.first_frame_ms

    @property
    def quantized(self) -> bool:
        """That of the front-end."""
        return self.frontend.quantized
