"""Does the answer return where what lies around the word is silenced? A gate that opens for the word alone.

Where the word begins and ends is found by its level above that of the recording's own edges, so that a loud surround is none of it. It is
tried where the surround holds a sound that the word has not: what is under the word too is noise, and not the surround's. The control turns
the phase of the word by as much, and leaves the surround as it was: noise in the word would make it like its surround.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Final

import torch
from torch import Tensor

from robustness.audio.levels import Span, from_decibels
from robustness.audio.surround import core_in, own_sound_in
from robustness.interventions.base import INTERVENTIONS, EditKind, Intervention, SizesTried, turned_alike
from robustness.interventions.scene import Scene

FADE_MS: Final = 5.0
FEWEST: Final = 0.15  # of the word's cells are free of what is around it


@INTERVENTIONS.register
@dataclass(frozen=True)
class SilenceSurround(Intervention):
    """The recording softer outside its word."""

    name: ClassVar[str] = "silence-surround"
    kind: ClassVar[EditKind] = "padding"
    sizes_tried: ClassVar[SizesTried] = SizesTried("softer around the word", "dB", (12, 24, 48))
    does: ClassVar[str] = "silencing what lies around the word"
    control_does: ClassVar[str] = "turning the phase of the word by as much, its surround as it was"
    source: ClassVar[str] = "a gate with raised-cosine edges of 5 ms; where it opens, by torch.stft"

    def possible(self, scene: Scene, size: float) -> bool:
        """Where the surround has a sound of its own."""
        return own_sound(scene) >= FEWEST

    def edit(self, scene: Scene, size: float, draw: int) -> Tensor:
        """Softer by so many dB outside the word."""
        gate = _gate(scene)
        return scene.resounding(scene.recording * (gate + (1 - gate) * from_decibels(-size))).window

    def control(self, scene: Scene, size: float, draw: int) -> Tensor:
        """The word with its phase turned."""
        turned, gate = turned_alike(scene, self.edit(scene, size, draw)).recording, _gate(scene)
        return scene.resounding(turned * gate + scene.recording * (1 - gate)).window


@lru_cache(maxsize=16)
def core_of(scene: Scene) -> Span:
    """The word of a scene's recording without its surround, in samples of the recording."""
    return core_in(scene.recording, scene.rate_hz)


@lru_cache(maxsize=16)
def own_sound(scene: Scene) -> float:
    """The share of the word's cells that are far softer than the surround of a scene."""
    return own_sound_in(scene.recording, scene.rate_hz)


def _gate(scene: Scene) -> Tensor:
    start, end = core_of(scene)
    fade = max(1, scene.count(FADE_MS))
    at = torch.arange(len(scene.recording))
    rise = ((at - start + fade) / fade).clamp(0, 1) if start > 0 else torch.ones(len(at))
    fall = ((end + fade - at) / fade).clamp(0, 1) if end < len(at) else torch.ones(len(at))
    return 0.25 * (1 - torch.cos(torch.pi * rise)) * (1 - torch.cos(torch.pi * fall))
