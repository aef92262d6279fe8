"""One recording under one condition, wherever it lies in the window: as a sweep hears it there, and without what the condition changes.

A recording as interventions take it: one window, with its parts apart. All windows are made by `rendering`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType

import torch
from torch import Tensor

from robustness.audio.levels import SPEECH_THRESHOLD_DB
from robustness.audio.placement import Frame, Windows
from robustness.audio.recordings import Recording
from robustness.conditions import BEFORE, NONE, Condition, Placement
from robustness.interventions.scene import Scene
from robustness.perturbations.base import Inputs, Perturbation
from robustness.rendering import NO_INPUTS, Renderer


@dataclass(frozen=True, eq=False)
class Subject:
    """One recording, and what is done to it.

    Attributes:
        renderer: of this recording alone.
        condition: under which it is heard.
        here_ms: the lead at which it is heard under the condition.
    """

    renderer: Renderer
    condition: Condition
    here_ms: float

    @classmethod
    def of(
        cls,
        recording: Recording,
        frame: Frame,
        condition: Condition = Condition(),  # noqa: B008 - frozen
        *,
        seed: int = 0,
        threshold_db: float = SPEECH_THRESHOLD_DB,
        perturbations: Mapping[str, Perturbation] = MappingProxyType({}),
        inputs: Inputs = NO_INPUTS,
    ) -> Subject:
        """A recording as the sweep heard it (already cut to its speech where the sweep did so), under a condition.

        Raises:
            UsageError: there is no such perturbation, or it cannot be run with the inputs that are there.
        """
        made = Renderer.of([recording], frame, seed=seed, threshold_db=threshold_db, perturbations=perturbations, inputs=inputs)
        moved = condition.perturbation != NONE and made.perturbation(condition.perturbation).moves
        leads = made.render(condition).lead if moved else made.leads(condition.placement)
        return cls(made, condition, float(frame.ms(leads)[0]))

    def from_lead(self, here_ms: float) -> Subject:
        """The same, heard under its condition at another lead."""
        return replace(self, here_ms=here_ms)

    @property
    def frame(self) -> Frame:
        """The window."""
        return self.renderer.frame

    @property
    def length(self) -> int:
        """Of the recording, in samples."""
        return int(self.renderer.batch.lengths[0])

    @property
    def changed(self) -> bool:
        """Whether the condition changes the sound, and does not only say where the recording lies."""
        name = self.condition.perturbation
        return name != NONE and not self.renderer.perturbation(name).moves

    @cached_property
    def before(self) -> Tensor | None:
        """What sounded before the window, wherever the recording lies in it, [time]; None if that is the model's own pre-roll."""
        if self.condition.perturbation == NONE or self.renderer.perturbation(self.condition.perturbation).family != BEFORE:
            return None
        before = self.renderer.render(self.condition).before
        return None if before is None else before[0]

    @property
    def plain(self) -> Subject:
        """The recording without what the condition changes, with the same fill around it."""
        return replace(self, condition=replace(self.condition, perturbation=NONE, level=None, draw=0))

    def lead_ms(self, placement: Placement) -> float:
        """The lead of a named placement, in ms."""
        return self.renderer.leads_ms(placement)[0]

    def at(self, leads_ms: Sequence[float]) -> Windows:
        """A window for each lead, to the nearest sample: samples [leads time]."""
        return self.renderer.moved(leads_ms, self.condition, self.here_ms)

    def recording_ms(self, lead_ms: float) -> tuple[float, float]:
        """From where to where the recording lies in the window at that lead, in ms."""
        return lead_ms, lead_ms + self.length * 1000 / self.frame.rate_hz

    def speech_ms(self, lead_ms: float) -> tuple[float, float]:
        """From where to where its speech lies in the window at that lead, in ms."""
        start, end = (float(edge) * 1000 / self.frame.rate_hz for edge in self.renderer.batch.speech[0])
        lead = float(self.renderer.samples_of([lead_ms])[0]) * 1000 / self.frame.rate_hz
        return start + lead, end + lead

    def scene(self, lead_ms: float, band_hz: tuple[float, ...]) -> Scene:
        """The window at a lead, taken apart.

        What is added is a part of its own. What changes the sound otherwise has changed the recording where it lies, and the rest is fill.

        Args:
            lead_ms: from the window's start, to the nearest sample.
            band_hz: the centers of the front-end's bands.
        """
        batch, plain, heard = self.renderer.batch, self.plain.at([lead_ms]), self.at([lead_ms])
        recording, lead = batch.samples[0, : self.length], int(plain.lead[0])
        fill = plain.samples[0].clone()
        fill[max(0, lead) : max(0, lead + self.length)] = 0
        scene = Scene.of(plain, recording, fill, band_hz=band_hz, seed=batch.seed)
        if not self.changed or torch.equal(heard.samples, plain.samples):
            return scene
        if heard.added is None or heard.scale is None:
            return scene.retaken(heard.samples[0])
        scale = heard.scale[0]
        return replace(scene, recording=recording * scale, fill=fill * scale, added=(heard.added * scale)[0])
