"""Does every intervention keep its contract, and do its edits do what they say?"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import get_args

import pytest
import torch
from torch import Tensor

from robustness.explanations.subject import Subject
from robustness.interventions.base import DRAWS, INTERVENTIONS, Intervention, Kind
from robustness.interventions.scene import Scene
from tests.builders import FRAME, classifier, recording

BANDS = tuple(classifier().frontend.band_hz)
EVERY = INTERVENTIONS.names()


def scene(lead_ms: float = 100.0, seed: int = 0) -> Scene:
    return Subject.of(recording("a.wav", seed=1), FRAME, seed=seed).scene(lead_ms, BANDS)


def made(name: str) -> Intervention:
    return INTERVENTIONS[name]()


def rms_db(samples: Tensor) -> float:
    return 10 * math.log10(float(samples.double().square().mean()))


@pytest.mark.parametrize("name", EVERY)
def test_a_ladder_goes_from_mild_to_strong_in_a_unit(name: str) -> None:
    one = made(name)
    assert one.kind in get_args(Kind)
    assert one.ladder.unit
    assert one.ladder.sizes
    strength = [100 - size if name == "band-limit" else 50 - size if name == "add-white-noise" else abs(size) for size in one.ladder.sizes]
    falling = [20 + size for size in one.ladder.sizes] if name == "fill-floor" else strength
    assert all(mild <= strong for mild, strong in pairwise(falling))
    assert one.draws in {1, DRAWS}
    assert one.does
    assert one.sham_does


@pytest.mark.parametrize("name", EVERY)
def test_edits_are_windows_the_same_twice_and_change_nothing_in_place(name: str) -> None:
    one, here = made(name), scene()
    before = here.window.clone()
    for size in one.sizes(here)[-2:]:
        for act in (one.edit, one.sham):
            once, again = act(here, size, 0), act(scene(), size, 0)
            assert once.shape == before.shape
            assert once.dtype == torch.float32
            assert once.isfinite().all()
            assert torch.equal(once, again)
    assert torch.equal(here.window, before)


@pytest.mark.parametrize("name", [name for name in EVERY if made(name).draws > 1])
def test_draws_differ_and_so_do_seeds(name: str) -> None:
    one, here = made(name), scene()
    size = one.sizes(here)[-1]
    assert not torch.equal(one.edit(here, size, 0), one.edit(here, size, 1))
    assert not torch.equal(one.edit(here, size, 0), one.edit(scene(seed=1), size, 0))


def test_moving_the_word_is_placing_it_elsewhere() -> None:
    here = scene(100.0)
    assert torch.equal(made("move-word").edit(here, 40, 0), scene(140.0).window)
    assert torch.equal(made("move-word").edit(here, -80, 0), scene(20.0).window)
    assert not made("move-word").possible(scene(0.0), -80)


def test_the_sham_of_moving_leaves_the_recording_where_it_was() -> None:
    here = scene()
    sham = made("move-word").sham(here, 40, 0)
    assert torch.equal(sham[~here.padding], here.window[~here.padding])
    assert (sham[here.padding] != 0).all()


@pytest.mark.parametrize("size", [3.0, -12.0])
def test_gain_is_what_was_asked_and_its_sham_has_none(size: float) -> None:
    here = scene()
    assert rms_db(made("gain").edit(here, size, 0)) - rms_db(here.window) == pytest.approx(size, abs=1e-3)
    assert rms_db(made("gain").sham(here, size, 0)) == pytest.approx(rms_db(here.window), abs=0.05)


def test_white_noise_has_its_ratio_in_the_word() -> None:
    here = scene()
    noise = made("add-white-noise").edit(here, 30, 0) - here.window
    word = slice(*here.word)
    assert rms_db(here.window[word]) - rms_db(noise[word]) == pytest.approx(30, abs=0.3)


@pytest.mark.parametrize(("name", "size", "low_hz", "high_hz"), [("band-limit", 50, 4300, 8000), ("drop-highest-bands", 8, 6400, 8000)])
def test_nothing_is_left_where_a_filter_stops(name: str, size: float, low_hz: float, high_hz: float) -> None:
    here = scene()
    power = torch.fft.rfft(made(name).edit(here, size, 0).double()).abs().square()
    before = torch.fft.rfft(here.window.double()).abs().square()
    stopped = slice(int(low_hz), int(high_hz))  # one second: a bin is 1 Hz
    assert power[stopped].sum() < 1e-6 * before[stopped].sum()
    assert power[300:3000].sum() == pytest.approx(float(before[300:3000].sum()), rel=1e-3)


def test_a_tilt_keeps_the_word_as_loud() -> None:
    here, word = scene(), slice(*scene().word)
    for size in (3, -3):
        assert rms_db(made("equalise").edit(here, size, 0)[word]) == pytest.approx(rms_db(here.window[word]), abs=0.01)


def test_speed_keeps_where_the_word_begins_and_shortens_it() -> None:
    here = scene()
    fast = made("speed").edit(here, 8, 0)
    end = here.inside.end
    assert rms_db(fast[end - 300 : end] + 1e-9) < rms_db(here.window[end - 300 : end] + 1e-9)
    before = here.window[: here.word.start + 400]
    assert float((fast[: len(before)] - before).abs().max()) < 0.2


def test_noise_that_was_taken_away_is_less_in_the_pauses() -> None:
    noisy = Subject.of(recording("n.wav", seed=1, floor_dbfs=-35), FRAME).scene(100.0, BANDS)
    pause = slice(noisy.inside.start, noisy.inside.start + 700)
    edited, sham = made("remove-noise").edit(noisy, 20, 0), made("remove-noise").sham(noisy, 20, 0)
    assert rms_db(noisy.window[pause]) - rms_db(edited[pause]) > 6
    assert abs(rms_db(sham[pause]) - rms_db(noisy.window[pause])) < 4


def test_hum_and_dc_are_gone_and_the_sham_keeps_them() -> None:
    hum = 0.01 * torch.sin(2 * math.pi * 50 * torch.arange(16000) / 16000) + 0.01
    here = scene()
    humming = Scene(**{**{k: getattr(here, k) for k in here.__dataclass_fields__}, "added": hum})
    rest = made("remove-hum").edit(humming, 1, 0) - made("remove-hum").edit(here, 1, 0)
    assert float(rest.abs().max()) < 1e-4
    kept = made("remove-hum").sham(humming, 1, 0) - made("remove-hum").sham(here, 1, 0)
    assert rms_db(kept) == pytest.approx(rms_db(hum), abs=0.1)
