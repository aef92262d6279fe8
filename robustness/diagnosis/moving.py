"""One recording wherever it is wanted in the window, with silence around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import torch

from robustness.audio.levels import SPEECH_THRESHOLD_DB
from robustness.audio.placement import Frame, RecordingBatch, Windows, batch_of, lead_of, place
from robustness.audio.recordings import Recording
from robustness.conditions import Placement


@dataclass(frozen=True, eq=False)
class Movable:
    """One recording and the window in which it moves."""

    batch: RecordingBatch
    frame: Frame

    @classmethod
    def of(cls, recording: Recording, frame: Frame, seed: int, threshold_db: float = SPEECH_THRESHOLD_DB) -> Movable:
        """A recording as the sweep heard it (already cut to its speech where the sweep did so)."""
        return cls(batch_of([recording], seed, threshold_db), frame)

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
        return place(repeated, leads, self.frame)

    def recording_ms(self, lead_ms: float) -> tuple[float, float]:
        """From where to where the recording lies in the window at that lead, in ms."""
        return lead_ms, lead_ms + float(self.frame.ms(self.batch.lengths)[0])
