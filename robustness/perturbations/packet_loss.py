"""How many lost packets does the model bear? Packets of 20 ms become silence, in bursts.

A level is the share of a window's packets in %; what is measured is the share of its samples, of which a window of 1 s has 50 packets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from robustness.audio.placement import Windows
from robustness.conditions import Axis, Everyday, Family, Preset
from robustness.perturbations.base import PERTURBATIONS, Changed, WindowPerturbation
from robustness.perturbations.losing import lost_packets, ranks, share_lost, spread


@PERTURBATIONS.register
@dataclass(frozen=True)
class PacketLoss(WindowPerturbation):
    """Lost packets, as silence."""

    name: ClassVar[str] = "packet-loss"
    family: ClassVar[Family] = "channel"
    axis: ClassVar[Axis] = Axis("packets lost", "%", (2.0, 4.0, 10.0, 20.0, 40.0), neutral=0.0, neutral_says="no packet lost")
    source: ClassVar[str] = "Gilbert (1960), Bell Syst. Tech. J. 39: losses come in bursts"
    preset: ClassVar[Preset] = "standard"
    everyday: ClassVar[Everyday | None] = Everyday(0.0, 3.0, "our choice: a link on which people still talk")

    draws: ClassVar[int] = 3

    def realization(self, count: int, rate_hz: int, rng: torch.Generator) -> Tensor:
        """In which order packets are lost, [packets]."""
        return ranks(count, rate_hz, rng)

    def perturb(self, clean: Windows, level: float, random: Tensor | None) -> Changed:
        """The windows without that share of their packets."""
        if random is None:
            raise TypeError("packets are lost in an order")
        lost = spread(lost_packets(random, level), clean.samples.shape[1], clean.rate_hz)
        return Changed(clean.samples.masked_fill(lost, 0.0), share_lost(lost))
