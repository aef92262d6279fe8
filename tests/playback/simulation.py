"""A test set that is played through a room and captured by another clock, with everything about it known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.interpolate import make_interp_spline
from scipy.signal import resample_poly

from robustness.audio.levels import from_decibels
from robustness.audio.recordings import Recording
from robustness.perturbations.rooms import responses_of

Array = NDArray[np.float64]
FINER = 4


class Capture(NamedTuple):
    """What a device recorded.

    Attributes:
        samples: [time].
        starts: of each clip, in samples.
        impulse: of the path.
    """

    samples: Array
    starts: dict[str, float]
    impulse: Array


def captured(
    recordings: Sequence[Recording], *, t60_s: float, drift_ppm: float, gain_db: float, noise_dbfs: float = -70.0, seed: int = 0
) -> Capture:
    """The recordings in a random order with random pauses, through Polack's room, by a clock that drifts."""
    rng, rate_hz = np.random.default_rng(seed), recordings[0].rate_hz
    pieces, starts, at = [np.zeros(rate_hz)], {}, rate_hz
    for place in rng.permutation(len(recordings)).tolist():
        samples, pause = recordings[place].samples.double().numpy(), round(float(rng.uniform(0.5, 1.5)) * rate_hz)
        starts[recordings[place].id] = at
        pieces += [samples, np.zeros(pause)]
        at += len(samples) + pause
    played, noise = np.concatenate(pieces), torch.from_numpy(rng.standard_normal((1, rate_hz)))
    impulse = responses_of(noise, rate_hz, t60_s)[0].numpy() * from_decibels(gain_db)
    size = 2 * len(played)
    room = np.fft.irfft(np.fft.rfft(played, size) * np.fft.rfft(impulse, size), size)[: len(played)]
    between = make_interp_spline(np.arange(FINER * len(room)) / FINER, resample_poly(room, FINER, 1), k=3)
    speed = 1 + drift_ppm * 1e-6
    heard = between(np.arange(int(len(room) * speed) - 1) / speed)
    heard = heard + rng.standard_normal(len(heard)) * from_decibels(noise_dbfs)
    return Capture(heard, {name: start * speed for name, start in starts.items()}, impulse)
