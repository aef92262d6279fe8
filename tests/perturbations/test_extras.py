"""Do the perturbations that need a package of their own keep their physics, and does a sweep go on without them?"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from robustness.errors import UsageError
from robustness.perturbations.amr import Amr
from robustness.perturbations.base import Extra, WindowPerturbation
from robustness.perturbations.ima_adpcm import ImaAdpcm
from robustness.perturbations.noise_suppression import NoiseSuppression
from robustness.perturbations.shoebox_room import ShoeboxRoom, response_of
from robustness.sweep.plan import Settings, runnable
from tests.builders import FRAME, RATE_HZ
from tests.perturbations.made import noise, windows


def late_by(before: torch.Tensor, after: torch.Tensor) -> int:
    """The lag of the largest cross-correlation, written out for 40 ms to both sides."""
    reach = RATE_HZ // 25
    one, other = before[reach:-reach].double(), after.double()
    sums = [float((one * other[reach + lag : len(other) - reach + lag]).sum()) for lag in range(-reach, reach)]
    return int(np.argmax(sums)) - reach


@pytest.mark.parametrize("kind", [Amr(), ImaAdpcm(), NoiseSuppression()], ids=lambda kind: kind.name)
def test_nothing_comes_back_late(kind: WindowPerturbation) -> None:
    clean = noise()
    for level in (kind.axis.grid[0], kind.axis.grid[-1]):
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
