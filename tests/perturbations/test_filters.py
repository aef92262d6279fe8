"""Does a filter do to a frequency what it says? Against sums over single waves, and transforms by numpy."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from robustness.audio.placement import Windows
from robustness.perturbations.base import WindowPerturbation
from robustness.perturbations.comb import Comb
from robustness.perturbations.far_field import FarField
from robustness.perturbations.high_pass import HighPass
from robustness.perturbations.low_pass import LowPass
from robustness.perturbations.notch import Notch
from robustness.perturbations.resampling import Resampling
from robustness.perturbations.telephone_band import TelephoneBand
from robustness.perturbations.tilt import Tilt
from tests.builders import FRAME, RATE_HZ
from tests.perturbations.made import at_hz, noise, power_between, tone_window, windows


def click() -> Windows:
    return replace(windows(1), samples=torch.eye(1, FRAME.samples) * 0.5)


def gain_db(kind: WindowPerturbation, level: float, hz: float) -> float:
    """What a tone loses or gains."""
    clean = tone_window(hz)
    return 20 * math.log10(at_hz(kind(clean, level).samples[0], hz) / at_hz(clean.samples[0], hz))


@pytest.mark.parametrize("kind", [LowPass(), HighPass()], ids=["low", "high"])
@pytest.mark.parametrize("place_", [1, 3])
def test_the_corner_is_at_minus_3_db_and_an_octave_beyond_is_24_db_down(kind: WindowPerturbation, place_: int) -> None:
    corner_hz = kind.axis.grid[place_]
    assert gain_db(kind, corner_hz, corner_hz) == pytest.approx(-3.01, abs=0.1)
    beyond = 2 * corner_hz if isinstance(kind, LowPass) else corner_hz / 2
    if beyond < RATE_HZ / 2:
        assert gain_db(kind, corner_hz, beyond) < -23
    measured = kind(noise(), corner_hz).measured
    assert measured is not None
    assert measured.tolist() == pytest.approx([corner_hz], rel=0.01)


def test_above_half_the_rate_there_is_nothing_to_filter() -> None:
    slow = replace(windows(), rate_hz=8000)
    for kind in (LowPass(), Resampling()):
        assert torch.equal(kind(slow, 12_000.0 if isinstance(kind, Resampling) else 6000.0).samples, slow.samples)


@pytest.mark.parametrize("level_db", TelephoneBand.axis.grid)
def test_the_telephone_keeps_its_band_and_turns_the_rest_down(level_db: float) -> None:
    assert gain_db(TelephoneBand(), level_db, 300.0) == pytest.approx(0, abs=0.3)
    assert gain_db(TelephoneBand(), level_db, 1000.0) == pytest.approx(0, abs=0.01)
    for hz in (120.0, 5000.0):
        assert gain_db(TelephoneBand(), level_db, hz) == pytest.approx(-level_db, abs=0.3)
    clean = noise()
    heard = TelephoneBand()(clean, level_db)
    lost = 10 * math.log10(power_between(clean.samples[0], 3750, 8000) / power_between(heard.samples[0], 3750, 8000))
    assert heard.measured is not None
    assert float(heard.measured) == pytest.approx(lost, rel=0.03)
    assert float(heard.measured) == pytest.approx(level_db, rel=0.03)


@pytest.mark.parametrize("level_db", Tilt.axis.grid)
def test_an_octave_more_is_so_many_db_more_and_the_word_is_as_loud(level_db: float) -> None:
    clean = noise()
    heard = Tilt()(clean, level_db)
    gains = [
        10 * math.log10(power_between(heard.samples[0], hz / 1.1, hz * 1.1) / power_between(clean.samples[0], hz / 1.1, hz * 1.1))
        for hz in (250, 500, 1000, 2000, 4000)
    ]
    assert [b - a for a, b in pairwise(gains)] == pytest.approx([level_db] * 4, abs=0.4)
    assert heard.measured is not None
    assert float(heard.measured) == pytest.approx(level_db, abs=0.1)
    words = windows()
    tilted = Tilt()(words, level_db)
    for before, after, (start, end) in zip(words.samples, tilted.samples, words.speech.tolist(), strict=True):
        powers = [sum(x * x for x in some[max(0, start) : end].tolist()) for some in (before, after)]
        assert powers[1] == pytest.approx(powers[0], rel=0.01)


@pytest.mark.parametrize("level_db", Notch.axis.grid)
def test_a_dip_is_that_deep_at_its_center_and_nothing_an_octave_away(level_db: float) -> None:
    assert gain_db(Notch(), level_db, 2000.0) == pytest.approx(-level_db, abs=0.3)
    assert gain_db(Notch(), level_db, 1000.0) == pytest.approx(0, abs=0.05)
    assert gain_db(Notch(), level_db, 4000.0) == pytest.approx(0, abs=0.05)
    measured = Notch()(noise(), level_db).measured
    assert measured is not None
    assert float(measured) == pytest.approx(level_db, rel=0.05)


@pytest.mark.parametrize("share", Comb.axis.grid)
def test_a_reflection_comes_1_ms_later_and_nothing_else_does(share: float) -> None:
    heard = Comb()(click(), share).samples[0].tolist()
    assert [(at, sample) for at, sample in enumerate(heard) if sample] == [(0, 0.5), (16, pytest.approx(0.5 * share))]
    measured = Comb()(noise(), share).measured
    assert measured is not None
    assert float(measured) == pytest.approx(share, abs=1e-4)


@pytest.mark.parametrize("rate_hz", Resampling.axis.grid)
def test_only_what_a_lower_rate_can_carry_is_left_in_its_place(rate_hz: float) -> None:
    assert gain_db(Resampling(), rate_hz, 0.4 * rate_hz) == pytest.approx(0, abs=0.2)
    if 0.65 * rate_hz < RATE_HZ / 2:
        assert gain_db(Resampling(), rate_hz, 0.65 * rate_hz) < -30
    measured = Resampling()(noise(), rate_hz).measured
    assert measured is not None
    assert measured.tolist() == [rate_hz]


@pytest.mark.parametrize("metres", FarField.axis.grid)
def test_the_direct_sound_falls_with_distance_and_the_room_stays(metres: float) -> None:
    heard = FarField()(click(), metres)
    response = [x / 0.5 for x in heard.samples[0].tolist()]
    assert response[0] == pytest.approx(0.3 / metres, rel=1e-4)
    direct, diffuse = response[0] ** 2, sum(x * x for x in response[1:])
    assert 10 * math.log10(direct / diffuse) == pytest.approx(-20 * math.log10(metres), abs=0.1)
    assert heard.measured is not None
    assert float(heard.measured) == pytest.approx(metres, rel=0.01)
