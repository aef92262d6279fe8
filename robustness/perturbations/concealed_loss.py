"""How many lost packets does the model bear where the receiver hides them? The packet before is heard again, 6 dB quieter each time.

A level is the share of a window's packets in %; what is measured is the share of its samples that were replaced.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import torch
from torch import Tensor

from robustness.audio.placement import Windows
from robustness.conditions import Axis
from robustness.perturbations.base import PERTURBATIONS, Changed
from robustness.perturbations.losing import PACKET_S, SHARES, LossPerturbation, share_lost, spread

FADE: Final = 0.5


@PERTURBATIONS.register
@dataclass(frozen=True)
class ConcealedLoss(LossPerturbation):
    """Lost packets, each replaced by the one before."""

    name: ClassVar[str] = "concealed-loss"
    axis: ClassVar[Axis] = Axis("packets lost", "%", SHARES, neutral=0.0, neutral_says="no packet lost")
    source: ClassVar[str] = "ETSI EN 300 962 (2000), GSM 06.11: a lost frame is replaced by the one before, and muted step by step"

    def received(self, clean: Windows, lost: Tensor) -> Changed:
        """The windows, that share of their packets replaced."""
        size, count = round(PACKET_S * clean.rate_hz), clean.samples.shape[1]
        packets = torch.nn.functional.pad(clean.samples, (0, lost.shape[1] * size - count)).reshape(len(lost), -1, size).clone()
        packets[:, 0][lost[:, 0]] = 0.0
        for place in range(1, lost.shape[1]):
            packets[:, place] = torch.where(lost[:, place, None], FADE * packets[:, place - 1], packets[:, place])
        return Changed(packets.reshape(len(lost), -1)[:, :count], share_lost(spread(lost, count, clean.rate_hz)))
