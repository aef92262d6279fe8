"""Do the perturbations that need a package of their own keep their physics, and does a sweep go on without them?"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from robustness.audio.reading import read_recordings
from robustness.conditions import Condition
from robustness.errors import UsageError
from robustness.perturbations.amr import Amr
from robustness.perturbations.base import Extra, WindowPerturbation
from robustness.perturbations.gain_control import GainControl
from robustness.perturbations.ima_adpcm import ImaAdpcm
from robustness.perturbations.noise_suppression import NoiseSuppression
from robustness.perturbations.opus_loss import OpusLoss, after_opus, delay
from robustness.perturbations.shoebox_room import ShoeboxRoom, response_of
from robustness.rendering import render
from robustness.sweep.plan import Settings, runnable
from tests.builders import FRAME, RATE_HZ
from tests.perturbations.made import noise, windows


def late_by(before: torch.Tensor, after: torch.Tensor) -> int:
    """The lag of the largest cross-correlation, written out for 40 ms to both sides."""
    reach = RATE_HZ // 25
    one, other = before[reach:-reach].double(), after.double()
    sums = [float((one * other[reach + lag : len(other) - reach + lag]).sum()) for lag in range(-reach, reach)]
    return int(np.argmax(sums)) - reach


@pytest.mark.parametrize("kind", [Amr(), ImaAdpcm(), NoiseSuppression(), OpusLoss(), GainControl()], ids=lambda kind: kind.name)
def test_nothing_comes_back_late(kind: WindowPerturbation) -> None:
    clean = noise()
    for level in (kind.axis.grid[0], kind.axis.grid[-1]):  # of lost packets enough come
        assert abs(late_by(clean.samples[0], kind(clean, level).samples[0])) <= 1, level


@pytest.mark.parametrize("kind", [Amr(), ImaAdpcm()], ids=lambda kind: kind.name)
def test_a_bit_rate_is_measured_and_fewer_bits_cost_more(kind: WindowPerturbation) -> None:
    clean = noise()
    heard = [kind(clean, level) for level in kind.axis.grid]
    for level, one in zip(kind.axis.grid, heard, strict=True):
        assert one.measured is not None
        assert level <= float(one.measured[0]) <= 1.15 * level
    errors = [float((one.samples - clean.samples).square().mean()) for one in heard]
    assert all(less <= 1.1 * more for less, more in pairwise(errors))


def test_a_stronger_suppressor_leaves_less_noise() -> None:
    left = [float(NoiseSuppression()(noise(0.01), level).samples.square().mean()) for level in NoiseSuppression.axis.grid]
    assert left[0] < float(noise(0.01).samples.square().mean())
    assert all(harsh < mild for mild, harsh in pairwise(left))


def level_db(samples: torch.Tensor) -> float:
    return 10 * float(samples.double().square().mean().log10())


def test_a_gain_control_turns_a_quiet_word_up_and_a_loud_one_less_the_longer_it_runs(root: Path) -> None:
    said = read_recordings(
        [root / "recordings" / "joe" / f"synthetic_joe_piper_clean_{word}_1.wav" for word in ("down", "five")],
        rate_hz=RATE_HZ,
        longest_samples=RATE_HZ,
    )
    words, kind = render(said.recordings, Condition(), FRAME), GainControl()
    peaks = words.samples.abs().amax(1, keepdim=True)
    for peak, low_db, high_db in ((0.1, 11.5, 12.5), (0.9, -1.0, 2.0)):
        clean = replace(words, samples=words.samples / peaks * peak)
        gains = torch.tensor([[level_db(one) for one in kind(clean, level).samples] for level in kind.axis.grid])
        gains -= torch.tensor([level_db(one) for one in clean.samples])
        assert (gains[-1] > low_db).all()
        assert (gains[-1] < high_db).all()
        steps = gains.diff(dim=0) * (1 if peak < 0.5 else -1)  # up to the settled gain, or down to it
        assert (steps > -0.1).all()


def test_opus_conceals_what_is_lost_and_more_loss_costs_more() -> None:
    clean, kind = noise(), OpusLoss()
    whole = torch.from_numpy(after_opus(clean.samples[0].numpy()))[delay() : delay() + FRAME.samples]
    errors = []
    for level in kind.axis.grid:
        heard = kind(clean, level)
        assert heard.measured is not None
        assert float(heard.measured[0]) == pytest.approx(level, abs=1e-6)
        errors.append(float((heard.samples[0] - whole).square().mean()))
    assert all(less < more for less, more in pairwise(errors))
    one = torch.from_numpy(after_opus(clean.samples[0].numpy(), np.arange(50) == 25))[delay() : delay() + FRAME.samples]
    at = 25 * RATE_HZ // 50
    assert torch.equal(one[: at - 400], whole[: at - 400])
    assert -20 < level_db(one[at : at + 100]) - level_db(whole[at : at + 100]) < 3  # concealed, and not silent


@pytest.mark.parametrize("t60_s", ShoeboxRoom.axis.grid)
def test_the_reverberation_time_is_near_what_was_asked(t60_s: float) -> None:
    heard = ShoeboxRoom()(windows(), t60_s)
    assert heard.measured is not None
    assert heard.measured.tolist() == pytest.approx([t60_s] * 3, rel=0.15)
    energy = response_of(0, t60_s, RATE_HZ, FRAME.samples).square().flip(0).cumsum(0).flip(0)
    decay = 10 * (energy / energy[round(0.0025 * RATE_HZ)]).log10()
    five, late = (int((decay <= level).nonzero()[0]) for level in (-5.0, -25.0))
    assert 3 * (late - five) / RATE_HZ == pytest.approx(t60_s, rel=0.2)  # from −5 to −25 dB, times 3


def test_a_room_answers_the_same_twice_and_begins_with_the_direct_sound() -> None:
    first = response_of(1, 0.4, RATE_HZ, 4000).clone()
    response_of.cache_clear()
    assert torch.equal(response_of(1, 0.4, RATE_HZ, 4000), first)
    assert float(first[0]) == 1.0


def test_what_needs_a_package_that_is_not_there_is_left_out_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ShoeboxRoom, "extra", Extra("no_such_package", "rooms"))
    why = "it needs the package no_such_package, which is not installed: pip install 'speech-robustness[rooms]'"
    found = runnable(Settings(preset="full"), FRAME)
    assert found.skipped["shoebox-room"] == why
    assert "reverberation" in found.perturbations
    with pytest.raises(UsageError, match="shoebox-room cannot be run: it needs the package no_such_package"):
        runnable(Settings(perturbations=("shoebox-room",)), FRAME)
