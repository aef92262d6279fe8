"""Is the room as reverberant as it was asked to be? Against sums written out."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from robustness.audio.placement import Windows, batch_of, place
from robustness.perturbations.reverberation import Reverberation
from tests.builders import FRAME, RATE_HZ, recordings

LEVELS = Reverberation.axis.grid


def windows(count: int = 3) -> Windows:
    return place(batch_of(recordings(count)), torch.arange(count) * 700 + 300, FRAME)


def click() -> Windows:
    """A window with one sample that sounds, the first: what comes back is the room's response."""
    one = windows(1)
    samples = torch.zeros_like(one.samples)
    samples[:, 0] = 0.5
    return replace(one, samples=samples)


def decay_s(response: np.ndarray) -> float:
    """T60 by Schroeder's definition, summed backwards one sample after the other, from −5 to −25 dB."""
    left, curve = 0.0, []
    for sample in reversed(response.tolist()):
        left += sample * sample
        curve.append(left)
    curve.reverse()
    times, levels = [], []
    for place_, energy in enumerate(curve):
        level_db = 10 * math.log10(energy / curve[0]) if energy else -math.inf
        if -25 <= level_db <= -5:
            times.append(place_ / RATE_HZ)
            levels.append(level_db)
    return -60 / float(np.polyfit(times, levels, 1)[0])


@pytest.mark.parametrize("level_s", LEVELS)
@pytest.mark.parametrize("draw", [0, 1])
def test_the_reverberation_time_is_what_was_asked_and_what_is_stored(level_s: float, draw: int) -> None:
    room = Reverberation()(click(), level_s, draw=draw, seed=3)
    tail = room.samples[0, round(0.0025 * RATE_HZ) :].double().numpy()
    assert room.measured is not None
    assert float(room.measured[0]) == pytest.approx(decay_s(tail), rel=1e-3)
    assert decay_s(tail) == pytest.approx(level_s, rel=0.1)


@pytest.mark.parametrize("level_s", LEVELS)
def test_the_tail_is_as_loud_as_the_direct_sound(level_s: float) -> None:
    response = Reverberation()(click(), level_s).samples[0].double() / 0.5
    assert float(response[0]) == pytest.approx(1.0, abs=1e-6)
    assert float(response[1:].square().sum()) == pytest.approx(1.0, abs=1e-3)
    assert not response[1 : math.ceil(0.0025 * RATE_HZ)].abs().max() > 1e-6


def test_a_window_is_convolved_with_the_response_of_its_recording_and_draw() -> None:
    clean, response = windows(1), Reverberation()(click(), 0.4, draw=2, seed=5).samples[0].double() / 0.5
    heard = Reverberation()(clean, 0.4, draw=2, seed=5)
    assert heard.scale is not None
    wanted = np.convolve(clean.samples[0].double().numpy(), response.numpy())[: FRAME.samples]
    assert np.abs(heard.samples[0].numpy() / float(heard.scale[0]) - wanted).max() < 1e-5


def test_nothing_sounds_before_the_recording_does() -> None:
    clean = windows()
    heard = Reverberation()(clean, 0.9)
    for before, after, first in zip(clean.samples, heard.samples, clean.lead.tolist(), strict=True):
        assert not before[:first].any()
        assert float(after[:first].abs().max()) < 1e-6


def test_no_clip_knows_of_the_others_and_draws_differ() -> None:
    together = Reverberation()(windows(), 0.6, draw=1, seed=2).samples
    batch = batch_of(recordings(3)[::-1])
    reverse = place(batch, torch.tensor([1700, 1000, 300]), FRAME)
    assert torch.allclose(Reverberation()(reverse, 0.6, draw=1, seed=2).samples.flip(0), together, atol=1e-6)
    assert not torch.allclose(Reverberation()(windows(), 0.6, draw=0, seed=2).samples, together, atol=1e-3)
