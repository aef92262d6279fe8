"""Does the answer return where a band that was lost holds something again? Faint noise where others have energy and this recording none.

A codec, a resampler or a driver may have left nothing of a band, and a network that never met that may take it for another sound. The size
is the level against what the recordings that are right have there. The sham has as much noise where the recording has energy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import pad

from robustness.interventions.base import DRAWS, INTERVENTIONS, Intervention, Kind, Ladder, as_strong
from robustness.interventions.scene import Scene
from robustness.interventions.typical import noise_in, word_level_dbfs


@INTERVENTIONS.register
@dataclass(frozen=True)
class RestoreBand(Intervention):
    """Noise in the bands that are missing, as long as the recording."""

    name: ClassVar[str] = "restore-band"
    kind: ClassVar[Kind] = "band"
    ladder: ClassVar[Ladder] = Ladder("level against what others have there", "dB", (-30, -20, -10, 0))
    does: ClassVar[str] = "putting faint noise into the lost band"
    sham_does: ClassVar[str] = "as much noise where the recording has energy"
    source: ClassVar[str] = "noise shaped in bands of 125 Hz, torch.fft; bands below nine in ten of the recordings that are right"
    draws: ClassVar[int] = DRAWS
    sham_draws: ClassVar[int] = DRAWS

    def possible(self, scene: Scene, size: float) -> bool:
        """Where a band is missing."""
        return bool(scene.missing.any()) and scene.power > 0

    def edit(self, scene: Scene, size: float, draw: int) -> Tensor:
        """The recording with noise in what it lacks."""
        return scene.window + self._noise(scene, scene.missing, size, draw)

    def sham(self, scene: Scene, size: float, draw: int) -> Tensor:
        """The recording with noise in what it has."""
        return as_strong(scene, self._noise(scene, ~scene.missing, size, draw), self.edit(scene, size, draw))

    def _noise(self, scene: Scene, bands: Tensor, size: float, draw: int) -> Tensor:
        if scene.typical is None:
            return torch.zeros_like(scene.window)
        levels = scene.typical.spectrum_db + word_level_dbfs(scene.recording, scene.speech) + size
        noise = noise_in(bands, levels, len(scene.recording), scene.rng(self.name, draw))
        start, end = scene.inside
        return pad(noise[start - scene.lead : end - scene.lead], (start, scene.samples - end))
