"""Does each measurement say what was put into a recording?"""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from robustness.audio.filters import passing_above, passing_below, shaped
from robustness.audio.levels import Span
from robustness.audio.measurements import Measurements, measured, pitch_hz
from robustness.audio.surround import core_in, own_sound_in

RATE_HZ = 16_000


def noise(count: int, seed: int = 0) -> Tensor:
    return torch.randn(count, generator=torch.Generator().manual_seed(seed))


def take() -> Tensor:
    """Half a second: noise like a word from 100 to 400 ms at −20 dBFS, over a floor of −60 dBFS."""
    sound = noise(8000) * 10 ** (-60 / 20)
    sound[1600:6400] += noise(4800, 1) * 10 ** (-20 / 20)
    return sound


def of(samples: Tensor) -> Measurements:
    return measured(samples, RATE_HZ, Span(1600, 6400))


def test_levels_and_room() -> None:
    found = of(take())
    assert (found.level_dbfs, found.floor_dbfs, found.snr_db) == pytest.approx((-20, -60, 40), abs=1)
    assert (found.length_ms, found.lead_ms, found.tail_ms) == (300, 100, 100)
    assert (found.first_dbfs, found.last_dbfs) == pytest.approx((-60, -60), abs=2)
    assert (found.clipped, found.clicks) == (0, 0)
    assert (found.highest_hz, found.lowest_hz) == (8000, 0)


def hum(samples: Tensor) -> Tensor:
    return samples + 0.05 * torch.sin(2 * math.pi * 50.1 * torch.arange(len(samples)) / RATE_HZ + 1)


def click(samples: Tensor) -> Tensor:
    changed = samples.clone()
    changed[[500, 7500]] += 0.8
    return changed


@pytest.mark.parametrize(
    ("name", "change", "low", "high"),
    [
        ("hum_dbfs", hum, -29.5, -28.5),
        ("offset_dbfs", lambda x: x + 0.03, -31, -30),
        ("floor_dbfs", lambda x: x + 10 ** (-31 / 20) * noise(len(x), 5), -33, -30),
        ("level_dbfs", lambda x: x / 10, -41, -39),
        ("highest_hz", lambda x: shaped(x, RATE_HZ, passing_below(4000, 100)), 4000, 4250),
        ("lowest_hz", lambda x: shaped(x, RATE_HZ, passing_above(1000, 100)), 750, 1000),
        ("tilt_db", lambda x: shaped(x, RATE_HZ, lambda hz: (hz.clamp_min(60) / 1000) ** (-6 / 6.02)), -6.8, -5.2),
        ("clicks", click, 2, 2),
        ("clipped", lambda x: x.clamp(-0.1, 0.1), 0.01, 0.5),
        ("first_dbfs", lambda x: torch.cat([noise(160, 7) * 0.1, x[160:]]), -22, -18),
    ],
)
def test_what_was_put_in_is_measured(name: str, change: Callable[[Tensor], Tensor], low: float, high: float) -> None:
    assert low <= getattr(of(change(take())), name) <= high
    assert not low <= getattr(of(take()), name) <= high


@pytest.mark.parametrize("count", [1, 100, 320, 1000])
def test_the_shortest_recordings_are_measured(count: int) -> None:
    found = measured(noise(count) * 0.01, RATE_HZ, Span(0, count))
    assert all(math.isfinite(value) for value in found)
    assert all(math.isfinite(value) for value in measured(torch.zeros(count), RATE_HZ, Span(0, count)))


def test_a_surround_of_its_own_is_told_from_noise_everywhere() -> None:
    around = take()
    around[:1600] += noise(1600, 3) * 0.05
    around[6400:] += noise(1600, 4) * 0.05
    tones = torch.sin(2 * math.pi * 500 * torch.arange(8000) / RATE_HZ) * 0.14
    quiet = around.clone()
    quiet[1600:6400] = tones[1600:6400]  # a word that is no noise
    start, end = core_in(quiet, RATE_HZ)
    assert abs(start - 1600) < 500
    assert abs(end - 6400) < 500
    assert own_sound_in(quiet, RATE_HZ) > 0.5
    assert own_sound_in(tones + noise(8000, 3) * 0.05, RATE_HZ) < 0.05
    assert own_sound_in(take(), RATE_HZ) < 0.05


@pytest.mark.parametrize("hz", [70.0, 112.5, 190.0, 305.0])
def test_the_pitch_is_what_repeats(hz: float) -> None:
    time = torch.arange(RATE_HZ // 2, dtype=torch.float64) / RATE_HZ
    voice = torch.stack([torch.sin(2 * math.pi * hz * n * time + n) / n for n in range(1, 9)]).sum(0)
    assert pitch_hz(voice.float() * 0.1, RATE_HZ) == pytest.approx(hz, rel=0.02)


def test_noise_and_what_is_too_short_have_no_pitch() -> None:
    noise = torch.randn(RATE_HZ // 2, generator=torch.Generator().manual_seed(0))
    assert pitch_hz(noise, RATE_HZ) == 0
    assert pitch_hz(noise[:100], RATE_HZ) == 0
    assert pitch_hz(torch.zeros(RATE_HZ // 2), RATE_HZ) == 0
