"""Does the answer return where steady noise is taken away? By a Wiener gain, up to so many dB.

What the quietest fifth of the sounding frames holds, averaged over neighbouring frequencies, is taken for the noise. The control takes it
away and puts as much of other noise, of the same short-time spectrum, in its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Final, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from robustness.audio.filters import frame_of, sound_of, spectra
from robustness.audio.levels import SMALLEST_POWER, from_decibels
from robustness.interventions.base import DRAWS, INTERVENTIONS, EditKind, Intervention, SizesTried
from robustness.interventions.scene import Scene

QUIET_SHARE: Final = 0.2
SHORTEST: Final = 64  # samples of a recording that has spectra of its own
NEIGHBOURS: Final = 5  # bins of some 30 Hz: noise that is steady is smooth, and an average of few frames is not
OVER: Final = 2.0  # the quietest frames lie below the mean of the noise
SMOOTH: Final = 0.96  # of the a priori ratio; 0.98 in the source, for frames that overlap by a half


@INTERVENTIONS.register
@dataclass(frozen=True)
class RemoveNoise(Intervention):
    """Steady noise softer by up to so many dB."""

    name: ClassVar[str] = "remove-noise"
    kind: ClassVar[EditKind] = "noise"
    sizes_tried: ClassVar[SizesTried] = SizesTried("most attenuation", "dB", (3, 6, 12, 20, 30, 40), beyond=3.0)
    does: ClassVar[str] = "removing steady noise"
    control_does: ClassVar[str] = "as much of other noise in its place"
    source: ClassVar[str] = "Ephraim & Malah (1984), IEEE TASSP 32: decision-directed a priori ratio, with a Wiener gain and a floor"
    control_draws: ClassVar[int] = DRAWS

    def edit(self, scene: Scene, size: float, draw: int) -> Tensor:
        """Each bin of each frame softer by what its noise explains, in the recording, or in the window where noise was added to that."""
        if bool(scene.added.any()) or len(scene.recording) < SHORTEST:
            return softened(noisy_of(scene, whole=True), size, scene.samples)
        return scene.resounding(softened(noisy_of(scene, whole=False), size, len(scene.recording))).window

    def control(self, scene: Scene, size: float, draw: int) -> Tensor:
        """What was taken away with random phases, put back."""
        frame = frame_of(scene.rate_hz, scene.samples)
        edited = self.edit(scene, size, draw)
        taken = spectra(scene.window - edited, frame)
        turned = torch.polar(taken.abs(), torch.rand(taken.shape, generator=scene.rng(self.name, draw)) * 2 * torch.pi)
        # Half of a random phase's power is lost where frames overlap; the level of what is put back is that of what was taken.
        other, wanted = sound_of(turned, frame, scene.samples), (scene.window - edited).square().sum()
        return edited + other * (wanted / other.square().sum().clamp_min(SMALLEST_POWER)).sqrt()


class Noisy(NamedTuple):
    """The short-time spectra of a sound, [bins frames], the gain of each cell that leaves no noise, and the length of a frame."""

    spectrum: Tensor
    gain: Tensor
    frame: int


@lru_cache(maxsize=4)
def noisy_of(scene: Scene, *, whole: bool) -> Noisy:
    """The spectra of a scene's window, or of its recording alone: the same for every size."""
    samples = scene.window if whole else scene.recording
    frame = frame_of(scene.rate_hz, len(samples))
    spectrum = spectra(samples, frame)
    power = spectrum.abs().square()
    return Noisy(spectrum, wiener(power / steady(power)[:, None].clamp_min(SMALLEST_POWER)), frame)


def softened(noisy: Noisy, most_db: float, count: int) -> Tensor:
    """The sound with its steady noise softer by so many dB at most, [count]."""
    return sound_of(noisy.spectrum * noisy.gain.clamp_min(from_decibels(-most_db)), noisy.frame, count)


def wiener(ratio: Tensor) -> Tensor:
    """The gain of each cell from its power over the noise's, [bins frames], by decision-directed a priori ratios, forth and back.

    Both directions are taken and the larger gain kept, so that an onset is not eaten.
    """
    forth, back = _directed(torch.cat([ratio, ratio.flip(1)])).chunk(2)
    return torch.maximum(forth, back.flip(1))


def _directed(ratio: Tensor) -> Tensor:
    """A gain from each frame and the one before it, [bins frames]; in NumPy, which takes a tenth of the time for so few numbers at once."""
    new = ((1 - SMOOTH) * (ratio / OVER - 1).clamp_min(0)).T.contiguous().numpy()
    gains, before = np.empty_like(new), np.zeros_like(new[0])
    for gain, fresh, now in zip(gains, new, ratio.T.contiguous().numpy(), strict=True):
        prior = SMOOTH * before + fresh
        np.divide(prior, 1 + prior, out=gain)
        before = gain * gain * now
    return torch.from_numpy(gains).T.contiguous()


def steady(power: Tensor) -> Tensor:
    """The mean power of the quietest fifth of the frames that are not digital silence, [bins frames] → [bins]."""
    total = power.sum(0)
    sounding = power[:, total > total.amax() * 1e-10]
    order = sounding.sum(0).argsort(stable=True)
    mean = sounding[:, order[: max(1, int(len(order) * QUIET_SHARE))]].mean(1)
    return functional.avg_pool1d(mean[None], NEIGHBOURS, 1, NEIGHBOURS // 2, count_include_pad=False)[0]
