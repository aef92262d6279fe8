"""What does a diffuse room give back for one click? The direct sound, and a tail of noise that decays (Polack's model)."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

FIRST_REFLECTION_S: Final = 0.0025
FIT_DB: Final = (-5.0, -25.0)  # of the decay curve, as ISO 3382-1 fits T20
DIRECT_TO_REVERBERANT_DB: Final = 0.0  # at the critical distance


def responses_of(noise: Tensor, rate_hz: int, t60_s: float) -> Tensor:
    """Impulse responses with that T60 from noise, [clips time] → [clips time]: the direct sound first, then the tail."""
    seconds = torch.arange(noise.shape[1], dtype=torch.float64) / rate_hz
    tail = noise * 10 ** (-3 * seconds / t60_s) * (seconds >= FIRST_REFLECTION_S)
    loud = 10 ** (-DIRECT_TO_REVERBERANT_DB / 20)
    tail = tail * loud / tail.square().sum(1, keepdim=True).sqrt()
    tail[:, 0] = 1.0
    return tail


def measured_t60_s(responses: Tensor, rate_hz: int) -> Tensor:
    """T60 of the tails, in s, [clips time] → [clips]: the slope of Schroeder's decay curve from −5 to −25 dB.

    The curve at t is the energy of the response after t (Schroeder 1965, backward integration).
    """
    tails = responses[:, round(FIRST_REFLECTION_S * rate_hz) :]
    curves = tails.square().flip(1).cumsum(1).flip(1)
    curves = 10 * (curves / curves[:, :1]).clamp_min(1e-12).log10()
    found = []
    for curve in curves:
        inside = (curve <= FIT_DB[0]) & (curve >= FIT_DB[1])
        seconds = inside.nonzero().flatten().double() / rate_hz
        decay = curve[inside]
        slope = ((seconds - seconds.mean()) * (decay - decay.mean())).sum() / (seconds - seconds.mean()).square().sum()
        found.append(-60.0 / slope)
    return torch.stack(found)
