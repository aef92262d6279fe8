from __future__ import annotations

import math

import pytest
import torch

from robustness.audio.levels import decibels, floor_noise, frame_powers, from_decibels, span_power, speech_span
from tests.builders import RATE_HZ, recording, tone


def slow_span(samples: torch.Tensor, threshold_db: float) -> tuple[int, int]:
    """The definition, frame by frame: first to last 10 ms frame within the threshold of the loudest, widened by 25 ms."""
    frames = [samples[i : i + 160] for i in range(0, len(samples), 160)]
    powers = [float(torch.cat([f, torch.zeros(160 - len(f))]).double().square().mean()) for f in frames]
    loud = [i for i, power in enumerate(powers) if power >= max(powers) / 10 ** (threshold_db / 10)]
    return max(0, loud[0] * 160 - 400), min(len(samples), (loud[-1] + 1) * 160 + 400)


@pytest.mark.parametrize("threshold_db", [20.0, 35.0, 50.0])
@pytest.mark.parametrize("seed", range(4))
def test_the_speech_span_is_the_definition(seed: int, threshold_db: float) -> None:
    samples = recording("a", 450 + 77 * seed, seed=seed, floor_dbfs=-50).samples
    assert speech_span(samples, RATE_HZ, threshold_db) == slow_span(samples, threshold_db)


def test_the_span_finds_a_tone_between_silences() -> None:
    samples = torch.cat([torch.zeros(4000), tone(440, 200), torch.zeros(4000)])
    start, end = speech_span(samples, RATE_HZ)
    assert 4000 - 400 - 160 <= start <= 4000
    assert 7200 <= end <= 7200 + 400 + 160


def test_a_recording_without_silence_is_all_speech() -> None:
    assert speech_span(torch.ones(1601), RATE_HZ) == (0, 1601)


def test_span_power_is_the_mean_square_inside_the_window() -> None:
    samples = torch.randn(3, 1000, generator=torch.Generator().manual_seed(0))
    spans = torch.tensor([[0, 1000], [100, 300], [-50, 200]])
    slow = [samples[0].square().mean(), samples[1, 100:300].square().mean(), samples[2, 0:200].square().mean()]
    assert span_power(samples, spans).tolist() == pytest.approx([float(p) for p in slow], rel=1e-5)


def test_floor_noise_has_the_level_of_the_quiet_parts() -> None:
    made = recording("a", 800, floor_dbfs=-55)
    noise = floor_noise(made.samples, RATE_HZ, RATE_HZ, torch.Generator().manual_seed(1))
    quiet = frame_powers(made.samples, RATE_HZ).sort().values[:8].mean()
    assert 10 * math.log10(float(noise.square().mean() / quiet)) == pytest.approx(0.0, abs=1.0)


def test_floor_noise_of_digital_silence_is_silent() -> None:
    samples = torch.cat([torch.zeros(8000), tone(440, 300)])
    assert not floor_noise(samples, RATE_HZ, 100, torch.Generator().manual_seed(1)).any()


def test_decibels_and_back() -> None:
    assert decibels(from_decibels(-6.0) ** 2) == pytest.approx(-6.0)
    assert decibels(0.0) == -math.inf
