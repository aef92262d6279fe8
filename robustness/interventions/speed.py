"""Does the answer return where the word is said more slowly (−) or faster (+)? Pitch goes along; the word begins where it did.

The size is in percent. The control is made as much faster, and as much slower again, and has its phase turned.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from scipy.signal import resample
from torch import Tensor

from robustness.audio.levels import Span
from robustness.interventions.base import INTERVENTIONS, EditKind, Intervention, SizesTried, turned_alike
from robustness.interventions.scene import Scene


@INTERVENTIONS.register
@dataclass(frozen=True)
class Speed(Intervention):
    """The recording resampled, as a tape would run."""

    name: ClassVar[str] = "speed"
    kind: ClassVar[EditKind] = "speed"
    sizes_tried: ClassVar[SizesTried] = SizesTried("speed", "%", (2, -2, 4, -4, 8, -8, 15, -15, 22, -22, 30, -30), beyond=1.5, mild=8)
    does: ClassVar[str] = "another speed"
    control_does: ClassVar[str] = "resampling there and back, the phase turned"
    source: ClassVar[str] = "Ko et al. (2015), Audio augmentation for speech recognition: speed 0.9 to 1.1; scipy.signal.resample"

    def possible(self, scene: Scene, size: float) -> bool:
        """Where no more of the word is lost at the window's end."""
        longer = round((scene.speech.end - scene.speech.start) / (1 + size / 100))
        end = scene.lead + scene.speech.start + longer
        return size >= 0 or end <= max(scene.samples, scene.lead + scene.speech.end)

    def edit(self, scene: Scene, size: float, draw: int) -> Tensor:
        """At that speed, the word's beginning where it was."""
        return at_speed(scene, 1 + size / 100).window

    def control(self, scene: Scene, size: float, draw: int) -> Tensor:
        """At its own speed."""
        turned = turned_alike(scene, self.edit(scene, size, draw))
        count = round(len(scene.recording) / (1 + size / 100))
        return replace(turned, recording=_resampled(_resampled(turned.recording, count), len(scene.recording))).window


def at_speed(scene: Scene, factor: float) -> Scene:
    """The scene with the recording faster by a factor, its word beginning where it did."""
    start, end = (round(edge / factor) for edge in scene.speech)
    recording = _resampled(scene.recording, round(len(scene.recording) / factor))
    return replace(scene, recording=recording, speech=Span(start, end), lead=scene.lead + scene.speech.start - start)


def _resampled(samples: Tensor, count: int) -> Tensor:
    return torch.from_numpy(resample(samples.double().numpy(), count)).float()
