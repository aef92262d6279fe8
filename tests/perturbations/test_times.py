"""Is a recording as fast, as high and as long as it was asked to be? Against tones and loops."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from robustness.audio.placement import RecordingBatch, batch_of
from robustness.conditions import Condition
from robustness.perturbations.base import RecordingPerturbation
from robustness.perturbations.clock_drift import ClockDrift
from robustness.perturbations.head_cut import HeadCut
from robustness.perturbations.pitch import Pitch
from robustness.perturbations.roll import Roll
from robustness.perturbations.speed import Speed
from robustness.perturbations.tail_cut import TailCut
from robustness.perturbations.tempo import Tempo
from robustness.perturbations.warping import warped
from robustness.rendering import Renderer
from tests.builders import FRAME, RATE_HZ, recordings

TONE_HZ = 440.0


def tones(ms: float = 600.0) -> RecordingBatch:
    """One recording of a tone."""
    batch = batch_of(recordings(1))
    count = round(ms * RATE_HZ / 1000)
    samples = 0.1 * (2 * math.pi * TONE_HZ * torch.arange(count, dtype=torch.float64) / RATE_HZ).sin().float()[None]
    return replace(batch, samples=samples, lengths=torch.tensor([count]), speech=torch.tensor([[0, count]]))


def loudest_hz(samples: torch.Tensor) -> float:
    """The frequency of a tone, from the middle half of it: the top of a parabola through the largest bins of a long transform."""
    middle = samples[len(samples) // 4 : 3 * len(samples) // 4].double().numpy()
    power = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), 1 << 18))
    return float(np.argmax(power) * RATE_HZ / (1 << 18))


@pytest.mark.parametrize("kind", [Speed(), Tempo(), Pitch(), ClockDrift()], ids=lambda kind: kind.name)
@pytest.mark.parametrize("place_", [0, 1, 4, 5])
def test_length_and_pitch_are_what_was_asked(kind: RecordingPerturbation, place_: int) -> None:
    level = kind.axis.grid[place_]
    batch = tones()
    found, measured = kind(batch, level)
    length, hz = {
        "speed": (1 + level / 100, 1 + level / 100),
        "tempo": (1 + level / 100, 1.0),
        "pitch": (1.0, 2 ** (level / 12)),
        "clock-drift": (1 + level / 1e6, 1 + level / 1e6),
    }[kind.name]
    assert int(found.lengths) == pytest.approx(int(batch.lengths) / length, abs=1)
    assert int(found.speech[0, 1]) == pytest.approx(int(batch.lengths) / length, abs=1)
    assert loudest_hz(found.samples[0, : int(found.lengths)]) == pytest.approx(TONE_HZ * hz, rel=2e-3)
    if measured is not None:
        assert float(measured) == pytest.approx(level, abs=0.15)


def test_warping_is_the_sum_over_a_windowed_sinc() -> None:
    samples = torch.randn(1, 300, generator=torch.Generator().manual_seed(0))
    found = warped(samples, 1.1)[0]
    for at in (0, 40, 100, 200):
        place_, total = at * 1.1, 0.0
        for n, sample in enumerate(samples[0].tolist()):
            away = place_ - n
            if abs(away) <= 16:
                total += sample * np.sinc(away / 1.1) / 1.1 * math.cos(math.pi * away / 32) ** 2
        assert float(found[at]) == pytest.approx(total, abs=1e-4)


@pytest.mark.parametrize("level_ms", TailCut.axis.grid)
def test_a_cut_takes_so_much_of_the_word_and_moves_nothing(level_ms: float) -> None:
    batch = batch_of(recordings(3))
    count = round(level_ms * RATE_HZ / 1000)
    for kind in (TailCut(), HeadCut()):
        found, measured = kind(batch, level_ms)
        assert measured is not None
        assert measured.tolist() == [level_ms] * 3
        assert torch.equal(found.lengths, batch.lengths)
        for before, after, (start, end) in zip(batch.samples, found.samples, batch.speech.tolist(), strict=True):
            gone = slice(end - count, None) if isinstance(kind, TailCut) else slice(0, start + count)
            assert not after[gone].any()
            kept = slice(0, end - count) if isinstance(kind, TailCut) else slice(start + count, None)
            assert torch.equal(after[kept], before[kept])


def test_a_cut_leaves_a_little_of_a_short_word() -> None:
    batch = batch_of(recordings(1))
    short = replace(batch, speech=torch.tensor([[1000, 1400]]))
    measured = TailCut()(short, 200.0).measured
    assert measured is not None
    assert measured.tolist() == [5.0]


@pytest.mark.parametrize("level_ms", Roll.axis.grid)
def test_a_rolled_recording_goes_round_within_its_own_length(level_ms: float) -> None:
    batch = batch_of(recordings(3))
    found, measured = Roll()(batch, level_ms)
    step = round(level_ms * RATE_HZ / 1000)
    for before, after, length in zip(batch.samples.tolist(), found.samples.tolist(), batch.lengths.tolist(), strict=True):
        assert after[:length] == [before[(at - step) % length] for at in range(length)]
    assert measured is not None
    assert measured.tolist() == pytest.approx([level_ms] * 3)


def test_a_changed_recording_is_placed_by_the_length_that_it_has_now() -> None:
    renderer = Renderer.of(recordings(3), FRAME)
    heard = renderer.render(Condition("speed", 20.0))
    length = renderer.batch.lengths / 1.2
    assert heard.lead.tolist() == [math.floor((FRAME.samples - round(float(one))) / 2) for one in length]
    assert heard.measured is not None
    at_start = renderer.render(Condition("speed", 20.0), torch.zeros(3, dtype=torch.long))
    assert at_start.lead.tolist() == [0, 0, 0]


def test_a_changed_recording_can_be_moved() -> None:
    renderer = Renderer.of(recordings(1), FRAME)
    moved = renderer.moved([0.0, 100.0], Condition("speed", 20.0))
    alone = renderer.render(Condition("speed", 20.0), torch.tensor([1600]))
    assert torch.equal(moved.samples[1], alone.samples[0])
