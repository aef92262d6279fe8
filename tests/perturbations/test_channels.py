"""Does a channel lose, delay and code what it says? Against loops, the standard's formula, and cross-correlation."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from robustness.perturbations.adpcm import Adpcm
from robustness.perturbations.band_mask import BandMask
from robustness.perturbations.base import WindowPerturbation
from robustness.perturbations.coding import Codec, delay_of
from robustness.perturbations.concealed_loss import ConcealedLoss
from robustness.perturbations.dropped_buffers import DroppedBuffers
from robustness.perturbations.gsm import Gsm
from robustness.perturbations.mp3 import Mp3
from robustness.perturbations.mu_law import MuLaw
from robustness.perturbations.opus import Opus
from robustness.perturbations.packet_loss import PacketLoss
from robustness.perturbations.time_mask import TimeMask
from robustness.perturbations.vorbis import Vorbis
from tests.builders import RATE_HZ
from tests.perturbations.made import noise, power_between, windows

PACKET = 320
CODECS: list[WindowPerturbation] = [Adpcm(), Gsm(), Mp3(), Opus(), Vorbis()]


@pytest.mark.parametrize("kind", CODECS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("place_", [0, -1])
def test_no_delay_is_left_after_a_codec(kind: WindowPerturbation, place_: int) -> None:
    clean = windows()
    heard = kind(clean, kind.axis.grid[place_])
    for before, after in zip(clean.samples.numpy(), heard.samples.numpy(), strict=True):
        fits = [float(np.dot(np.roll(before, lag), after)) for lag in range(-60, 61)]
        assert abs(int(np.argmax(fits)) - 60) <= 1, "samples"


def test_a_delay_is_measured_and_not_supposed() -> None:
    assert delay_of(Codec("MP3", "MPEG_LAYER_III", 0.99), RATE_HZ) > 500  # of encoder and decoder, in this build
    assert delay_of(Codec("WAV", "PCM_16"), RATE_HZ) == 0


@pytest.mark.parametrize("kind", [Adpcm(), Mp3(), Opus(), Vorbis()], ids=lambda kind: kind.name)
def test_fewer_bits_are_measured_at_each_level_and_cost_more(kind: WindowPerturbation) -> None:
    clean = noise()
    heard = [kind(clean, level) for level in kind.axis.grid]
    rates = [float(one.measured) for one in heard if one.measured is not None]
    assert len(rates) == len(kind.axis.grid)
    assert all(more > fewer for more, fewer in pairwise(rates))
    assert all(rate <= 1.15 * level for rate, level in zip(rates, kind.axis.grid, strict=True))
    errors = [float((one.samples - clean.samples).square().mean()) for one in heard]
    assert all(less <= 1.1 * more for less, more in pairwise(errors))


def test_each_pass_of_gsm_costs_more() -> None:
    clean = windows()
    errors = [float((Gsm()(clean, passes).samples - clean.samples).square().mean()) for passes in Gsm.axis.grid]
    assert errors[-1] > errors[0] > 0


@pytest.mark.parametrize("bits", MuLaw.axis.grid)
def test_samples_are_those_of_the_formula_of_mu_law(bits: float) -> None:
    clean = windows()
    heard = MuLaw()(clean, bits)
    mu = 2 ** int(bits) - 1
    for before, after in zip(clean.samples[0, 4000:4400].tolist(), heard.samples[0, 4000:4400].tolist(), strict=True):
        pressed = math.copysign(math.log1p(mu * abs(before)) / math.log1p(mu), before)
        code = math.floor((pressed + 1) / 2 * mu + 0.5)
        back = 2 * code / mu - 1
        assert after == pytest.approx(math.copysign(math.expm1(abs(back) * math.log1p(mu)) / mu, back), abs=2e-3 * 2 ** (8 - bits))
    assert heard.measured is not None
    assert heard.measured.tolist() == [bits] * 3


@pytest.mark.parametrize("percent", PacketLoss.axis.grid)
def test_that_share_of_packets_is_lost_whole_and_a_harsher_level_loses_the_same_ones(percent: float) -> None:
    clean = noise()
    heard = PacketLoss()(clean, percent, seed=2)
    worst = PacketLoss()(clean, PacketLoss.axis.grid[-1], seed=2)
    lost = 0
    for start in range(0, clean.samples.shape[1], PACKET):
        before, after, more = (one.samples[0, start : start + PACKET] for one in (clean, heard, worst))
        gone = not after.any()
        lost += gone
        assert gone or torch.equal(before, after)
        assert not gone or not more.any()
    assert 100 * lost / 50 == percent
    assert heard.measured is not None
    assert heard.measured.tolist() == [percent]


def test_losses_come_in_bursts_of_two_on_average() -> None:
    lengths = []
    for draw in range(40):
        heard = PacketLoss()(noise(), 20.0, draw=draw).samples[0].reshape(-1, PACKET)
        lost = "".join("x" if not packet.any() else " " for packet in heard)
        lengths += [len(run) for run in lost.split()]
    assert 1.7 < float(np.mean(lengths)) < 2.6


def test_a_concealed_packet_is_the_one_before_at_half_its_amplitude() -> None:
    clean = noise()
    lost = PacketLoss()(clean, 40.0, seed=3).samples[0].reshape(-1, PACKET)
    heard = ConcealedLoss()(clean, 40.0, seed=3).samples[0].reshape(-1, PACKET)
    other = ConcealedLoss().realization(clean.samples.shape[1], RATE_HZ, torch.Generator().manual_seed(0))
    assert len(other) == len(lost)
    packets = clean.samples[0].reshape(-1, PACKET)
    replaced = [at for at in range(len(packets)) if not torch.equal(heard[at], packets[at])]
    assert len(replaced) == 20
    for at in replaced:
        before = heard[at - 1] if at else torch.zeros(PACKET)
        assert torch.allclose(heard[at], 0.5 * before)


@pytest.mark.parametrize("count", DroppedBuffers.axis.grid)
def test_whole_buffers_of_the_word_are_gone_and_the_rest_comes_sooner(count: float) -> None:
    clean = windows()
    heard = DroppedBuffers()(clean, count, seed=1)
    for before, after, (start, end) in zip(clean.samples, heard.samples, clean.speech.tolist(), strict=True):
        buffers, at, gone = before.reshape(-1, 160), 0, []
        for place_, buffer in enumerate(buffers):
            if at + 160 <= len(after) and torch.equal(after[at : at + 160], buffer):
                at += 160
            else:
                gone.append(place_)
        assert len(gone) == count
        assert all(start <= 160 * place_ and 160 * (place_ + 1) <= end for place_ in gone)
        assert not after[at:].any()
    assert heard.measured is not None
    assert heard.measured.tolist() == [count] * 3


@pytest.mark.parametrize("level_ms", TimeMask.axis.grid)
def test_a_hole_is_that_long_lies_at_the_word_and_leaves_the_rest(level_ms: float) -> None:
    clean = windows()
    clean.samples.add_(1e-3)  # so that no sample is zero by itself
    heard = TimeMask()(clean, level_ms, draw=1)
    assert heard.measured is not None
    whole = 0
    for before, after, measured, (start, end) in zip(
        clean.samples, heard.samples, heard.measured.tolist(), clean.speech.tolist(), strict=True
    ):
        hole = (after == 0).nonzero().flatten().tolist()
        assert len(hole) == round(measured * RATE_HZ / 1000) == hole[-1] - hole[0] + 1
        assert torch.equal(before[after != 0], after[after != 0])
        if hole[0] > 0 and hole[-1] < len(after) - 1:  # else a part of it lies outside the window
            whole += 1
            assert len(hole) == round(level_ms * RATE_HZ / 1000)
            assert start <= (hole[0] + hole[-1]) / 2 <= end
    assert whole >= 2


@pytest.mark.parametrize("octaves", BandMask.axis.grid)
def test_a_gap_is_that_wide_and_deep(octaves: float) -> None:
    clean = noise()
    heard = BandMask()(clean, octaves, draw=2)
    edges = [100 * 2 ** (step / 24) for step in range(24 * 6)]
    gains = [10 * math.log10(power_between(heard.samples[0], a, b) / power_between(clean.samples[0], a, b)) for a, b in pairwise(edges)]
    down = [at for at, gain in enumerate(gains) if gain < -10]
    assert down == list(range(down[0], down[-1] + 1))
    assert len(down) / 24 == pytest.approx(octaves, abs=0.13)
    assert heard.measured is not None
    assert float(heard.measured) == pytest.approx(octaves, abs=0.01)
