"""How coarse a µ-law code does the model bear? What a telephone line did to each sample: fine steps for quiet ones, coarse for loud ones.

A level is bits a sample; 8 is the telephone's. What is measured is the number of bits whose steps the decoded samples lie on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
import torchaudio.functional as audio
from torch import Tensor

from robustness.audio.placement import Windows
from robustness.conditions import Axis, Everyday, Family, Preset
from robustness.perturbations.base import PERTURBATIONS, Changed, WindowPerturbation


@PERTURBATIONS.register
@dataclass(frozen=True)
class MuLaw(WindowPerturbation):
    """Samples in a logarithmic code."""

    name: ClassVar[str] = "mu-law"
    family: ClassVar[Family] = "channel"
    axis: ClassVar[Axis] = Axis("bits of µ-law", "bits", (8.0, 7.0, 6.0, 5.0, 4.0), neutral=float("inf"), neutral_says="no code")
    source: ClassVar[str] = "ITU-T G.711 (1988): µ-law; torchaudio.functional.mu_law_encoding"
    preset: ClassVar[Preset] = "standard"
    everyday: ClassVar[Everyday | None] = Everyday(8.0, 8.0, "ITU-T G.711 (1988): a telephone line has 8 bits a sample")

    def perturb(self, clean: Windows, level: float, random: Tensor | None) -> Changed:
        """The windows in that many bits of µ-law."""
        codes = 2 ** round(level)
        samples = audio.mu_law_decoding(audio.mu_law_encoding(clean.samples, codes), codes)
        return Changed(samples, torch.stack([code_bits(clip, codes - 1) for clip in samples]))


def code_bits(samples: Tensor, mu: float) -> Tensor:
    """The bits of a µ-law code that decoded to these samples, [time] → [], by the smallest step of the compressed values."""
    pressed = samples.double().sign() * torch.log1p(mu * samples.double().abs()) / math.log1p(mu)
    values = (pressed * 1e4).round().unique() / 1e4
    steps = values.diff()
    return torch.ones((), dtype=torch.float64) if len(values) < 2 else (2 / steps.min() + 1).log2().round()
