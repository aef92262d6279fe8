"""How many lost packets of Opus does the model bear? 20 kbit/s in packets of 20 ms; libopus conceals those that do not come.

A level is the share of a window's packets in %, in bursts; what is measured is the share that was lost. What the decoder has learnt is
wrong after a loss, so packets that do come suffer too. The codec's delay is measured and undone; it runs at 16 kHz.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Final

import numpy as np
import torch
import torchaudio.functional as audio
from numpy.typing import NDArray
from torch import Tensor

from robustness.audio.placement import Windows
from robustness.conditions import Axis, Everyday
from robustness.perturbations.base import PERTURBATIONS, Changed, Extra
from robustness.perturbations.coding import late_by, speech_like
from robustness.perturbations.losing import SHARES, LossPerturbation, share_lost
from robustness.perturbations.packets import decoded, encoded

OPUS: Final = "libopus"
OPUS_HZ: Final = 16_000
BITS_S: Final = 20_000


@PERTURBATIONS.register
@dataclass(frozen=True)
class OpusLoss(LossPerturbation):
    """Opus with lost packets."""

    name: ClassVar[str] = "opus-loss"
    axis: ClassVar[Axis] = Axis("packets of Opus lost", "%", SHARES, neutral=0.0, neutral_says="no codec")
    source: ClassVar[str] = "RFC 6716 (2012), Opus, by libopus in FFmpeg; our choice of levels"
    extra: ClassVar[Extra | None] = Extra("av", "codecs")
    everyday: ClassVar[Everyday | None] = Everyday(0.0, 3.0, "our choice: a link on which people still talk")

    def received(self, clean: Windows, lost: Tensor) -> Changed:
        """The windows over a link that loses that share of their packets."""
        late, count = delay(), clean.samples.shape[1]
        at_its_rate = audio.resample(clean.samples, clean.rate_hz, OPUS_HZ)
        heard = [after_opus(clip, gone) for clip, gone in zip(at_its_rate.numpy(), lost.numpy(), strict=True)]
        length = at_its_rate.shape[1]
        moved = torch.stack([torch.from_numpy(np.pad(one[late : late + length], (0, max(0, length - len(one) + late)))) for one in heard])
        back = audio.resample(moved, OPUS_HZ, clean.rate_hz)[:, :count]
        return Changed(torch.nn.functional.pad(back, (0, count - back.shape[1])), share_lost(lost))


def after_opus(clip: NDArray[np.float32], lost: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
    """A window after Opus without those packets, at `OPUS_HZ`, [time], as late as the codec is."""
    found = decoded(encoded(clip, OPUS_HZ, OPUS, BITS_S), OPUS, lost)
    return np.asarray(audio.resample(torch.from_numpy(found.samples), found.rate_hz, OPUS_HZ).numpy(), dtype=np.float32)


@lru_cache
def delay() -> int:
    """By how many samples at `OPUS_HZ` the codec is late."""
    return late_by(after_opus(speech_like(OPUS_HZ)), speech_like(OPUS_HZ))
