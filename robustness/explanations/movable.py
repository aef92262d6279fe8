"""One recording wherever it is wanted in the window, with silence around it or in noise that stays where it is.

A recording as interventions take it: placed in a window, with its parts apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, cast

import torch
from torch import Tensor

from robustness.audio.levels import SPEECH_THRESHOLD_DB
from robustness.audio.placement import Frame, RecordingBatch, Windows, batch_of, lead_of, place
from robustness.audio.recordings import Recording
from robustness.conditions import Fill, Placement
from robustness.interventions.scene import Scene
from robustness.perturbations.noise import AdditiveNoise


class Added(NamedTuple):
    """Noise as a sweep adds it: of a kind, at an SNR in dB inside the word, in one of its draws."""

    kind: AdditiveNoise
    snr_db: float
    draw: int = 0


@dataclass(frozen=True, eq=False)
class Movable:
    """One recording and the window in which it moves.

    Attributes:
        batch: the recording alone.
        frame: the window.
        added: noise in the whole window, wherever the recording lies, [window]; None where there is none.
        silent: the same with silence around; None where this is it.
    """

    batch: RecordingBatch
    frame: Frame
    added: Tensor | None = None
    silent: Movable | None = None

    @classmethod
    def of(cls, recording: Recording, frame: Frame, seed: int, threshold_db: float = SPEECH_THRESHOLD_DB) -> Movable:
        """A recording as the sweep heard it (already cut to its speech where the sweep did so)."""
        return cls(batch_of([recording], seed, threshold_db), frame)

    @property
    def quiet(self) -> Movable:
        """The recording with silence around it."""
        return self.silent or self

    def in_noise(self, noise: Added, lead_ms: float) -> Movable:
        """The recording in the noise that a sweep adds where it lies at that lead; scaled where the sum goes above full scale."""
        heard = noise.kind(self.at([lead_ms]), noise.snr_db, draw=noise.draw, seed=self.batch.seed)
        if heard.added is None or heard.scale is None:  # no noise at all
            return self
        return Movable(replace(self.batch, samples=self.batch.samples * heard.scale), self.frame, (heard.added * heard.scale)[0], self)

    def lead_ms(self, placement: str) -> float:
        """The lead of a named placement, in ms."""
        padding = self.frame.samples - self.batch.lengths
        return float(self.frame.ms(lead_of(cast(Placement, placement), padding))[0])

    def at(self, leads_ms: Sequence[float]) -> Windows:
        """A window for each lead, to the nearest sample: samples [leads time]."""
        leads = torch.tensor([round(ms * self.frame.rate_hz / 1000) for ms in leads_ms])
        batch = self.batch
        repeated = replace(
            batch,
            samples=batch.samples.expand(len(leads), -1),
            lengths=batch.lengths.expand(len(leads)),
            speech=batch.speech.expand(len(leads), -1),
            ids=batch.ids * len(leads),
        )
        windows = place(repeated, leads, self.frame)
        return windows if self.added is None else replace(windows, samples=windows.samples + self.added)

    def recording_ms(self, lead_ms: float) -> tuple[float, float]:
        """From where to where the recording lies in the window at that lead, in ms."""
        return lead_ms, lead_ms + float(self.frame.ms(self.batch.lengths)[0])


def scene_of(movable: Movable, lead_ms: float, band_hz: tuple[float, ...], fill: Fill = "zeros") -> Scene:
    """A recording at a lead, with that fill around it, in the noise it is heard in.

    Args:
        movable: the recording and its window.
        lead_ms: from the window's start, to the nearest sample.
        band_hz: the centers of the front-end's bands.
        fill: what the padding holds.
    """
    frame, batch = movable.frame, movable.batch
    lead = torch.tensor([round(lead_ms * frame.rate_hz / 1000)])
    padding = torch.zeros(frame.samples) if fill == "zeros" else batch.floor(frame.samples)[0]
    recording = batch.samples[0, : int(batch.lengths[0])]
    scene = Scene.of(place(batch, lead, frame, fill), recording, padding, band_hz=band_hz, seed=batch.seed)
    return scene if movable.added is None else replace(scene, added=movable.added)
