"""Noise added at a signal-to-noise ratio: what every additive noise shares.

SNR in dB = 10·log10(P_speech / P_noise), both as mean power inside the speech span; the noise fills the whole window.
What goes above full scale is scaled back as a whole, and counted.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import ClassVar, Final

import torch
from torch import Tensor

from robustness.audio.levels import SMALLEST_POWER, span_power, speech_power
from robustness.audio.placement import Windows
from robustness.conditions import Axis
from robustness.perturbations.base import WindowPerturbation
from robustness.seeds import generator_of

SNR: Final = Axis("signal-to-noise ratio in the word", "dB", (30.0, 20.0, 10.0, 5.0, 0.0, -5.0), neutral=float("inf"))
DRAWS: Final = 5


@dataclass(frozen=True)
class AdditiveNoise(WindowPerturbation):
    """Noise of one kind; a plug-in says what a second of it is."""

    axis: ClassVar[Axis] = SNR
    draws: ClassVar[int] = DRAWS

    @abstractmethod
    def noise(self, count: int, rate_hz: int, rng: torch.Generator) -> Tensor:
        """A piece of this noise at any level, [count]."""

    def perturb(self, windows: Windows, level: float, draw: int, seed: int) -> Windows:
        """The windows with noise at that SNR in dB; +inf adds none."""
        if level == float("inf"):
            return windows
        speech = speech_power(windows.samples, windows.speech, windows.rate_hz)
        added = self.added(windows, speech, level, draw, seed)
        mixed = windows.samples + added
        low, high = mixed.aminmax(dim=1)
        peak = torch.maximum(-low, high)
        over = peak > 1.0
        snr_db = 10 * (speech / span_power(added, windows.speech).clamp_min(SMALLEST_POWER)).log10()
        samples = mixed / peak.clamp_min(1.0)[:, None] if over.any() else mixed
        return replace(windows, samples=samples, snr_db=snr_db, over=over)

    def added(self, windows: Windows, speech: Tensor, level: float, draw: int, seed: int) -> Tensor:
        """What that SNR in dB adds to each window, [clips time]; `speech` is the power inside each word, [clips]."""
        noise = drawn(self, windows.ids, (windows.samples.shape[1], windows.rate_hz), draw, seed)
        wanted = speech * 10 ** (-level / 10)
        gain = (wanted / span_power(noise, windows.speech).clamp_min(SMALLEST_POWER)).sqrt()
        return noise * gain[:, None].float()


@lru_cache(maxsize=1)
def drawn(kind: AdditiveNoise, ids: tuple[str, ...], shape: tuple[int, int], draw: int, seed: int) -> Tensor:
    """The noise of each recording for one draw, [clips time], where `shape` is time and rate: the same at every level."""
    return torch.stack([kind.noise(*shape, generator_of(seed, name, kind.name, draw)) for name in ids])
