"""Does the answer return where a band that was lost holds something again? Faint noise where others have energy and this recording none.

A codec, a resampler or a driver may have left nothing of a band, and a network that never met that may take it for another sound. The size
is the level against what the recordings that are right have there, and more, for a word with an s has more there than others have; in time
it swells with the recording, by half as many dB. The control has as much noise where the recording has energy.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Final

import torch
from torch import Tensor
from torch.nn.functional import avg_pool1d, pad

from robustness.interventions.base import DRAWS, INTERVENTIONS, EditKind, Intervention, SizesTried, as_strong
from robustness.interventions.scene import Scene
from robustness.interventions.typical import noise_in, word_level_dbfs

AROUND_MS: Final = 20.0  # over which the recording's swell is taken


@INTERVENTIONS.register
@dataclass(frozen=True)
class RestoreBand(Intervention):
    """Noise in the bands that are missing, as long as the recording."""

    name: ClassVar[str] = "restore-band"
    kind: ClassVar[EditKind] = "band"
    sizes_tried: ClassVar[SizesTried] = SizesTried("level against what others have there", "dB", (-30, -20, -10, 0, 8, 16))
    does: ClassVar[str] = "putting faint noise into the lost band"
    control_does: ClassVar[str] = "as much noise where the recording has energy"
    source: ClassVar[str] = "noise shaped in bands of 125 Hz, torch.fft; bands below nine in ten of the recordings that are right"
    draws: ClassVar[int] = DRAWS
    control_draws: ClassVar[int] = DRAWS

    def possible(self, scene: Scene, size: float) -> bool:
        """Where a band is missing."""
        return bool(scene.missing.any()) and scene.power > 0

    def edit(self, scene: Scene, size: float, draw: int) -> Tensor:
        """The recording with noise in what it lacks."""
        return scene.window + self._noise(scene, scene.missing, size, draw)

    def control(self, scene: Scene, size: float, draw: int) -> Tensor:
        """The recording with noise in what it has."""
        return as_strong(scene, self._noise(scene, ~scene.missing, size, draw), self.edit(scene, size, draw))

    def _noise(self, scene: Scene, bands: Tensor, size: float, draw: int) -> Tensor:
        if scene.typical is None:
            return torch.zeros_like(scene.window)
        levels = scene.typical.spectrum_db + word_level_dbfs(scene.recording, scene.speech) + size
        noise = noise_in(bands, levels, len(scene.recording), scene.rng(self.name, draw)) * _swell(scene.recording, scene.rate_hz)
        start, end = scene.inside
        return pad(noise[start - scene.lead : end - scene.lead], (start, scene.samples - end))


@lru_cache(maxsize=16)
def _swell(samples: Tensor, rate_hz: int) -> Tensor:
    """How loud a recording is around each sample, by half as many dB, of power 1 on average, [time]: the same for every size and draw."""
    width = 2 * round(AROUND_MS * rate_hz / 2000) + 1
    power = avg_pool1d(samples.double().square()[None, None], width, 1, width // 2, count_include_pad=False)[0, 0]
    half = power.sqrt().sqrt()
    return (half / half.square().mean().sqrt().clamp_min(1e-12)).float()
