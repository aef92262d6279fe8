"""Does every intervention keep its contract, and do its edits do what they say?"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import get_args

import pytest
import torch
from torch import Tensor

from robustness.audio.filters import passing_below, shaped
from robustness.audio.placement import span_of
from robustness.audio.steady_tones import hum_in
from robustness.explanations.subject import Subject
from robustness.interventions.base import DRAWS, INTERVENTIONS, EditKind, Intervention
from robustness.interventions.scene import Scene
from robustness.interventions.typical import Typical, spectrum_db, word_level_dbfs
from tests.builders import FRAME, classifier, recording

BANDS = tuple(classifier().frontend.band_hz)
EVERY = INTERVENTIONS.names()


def octave_db(samples: Tensor, from_hz: int) -> float:
    """The level in an octave of a window of one second."""
    return 10 * math.log10(float(torch.fft.rfft(samples.double()).abs().square()[from_hz : 2 * from_hz].sum()))


def scene(lead_ms: float = 100.0, seed: int = 0) -> Scene:
    return Subject.of(recording("a.wav", seed=1), FRAME, seed=seed).scene(lead_ms, BANDS)


def made(name: str) -> Intervention:
    return INTERVENTIONS[name]()


def rms_db(samples: Tensor) -> float:
    return 10 * math.log10(float(samples.double().square().mean()))


@pytest.mark.parametrize("name", EVERY)
def test_sizes_go_from_mild_to_strong_in_a_unit(name: str) -> None:
    one = made(name)
    assert one.kind in get_args(EditKind)
    assert one.sizes_tried.unit
    assert one.sizes_tried.sizes
    sizes = one.sizes_tried.sizes
    strength = [100 - size if name == "band-limit" else 50 - size if name == "add-white-noise" else abs(size) for size in sizes]
    falling = [40 + size for size in one.sizes_tried.sizes] if name in {"fill-floor", "restore-band"} else strength
    assert all(mild <= strong for mild, strong in pairwise(falling))
    assert one.draws in {1, DRAWS}
    assert one.does
    assert one.control_does


@pytest.mark.parametrize("name", EVERY)
def test_edits_are_windows_the_same_twice_and_change_nothing_in_place(name: str) -> None:
    one, here = made(name), scene()
    before = here.window.clone()
    for size in one.sizes(here)[-2:]:
        for act in (one.edit, one.control):
            once, again = act(here, size, 0), act(scene(), size, 0)
            assert once.shape == before.shape
            assert once.dtype == torch.float32
            assert once.isfinite().all()
            assert torch.equal(once, again)
    assert torch.equal(here.window, before)


@pytest.mark.parametrize("name", [name for name in EVERY if made(name).draws > 1])
def test_draws_differ_and_so_do_seeds(name: str) -> None:
    one, here = made(name), faulty(name)
    size = one.sizes(here)[-1]
    assert not torch.equal(one.edit(here, size, 0), one.edit(here, size, 1))
    assert not torch.equal(one.edit(here, size, 0), one.edit(replace(here, seed=1), size, 0))


def faulty(name: str) -> Scene:
    """A scene with what an edit undoes: a lost band, an offset, hum, clicks, clipped peaks, a loud surround; a noisy word for the rest."""
    here = Subject.of(recording("f.wav", ms=600, seed=1, floor_dbfs=-40), FRAME).scene(100.0, BANDS)
    sound, time = here.recording, torch.arange(len(here.recording)) / here.rate_hz
    clicks = torch.zeros_like(sound)
    clicks[[2000, 5000]] = 0.8
    outside = (time < 0.1) | (time > 0.5)
    noise = torch.randn(len(sound), generator=torch.Generator().manual_seed(3))
    made_faulty = {
        "restore-band": shaped(sound, here.rate_hz, passing_below(4000, 100)),
        "remove-offset": sound + 0.05,
        "remove-hum": sound + 0.05 * torch.sin(2 * math.pi * 50.03 * time + 1) + 0.02 * torch.sin(2 * math.pi * 150.09 * time),
        "declick": sound + clicks,
        "declip": sound.clamp(-0.06, 0.06),
        "silence-surround": sound + 0.05 * noise * outside,
        "equalise": 0.05 * noise,
    }
    others = [recording(f"{i}.wav", seed=i, floor_dbfs=-40) for i in range(5)]
    words = [span_of(one) for one in others]
    typical = Typical.of(
        [word_level_dbfs(one.samples, word) for one, word in zip(others, words, strict=True)],
        [spectrum_db(one.samples, one.rate_hz, word) for one, word in zip(others, words, strict=True)],
    )
    return replace(here, recording=made_faulty.get(name, sound), typical=typical)


@pytest.mark.parametrize("name", EVERY)
def test_an_edit_is_possible_where_there_is_what_it_undoes(name: str) -> None:
    assert made(name).sizes(faulty(name))


@pytest.mark.parametrize("name", ["restore-band", "remove-offset", "declick", "declip", "silence-surround"])
def test_an_edit_is_left_out_where_there_is_nothing_to_undo(name: str) -> None:
    assert not made(name).sizes(faulty("gain"))


@pytest.mark.parametrize("name", [name for name in EVERY if name not in {"in-float", "lower-rejections"}])
def test_a_control_changes_the_window_by_a_comparable_energy(name: str) -> None:
    one, here = made(name), faulty(name)
    own = float(here.window.double().square().sum())
    for size in one.sizes(here):
        edit, control = (float((act(here, size, 0) - here.window).double().square().sum()) for act in (one.edit, one.control))
        # No window at the same level differs from it by more than four times its energy.
        assert edit > 0
        assert 1 / 3 <= control / min(edit, 4 * own) <= 3, (size, control / edit)


@pytest.mark.parametrize(
    ("name", "factor"),
    [
        ("gain", lambda here, window: rms_db(window[slice(*here.word)])),
        ("move-word", lambda here, window: float((window[here.inside.start : here.inside.end].abs() > 0.03).nonzero()[0])),
        ("silence-surround", lambda here, window: rms_db(window[here.inside.start + 160 : here.inside.start + 1200])),
        ("remove-offset", lambda here, window: rms_db(shaped(window, here.rate_hz, passing_below(40, 10)))),
        ("equalise", lambda here, window: octave_db(window, 2000) - octave_db(window, 250)),
        ("fill-floor", lambda here, window: float(window[here.padding].abs().sum())),
    ],
)
def test_a_control_leaves_the_factor_as_it_was(name: str, factor: Callable[[Scene, Tensor], float]) -> None:
    one, here = made(name), faulty(name)
    size = one.sizes(here)[-1]
    before, edited, control = (factor(here, window) for window in (here.window, one.edit(here, size, 0), one.control(here, size, 0)))
    assert abs(control - before) < 0.25 * abs(edited - before)


def test_moving_the_word_is_placing_it_elsewhere() -> None:
    here = scene(100.0)
    assert torch.equal(made("move-word").edit(here, 40, 0), scene(140.0).window)
    assert torch.equal(made("move-word").edit(here, -80, 0), scene(20.0).window)
    assert not made("move-word").possible(scene(0.0), -80)


def test_the_control_of_moving_leaves_the_recording_where_it_was() -> None:
    here = scene()
    control = made("move-word").control(here, 40, 0)
    assert torch.equal(control[~here.padding], -here.window[~here.padding])  # upside down
    assert (control[here.padding] != 0).all()


def test_edits_reach_the_level_of_the_others_and_the_nearest_good_lead() -> None:
    here = replace(faulty("gain"), recording=faulty("gain").recording * 10 ** (-26 / 20), known_ms=431.0)
    sizes = made("gain").sizes(here)
    assert sizes[-1] == pytest.approx(26, abs=3)
    assert made("move-word").sizes(here)[-1] == 331


@pytest.mark.parametrize("size", [3.0, -12.0])
def test_gain_is_what_was_asked_and_its_control_has_none(size: float) -> None:
    here = scene()
    assert rms_db(made("gain").edit(here, size, 0)) - rms_db(here.window) == pytest.approx(size, abs=1e-3)
    assert rms_db(made("gain").control(here, size, 0)) == pytest.approx(rms_db(here.window), abs=0.05)


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
    edited, control = made("remove-noise").edit(noisy, 20, 0), made("remove-noise").control(noisy, 20, 0)
    assert rms_db(noisy.window[pause]) - rms_db(edited[pause]) > 6
    assert abs(rms_db(control[pause]) - rms_db(noisy.window[pause])) < 4


@pytest.mark.parametrize("mains_hz", [49.9, 50.2, 60.0])
def test_hum_is_found_and_taken_out_of_the_recording_alone(mains_hz: float) -> None:
    here, time = scene(), torch.arange(len(scene().recording)) / 16000
    hum = sum(0.02 / n * torch.sin(2 * math.pi * mains_hz * n * time + n) for n in (1, 2, 3))
    humming = replace(here, recording=here.recording + hum)
    edited = made("remove-hum").edit(humming, 5, 0)
    assert rms_db(edited - here.window) < rms_db(humming.window - here.window) - 20
    assert not edited[here.padding].any()
    assert hum_in(humming.recording, 16000, 3).mains_hz == pytest.approx(mains_hz, abs=0.05)


def test_an_offset_is_found_and_taken_out() -> None:
    here = scene()
    edited = made("remove-offset").edit(replace(here, recording=here.recording + 0.03), 100, 0)
    assert float((edited - here.window).abs().max()) < 0.001


def test_clicks_are_bridged_and_the_rest_stays() -> None:
    here = faulty("declick")
    edited = made("declick").edit(here, 4, 0)
    clean = faulty("gain").window
    assert float((edited - clean)[here.lead + 1990 : here.lead + 2010].abs().max()) < 0.1
    assert torch.equal(edited[: here.lead + 1900], clean[: here.lead + 1900])


def test_clipped_peaks_are_nearer_to_what_they_were() -> None:
    here, clean = faulty("declip"), faulty("gain").window
    edited = made("declip").edit(here, 6, 0)
    assert rms_db(edited - clean) < rms_db(here.window - clean) - 2


def test_the_surround_is_silent_and_the_word_as_it_was() -> None:
    here = faulty("silence-surround")
    edited = made("silence-surround").edit(here, 48, 0)
    assert rms_db(edited[here.lead : here.lead + 1000]) < rms_db(here.window[here.lead : here.lead + 1000]) - 40
    assert torch.equal(edited[here.lead + 3000 : here.lead + 6000], here.window[here.lead + 3000 : here.lead + 6000])


def test_the_lost_band_alone_is_filled() -> None:
    here = faulty("restore-band")
    added = made("restore-band").edit(here, -20, 0) - here.window
    power = torch.fft.rfft(added.double()).abs().square()
    assert power[4500:].sum() > 20 * power[:3800].sum()
    white = made("add-white-noise").edit(here, 30, 0) - here.window
    power = torch.fft.rfft(white.double()).abs().square()
    assert power[:3800].sum() > 20 * power[4500:].sum()


@pytest.mark.parametrize(
    ("asked", "reached"),
    [
        (0, (-12, 12)),
        (9, (-12, 20)),  # 11 dB beyond what it asks for
        (7, (-12, 12)),
        (-30, (-40, 12)),
        (28, (-12, 40)),
        (27, (-12, 30)),
    ],
)
def test_a_gain_goes_to_the_level_of_those_that_are_right_and_a_mild_gain_beyond(asked: int, reached: tuple[int, int]) -> None:
    here = scene()
    level = word_level_dbfs(here.recording, here.speech)
    spectrum = spectrum_db(here.recording, here.rate_hz, here.speech)
    sizes = made("gain").sizes(replace(here, typical=Typical.of([level + asked] * 3, [spectrum] * 3)))
    usual = [size for size in sizes if size in made("gain").sizes_tried.sizes]
    assert (min(usual), max(usual)) == pytest.approx(reached)
    assert not asked or asked in sizes
    assert made("gain").sizes(here) == made("gain").sizes_tried.sizes
