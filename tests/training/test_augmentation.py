"""Each change of a training clip against a slower definition, and the placement that the recipes are about."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from robustness.training import augmentation as augment
from robustness.training.augmentation import Augmentation, Dress, PlacedClip
from robustness.training.data import FULL_SCALE, RATE_HZ, WINDOW_SAMPLES, Corpus, TrainingClip
from robustness.training.recipes import RECIPES

STILL = Augmentation(speed=0.0, warp=0.0, level_db=0.0, noisy=0.0, low_passed=0.0, equalized=0.0, masks=0, mixup=0.0)
COUNT = 40


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def corpus(*, natural: bool, start: int = 4000, end: int = 9000) -> Corpus:
    """Clips whose word is noise in [start, end); a word cut out begins at 0, as in the folder it is from."""
    samples = torch.zeros(COUNT, WINDOW_SAMPLES)
    samples[:, start:end] = torch.randn(COUNT, end - start, generator=rng(9)) * 0.1
    quantized = (samples * FULL_SCALE).to(torch.int16)
    span = torch.tensor([[start, end]]).repeat(COUNT, 1)
    return Corpus(quantized, span, torch.full((COUNT,), natural), (TrainingClip("a", "yes", "ann", "words"),) * COUNT)


def placed(clips: Corpus, settings: Augmentation, seed: int = 0) -> PlacedClip:
    dress = Dress(torch.tensor([7000.0, 9000.0]), torch.tensor([-20.0]), torch.tensor([-60.0]))
    return augment.placed_clip(clips, torch.arange(COUNT), dress, settings, rng(seed))


def test_a_clip_as_recorded_stays_where_it_is_in_the_tutorials_recipe() -> None:
    clips = corpus(natural=True)
    settings = replace(RECIPES["tutorial"].augmentation, speed=0.0)
    assert torch.equal(placed(clips, settings).samples, clips.samples.float() / FULL_SCALE)


def test_no_recipe_but_the_hardened_one_moves_clips() -> None:
    assert {name for name, recipe in RECIPES.items() if recipe.augmentation.shift_ms or recipe.augmentation.anywhere} == {"hardened"}


def test_a_word_cut_out_lies_where_recorded_words_do() -> None:
    middles = placed(corpus(natural=False), STILL).speech.float().mean(1)
    assert set(middles.tolist()) == {7000.0, 9000.0}


def test_shifts_reach_both_sides_and_no_further() -> None:
    moved = placed(corpus(natural=True), replace(STILL, shift_ms=200.0)).speech.float().mean(1) - 6500
    limit = 200 * RATE_HZ / 1000
    assert -limit <= moved.min() < -limit / 2
    assert limit / 2 < moved.max() <= limit


def test_a_shifted_clip_is_the_clip_at_its_shift() -> None:
    clips = corpus(natural=True)
    window = placed(clips, replace(STILL, shift_ms=200.0))
    for row in range(5):
        shift = int(window.speech[row, 0]) - 4000
        expected = clips.samples[row].roll(shift).float() / FULL_SCALE  # its ends are silent: nothing wraps but zeros
        assert torch.equal(window.samples[row], expected)


def test_anywhere_reaches_the_windows_ends_and_loses_little() -> None:
    settings = replace(STILL, anywhere=1.0, cut_ms=100.0)
    spans = torch.cat([placed(corpus(natural=natural), settings, seed).speech for natural in (True, False) for seed in range(8)])
    start, end = spans.unbind(1)
    assert start.min() < 200
    assert end.max() > WINDOW_SAMPLES - 200
    lost = (-start).clamp_min(0) + (end - WINDOW_SAMPLES).clamp_min(0)
    assert lost.max() <= 0.2 * 5000 + 1


def test_what_is_not_clip_is_zero_and_marked() -> None:
    window = placed(corpus(natural=False), replace(STILL, anywhere=1.0))
    assert not bool(window.samples[~window.inside].any())
    assert (window.inside.sum(1) <= 5001).all()


def test_speed_changes_the_length_around_the_middle() -> None:
    window = placed(corpus(natural=True), replace(STILL, speed=0.2))
    start, end = window.speech.float().unbind(1)
    assert torch.allclose((start + end) / 2, torch.full((COUNT,), 6500.0), atol=1.0)
    assert (end - start).min() < 4500
    assert (end - start).max() > 5500


def test_interpolation_is_exact_on_samples_and_follows_a_sine_between() -> None:
    wave = (torch.sin(2 * math.pi * 500 * torch.arange(WINDOW_SAMPLES) / RATE_HZ) * 20_000).to(torch.int16)[None]
    whole = torch.arange(100.0, 200.0)[None]
    assert torch.equal(augment._interpolated(wave, whole), wave[:, 100:200].float() / FULL_SCALE)
    between = augment._interpolated(wave, whole + 0.37)
    assert torch.allclose(between, 20_000 / FULL_SCALE * torch.sin(2 * math.pi * 500 * (whole + 0.37) / RATE_HZ), atol=1e-3)


def test_added_noise_has_its_snr_inside_the_word() -> None:
    window = placed(corpus(natural=True), STILL)
    noise = torch.randn(COUNT, WINDOW_SAMPLES, generator=rng(3))
    noise /= noise.square().mean(1, keepdim=True).sqrt()
    heard = augment.noisy(window.samples, noise, window.speech, replace(STILL, noisy=1.0, snr_db=(10.0, 10.0)), rng())
    speech = slice(*window.speech[0].tolist())
    ratio = window.samples[:, speech].square().mean(1) / (heard - window.samples)[:, speech].square().mean(1)
    assert torch.allclose(10 * torch.log10(ratio), torch.full((COUNT,), 10.0), atol=0.4)


def test_a_word_cut_out_gets_a_recorded_ones_level() -> None:
    window = placed(corpus(natural=False), STILL)
    dress = Dress(torch.tensor([8000.0]), torch.tensor([-30.0]), torch.tensor([-60.0]))
    heard = augment.level(window, torch.zeros(COUNT, dtype=torch.bool), dress, STILL, rng())
    assert torch.allclose(power_dbfs(heard, window.speech), torch.full((COUNT,), -30.0), atol=0.1)


def test_a_clip_as_recorded_keeps_its_level_but_for_the_gain() -> None:
    window = placed(corpus(natural=True), STILL)
    dress = Dress(torch.tensor([8000.0]), torch.tensor([-60.0]), torch.tensor([-90.0]))
    assert torch.equal(augment.level(window, torch.ones(COUNT, dtype=torch.bool), dress, STILL, rng()), window.samples)


def power_dbfs(samples: Tensor, spans: Tensor) -> Tensor:
    return torch.stack([10 * torch.log10(row[slice(*span.tolist())].square().mean()) for row, span in zip(samples, spans, strict=True)])


def test_fill_is_silence_for_a_third_and_a_recorded_floor_for_the_rest() -> None:
    window = placed(corpus(natural=False), STILL)
    dress = Dress(torch.tensor([8000.0]), torch.tensor([-20.0]), torch.tensor([-50.0]))
    amplitude = torch.cat([augment.floor_amplitude(window.samples, window, torch.zeros(COUNT), dress, rng(seed)) for seed in range(10)])
    assert 0.25 < float((amplitude == 0).float().mean()) < 0.42
    speech_rms = 10 ** (power_dbfs(window.samples, window.speech).mean() / 20)
    assert torch.allclose(amplitude[amplitude > 0], speech_rms * 10 ** (-30 / 20), rtol=0.05)


def test_low_pass_removes_what_lies_above_8_khz_files() -> None:
    noise = torch.randn(COUNT, WINDOW_SAMPLES, generator=rng(4))
    heard = augment.filtered(noise, replace(STILL, low_passed=1.0), rng())
    spectrum = torch.fft.rfft(heard).abs().square()
    high, low = spectrum[:, 7900:].mean(1), spectrum[:, 500:3000].mean(1)
    assert (10 * torch.log10(high / low)).max() < -40


def test_without_filter_nothing_changes() -> None:
    noise = torch.randn(4, WINDOW_SAMPLES, generator=rng(4))
    assert torch.allclose(augment.filtered(noise, STILL, rng()), noise, atol=1e-5)


def test_masks_hide_at_most_their_widths_with_the_mean() -> None:
    features = torch.randn(COUNT, 1, 64, 101, generator=rng(5))
    hidden = augment.masked(features, replace(STILL, masks=1, mask_bands=8, mask_frames=10), rng())
    changed = hidden != features
    assert (changed.all(dim=3).sum(dim=2) <= 8).all()
    assert (changed.all(dim=2).sum(dim=2) <= 10).all()
    assert torch.allclose(hidden[changed], features.mean(dim=(2, 3), keepdim=True).expand_as(features)[changed])


def test_a_warp_of_1_changes_nothing_and_another_stretches() -> None:
    ramp = torch.arange(64.0)[None, None, :, None].expand(COUNT, 1, 64, 101)
    assert torch.equal(augment.warped(ramp, STILL, rng()), ramp)
    stretched = augment.warped(ramp, replace(STILL, warp=0.1), rng())
    scale = stretched[:, 0, 32, 0] / 32
    assert torch.allclose(stretched[:, 0, 16, 0], 16 * scale, atol=1e-4)
    assert scale.min() < 0.95
    assert scale.max() > 1.05


def test_mixtures_keep_label_shares_whole_and_the_first_clip_dominant() -> None:
    truth = torch.eye(11)[torch.arange(COUNT) % 11]
    features = torch.arange(COUNT).float()[:, None, None, None].expand(COUNT, 1, 2, 2)
    mixed, shares = augment.mixed(features, truth, replace(STILL, mixup=0.3), rng())
    assert torch.allclose(shares.sum(1), torch.ones(COUNT))
    assert (shares[torch.arange(COUNT), torch.arange(COUNT) % 11] >= 0.5 - 1e-6).all()
    assert not torch.equal(mixed, features)


def test_the_bank_has_unit_power_and_uses_the_noises_given() -> None:
    hum = torch.sin(torch.arange(40_000) * 0.3)
    bank = augment.noise_bank([hum], 10, rng())
    assert torch.allclose(bank.square().mean(1), torch.ones(10), atol=1e-4)
    peaks = torch.fft.rfft(bank[:5]).abs().argmax(1)
    assert (peaks - 0.3 * WINDOW_SAMPLES / (2 * math.pi)).abs().max() <= 1


@pytest.mark.parametrize(("clips", "expected"), [(corpus(natural=True), 6500.0), (corpus(natural=False), WINDOW_SAMPLES / 2)])
def test_the_dress_is_measured_on_clips_as_recorded(clips: Corpus, expected: float) -> None:
    assert set(augment.dress_of(clips).middle.tolist()) == {expected}
