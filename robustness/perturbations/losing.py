"""Which packets does a link lose? In bursts, drawn once for a recording and a draw, more of the same ones at a harsher level.

A packet is 20 ms. Loss in bursts of 2 packets on average, as a Gilbert model has them (Gilbert 1960): a burst has a rank, and those of the
lowest ranks are lost first.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Final

import torch
from torch import Tensor

from robustness.audio.placement import Windows
from robustness.conditions import Family
from robustness.perturbations.base import Changed, WindowPerturbation

PACKET_S: Final = 0.02
BURST: Final = 2.0  # packets on average
SHARES: Final = (2.0, 4.0, 10.0, 20.0, 40.0)  # of the packets, in %


class LossPerturbation(WindowPerturbation):
    """A link that loses packets; a plug-in says what is heard in their place."""

    family: ClassVar[Family] = "channel"
    draws: ClassVar[int] = 3

    def realization(self, count: int, rate_hz: int, rng: torch.Generator) -> Tensor:
        """In which order packets are lost, [packets]."""
        return ranks(count, rate_hz, rng)

    def perturb(self, clean: Windows, level: float, random: Tensor | None) -> Changed:
        """The windows over a link that loses that share of their packets."""
        if random is None:
            raise TypeError("packets are lost in an order")
        return self.received(clean, lost_packets(random, level))

    @abstractmethod
    def received(self, clean: Windows, lost: Tensor) -> Changed:
        """The windows without those packets, [clips packets], and the share that was lost."""


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
