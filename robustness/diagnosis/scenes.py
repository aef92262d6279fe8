"""A recording as interventions take it: placed in a window, with its parts apart."""

from __future__ import annotations

from dataclasses import replace

import torch

from robustness.audio.placement import place
from robustness.conditions import Fill
from robustness.diagnosis.moving import Movable
from robustness.interventions.scene import Scene


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
