"""How often may speech go through a mobile phone's first codec? GSM full rate at 8 kHz, from one network to the next.

A level is how many times the window is encoded and decoded. Passes are counted, and nothing is measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from robustness.audio.placement import Windows
from robustness.conditions import Axis, Family
from robustness.perturbations.base import PERTURBATIONS, Changed, WindowPerturbation
from robustness.perturbations.coding import Codec, telephoned


@PERTURBATIONS.register
@dataclass(frozen=True)
class Gsm(WindowPerturbation):
    """GSM 06.10, once or several times."""

    name: ClassVar[str] = "gsm"
    family: ClassVar[Family] = "channel"
    axis: ClassVar[Axis] = Axis("passes through the codec", "passes", (1.0, 2.0, 3.0, 4.0), neutral=0.0, neutral_says="no codec")
    source: ClassVar[str] = "ETSI EN 300 961 (2000), GSM 06.10 full rate, by libsndfile"

    def perturb(self, clean: Windows, level: float, random: Tensor | None) -> Changed:
        """The windows after so many passes."""
        samples = clean.samples
        for _ in range(round(level)):
            samples, _ = telephoned(samples, clean.rate_hz, Codec("WAV", "GSM610"))
        return Changed(samples)
