"""Does the answer return where steady noise is taken away? By spectral subtraction, up to so many dB.

What the quietest fifth of the sounding frames holds, averaged over neighbouring frequencies, is taken for the noise. The sham takes it away
and puts as much of other noise, of the same short-time spectrum, in its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import torch
from torch import Tensor
from torch.nn import functional

from robustness.audio.filters import frame_of, sound_of, spectra
from robustness.audio.levels import SMALLEST_POWER, from_decibels
from robustness.interventions.base import DRAWS, INTERVENTIONS, Intervention, Kind, Ladder
from robustness.interventions.scene import Scene

QUIET_SHARE: Final = 0.2
NEIGHBOURS: Final = 5  # bins of some 30 Hz: noise that is steady is smooth, and an average of few frames is not
OVER: Final = 4.0  # as much of the estimate as is taken away, within the 3 to 6 of the source: the quietest frames lie below the mean


@INTERVENTIONS.register
@dataclass(frozen=True)
class RemoveNoise(Intervention):
    """Steady noise softer by up to so many dB."""

    name: ClassVar[str] = "remove-noise"
    kind: ClassVar[Kind] = "noise"
    ladder: ClassVar[Ladder] = Ladder("most attenuation", "dB", (3, 6, 12, 20))
    does: ClassVar[str] = "removing steady noise"
    sham_does: ClassVar[str] = "as much of other noise in its place"
    source: ClassVar[str] = "Berouti, Schwartz & Makhoul (1979): spectral subtraction with a floor"
    sham_draws: ClassVar[int] = DRAWS

    def edit(self, scene: Scene, size: float, draw: int) -> Tensor:
        """The window with each bin of each frame softer by what its noise explains, by `size` at most."""
        frame = frame_of(scene.rate_hz, scene.samples)
        spectrum = spectra(scene.window, frame)
        power = spectrum.abs().square()
        noise = steady(power) * OVER
        gain = (1 - noise[:, None] / power.clamp_min(SMALLEST_POWER)).clamp_min(0).sqrt().clamp_min(from_decibels(-size))
        return sound_of(spectrum * gain, frame, scene.samples)

    def sham(self, scene: Scene, size: float, draw: int) -> Tensor:
        """What was taken away with random phases, put back."""
        frame = frame_of(scene.rate_hz, scene.samples)
        edited = self.edit(scene, size, draw)
        taken = spectra(scene.window - edited, frame)
        turned = torch.polar(taken.abs(), torch.rand(taken.shape, generator=scene.rng(self.name, draw)) * 2 * torch.pi)
        # Half of a random phase's power is lost where frames overlap; the level of what is put back is that of what was taken.
        other, wanted = sound_of(turned, frame, scene.samples), (scene.window - edited).square().sum()
        return edited + other * (wanted / other.square().sum().clamp_min(SMALLEST_POWER)).sqrt()


def steady(power: Tensor) -> Tensor:
    """The mean power of the quietest fifth of the frames that are not digital silence, [bins frames] → [bins]."""
    total = power.sum(0)
    sounding = power[:, total > total.amax() * 1e-10]
    order = sounding.sum(0).argsort(stable=True)
    mean = sounding[:, order[: max(1, int(len(order) * QUIET_SHARE))]].mean(1)
    return functional.avg_pool1d(mean[None], NEIGHBOURS, 1, NEIGHBOURS // 2, count_include_pad=False)[0]
