"""Per-channel energy normalisation: mel bands over their own recent past, compressed by a root.

M[t] = (1 − s) M[t−1] + s E[t], y = (E / (ε + M)^gain + bias)^root − bias^root, with s from the time constant as librosa has it.
The smoother starts anew in each clip, from 1 (librosa's default) or from the clip's first frame. Silence is exactly 0 for every past.
Sources: Wang et al. 2017, arXiv:1607.05666; librosa.pcen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

import torch
from torch import Tensor

from robustness.frontends.base import FRONTENDS
from robustness.frontends.mel import MelFrontend
from robustness.frontends.spectral import Log


@FRONTENDS.register
@dataclass(frozen=True)
class Pcen(MelFrontend):
    """Mel bands normalised by their own recent past.

    Attributes:
        time_constant_ms: of the smoother.
        gain: how much of the past's level is taken away, 0 … 1.
        bias: what is added before the root.
        root: the exponent of the compression.
        epsilon: what keeps the division finite.
        start: whether the smoother starts from 1 or from the clip's first frame.
    """

    name: ClassVar[str] = "pcen"
    log: Log = "none"
    power: float = 1.0
    time_constant_ms: float = 400.0
    gain: float = 0.98
    bias: float = 2.0
    root: float = 0.5
    epsilon: float = 1e-6
    start: Literal["one", "first-frame"] = "one"

    def logarithm(self, values: Tensor) -> Tensor:
        """The compressed bands, [clips 1 mels frames]; the name is the stage's."""
        gains = torch.exp(-self.gain * (math.log(self.epsilon) + torch.log1p(self._smoothed(values) / self.epsilon)))
        compressed: Tensor = self.bias**self.root * torch.expm1(self.root * torch.log1p(values * gains / self.bias))
        return compressed

    def _smoothed(self, values: Tensor) -> Tensor:
        frames = self.time_constant_ms * self.rate_hz / 1000 / self.hop_samples
        share = (math.sqrt(1.0 + 4.0 * frames**2) - 1.0) / (2.0 * frames**2)
        level = torch.ones_like(values[..., 0]) if self.start == "one" else values[..., 0]
        levels = []
        for frame in values.unbind(-1):
            level = (1.0 - share) * level + share * frame
            levels.append(level)
        return torch.stack(levels, dim=-1)

    @cached_property
    def band_hz(self) -> tuple[float, ...]:
        """The center of each mel band, in Hz."""
        return self.mel_hz
