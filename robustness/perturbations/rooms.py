"""What does a diffuse room give back for one click? The direct sound, and a tail of noise that decays (Polack's model)."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

FIRST_REFLECTION_S: Final = 0.0025
DIRECT_TO_REVERBERANT_DB: Final = 0.0  # at the critical distance


def responses_of(noise: Tensor, rate_hz: int, t60_s: float) -> Tensor:
    """Impulse responses with that T60 from noise, [clips time] → [clips time]: the direct sound first, then the tail."""
    seconds = torch.arange(noise.shape[1], dtype=torch.float64) / rate_hz
    tail = noise * 10 ** (-3 * seconds / t60_s) * (seconds >= FIRST_REFLECTION_S)
    loud = 10 ** (-DIRECT_TO_REVERBERANT_DB / 20)
    tail = tail * loud / tail.square().sum(1, keepdim=True).sqrt()
    tail[:, 0] = 1.0
    return tail
