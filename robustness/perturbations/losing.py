"""Which packets does a link lose? In bursts, drawn once for a recording and a draw, more of the same ones at a harsher level.

A packet is 20 ms. Loss in bursts of 2 packets on average, as a Gilbert model has them (Gilbert 1960): a burst has a rank, and those of the
lowest ranks are lost first.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

PACKET_S: Final = 0.02
BURST: Final = 2.0  # packets on average


def ranks(count: int, rate_hz: int, rng: torch.Generator) -> Tensor:
    """In which order packets are lost, [packets]: whole bursts, one after the other."""
    packets = -(-count // round(PACKET_S * rate_hz))
    begins = torch.rand(packets, generator=rng) < 1 / BURST
    burst = begins.long().cumsum(0)
    order = torch.rand(packets + 1, generator=rng, dtype=torch.float64)[burst]
    return order.argsort(stable=True).argsort()


def lost_packets(order: Tensor, percent: float) -> Tensor:
    """Which packets are lost at that share, [clips packets] ranks → [clips packets]."""
    return order < round(order.shape[1] * percent / 100)


def spread(lost: Tensor, count: int, rate_hz: int) -> Tensor:
    """Which samples are lost, [clips packets] → [clips count]."""
    return lost.repeat_interleave(round(PACKET_S * rate_hz), dim=1)[:, :count]


def share_lost(lost: Tensor) -> Tensor:
    """The share that was lost, in %, [clips …] → [clips]."""
    return 100 * lost.double().mean(1)
