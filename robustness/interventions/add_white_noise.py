"""Does the answer return in a little white noise? Tried because a noise that helps is a sign of padding that is too silent.

SNR in dB inside the word, as in the sweep; from 20 dB on noise costs answers by itself, and is no mild edit. Where the recording lacks a
band that others have, the noise is in the rest: what noise in the lost band does, `restore-band` tells. The control has as much noise in
the padding alone, and leaves the word as it was.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from robustness.audio.colours import white
from robustness.audio.filters import shaped
from robustness.audio.levels import from_decibels
from robustness.interventions.base import DRAWS, INTERVENTIONS, EditKind, Intervention, SizesTried, as_strong
from robustness.interventions.scene import Scene
from robustness.interventions.typical import BAND_HZ


@INTERVENTIONS.register
@dataclass(frozen=True)
class AddWhiteNoise(Intervention):
    """White noise over the whole window."""

    name: ClassVar[str] = "add-white-noise"
    kind: ClassVar[EditKind] = "noise"
    sizes_tried: ClassVar[SizesTried] = SizesTried("signal-to-noise ratio in the word", "dB", (40, 30))
    does: ClassVar[str] = "adding white noise"
    control_does: ClassVar[str] = "as much noise in the padding alone, the word as it was"
    source: ClassVar[str] = "torch.randn; SNR inside the speech span"
    draws: ClassVar[int] = DRAWS
    control_draws: ClassVar[int] = DRAWS

    def possible(self, scene: Scene, size: float) -> bool:
        """Where there is any sound to add noise to."""
        return scene.power > 0

    def edit(self, scene: Scene, size: float, draw: int) -> Tensor:
        """The window with noise at that SNR."""
        return scene.window + self._noise(scene, size, draw)

    def control(self, scene: Scene, size: float, draw: int) -> Tensor:
        """The noise in the padding."""
        noise = self._noise(scene, size, draw).masked_fill(~scene.padding, 0.0)
        return as_strong(scene, noise, self.edit(scene, size, draw))

    def _noise(self, scene: Scene, size: float, draw: int) -> Tensor:
        noise = white(scene.samples, scene.rate_hz, scene.rng(self.name, draw))
        if scene.missing.any():
            noise = shaped(
                noise, scene.rate_hz, lambda hz: (~scene.missing)[(hz // BAND_HZ).long().clamp(max=len(scene.missing) - 1)].double()
            )
        return noise * (math.sqrt(scene.power) * from_decibels(-size))
