"""How many lost packets does the model bear? Packets of 20 ms become silence, in bursts.

A level is the share of a window's packets in %; what is measured is the share of its samples, of which a window of 1 s has 50 packets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from robustness.audio.placement import Windows
from robustness.conditions import Axis, Everyday, Preset
from robustness.perturbations.base import PERTURBATIONS, Changed
from robustness.perturbations.losing import SHARES, LossPerturbation, share_lost, spread


@PERTURBATIONS.register
@dataclass(frozen=True)
class PacketLoss(LossPerturbation):
    """Lost packets, as silence."""

    name: ClassVar[str] = "packet-loss"
    axis: ClassVar[Axis] = Axis("packets lost", "%", SHARES, neutral=0.0, neutral_says="no packet lost")
    source: ClassVar[str] = "Gilbert (1960), Bell Syst. Tech. J. 39: losses come in bursts"
    preset: ClassVar[Preset] = "standard"
    everyday: ClassVar[Everyday | None] = Everyday(0.0, 3.0, "our choice: a link on which people still talk")

    def received(self, clean: Windows, lost: Tensor) -> Changed:
        """The windows without that share of their packets."""
        gone = spread(lost, clean.samples.shape[1], clean.rate_hz)
        return Changed(clean.samples.masked_fill(gone, 0.0), share_lost(gone))
