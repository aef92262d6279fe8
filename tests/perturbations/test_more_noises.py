"""Has each noise the spectrum, the course and the talkers that it says? Levels are held in test_physics.py."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from robustness.errors import RecordingError
from robustness.perturbations.babble import Babble
from robustness.perturbations.brown_noise import BrownNoise
from robustness.perturbations.competing_talker import CompetingTalker
from robustness.perturbations.folders import spoken
from robustness.perturbations.hum import Hum
from robustness.perturbations.impulsive_noise import ImpulsiveNoise
from robustness.perturbations.noise import AdditiveNoise
from robustness.perturbations.playback import Playback
from robustness.perturbations.speech_shaped_noise import SpeechShapedNoise
from tests.builders import RATE_HZ, recordings
from tests.perturbations.made import at_hz, power_between, windows


@pytest.fixture(scope="module")
def talkers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("talkers")
    for one in recordings(12):
        soundfile.write(folder / one.id, one.samples.numpy(), RATE_HZ)
    return folder


@pytest.fixture(params=["brown", "shaped", "hum", "impulsive", "babble", "competing", "playback"])
def kind(request: pytest.FixtureRequest, talkers: Path, tmp_path: Path) -> AdditiveNoise:
    soundfile.write(tmp_path / "song.wav", np.random.default_rng(0).normal(size=40_000) * 0.05, RATE_HZ)
    kinds: dict[str, AdditiveNoise] = {
        "brown": BrownNoise(),
        "shaped": SpeechShapedNoise(),
        "hum": Hum(),
        "impulsive": ImpulsiveNoise(),
        "babble": Babble(talkers),
        "competing": CompetingTalker(talkers),
        "playback": Playback(tmp_path),
    }
    return kinds[request.param]


@pytest.mark.parametrize("level_db", [20.0, 0.0])
def test_the_snr_is_what_was_asked_in_the_word_and_what_is_stored(kind: AdditiveNoise, level_db: float) -> None:
    clean = windows()
    noisy = kind(clean, level_db, seed=3)
    assert noisy.measured is not None
    assert noisy.scale is not None
    for clip, (start, end) in enumerate(clean.speech.tolist()):
        before, after = (some.samples[clip, start:end].double().tolist() for some in (clean, noisy))
        scale = float(noisy.scale[clip])
        speech = sum(x * x for x in before)
        added = sum((b / scale - a) ** 2 for a, b in zip(before, after, strict=True))
        assert 10 * math.log10(speech / added) == pytest.approx(level_db, abs=0.05)
        assert float(noisy.measured[clip]) == pytest.approx(level_db, abs=0.05)


def test_brown_noise_falls_by_6_db_an_octave() -> None:
    rng = torch.Generator().manual_seed(0)
    pieces = [BrownNoise().noise(RATE_HZ, RATE_HZ, rng) for _ in range(20)]
    octaves = [sum(power_between(piece, 125 * 2**i, 250 * 2**i) / 2**i for piece in pieces) for i in range(5)]
    slopes = np.diff(10 * np.log10(octaves))
    assert slopes.tolist() == pytest.approx([-6.02] * 4, abs=0.6)


def test_speech_shaped_noise_has_the_spectrum_of_its_own_window() -> None:
    clean = windows()
    noisy = SpeechShapedNoise()(clean, 20.0)
    assert noisy.added is not None
    for before, added in zip(clean.samples.numpy(), noisy.added.numpy(), strict=True):
        ratios = np.abs(np.fft.rfft(added))[100:7000] / np.abs(np.fft.rfft(before))[100:7000]
        assert np.percentile(ratios, 95) / np.percentile(ratios, 5) < 1.01


@pytest.mark.parametrize("mains_hz", [50.0, 60.0])
def test_hum_has_harmonics_that_fall_by_their_number_and_nothing_between(mains_hz: float) -> None:
    noise = Hum(mains_hz=mains_hz).noise(RATE_HZ, RATE_HZ, torch.Generator().manual_seed(0))
    first = at_hz(noise, mains_hz)
    assert [at_hz(noise, mains_hz * n) / first for n in range(1, 11)] == pytest.approx([1 / n for n in range(1, 11)], rel=1e-3)
    assert at_hz(noise, mains_hz * 1.5) / first < 1e-3
    assert at_hz(noise, mains_hz * 11) / first < 1e-3


def test_there_is_a_click_in_every_tenth_of_a_second() -> None:
    noise = ImpulsiveNoise().noise(RATE_HZ, RATE_HZ, torch.Generator().manual_seed(0))
    for stretch in noise.reshape(10, -1):
        sounding = stretch.nonzero().flatten().tolist()
        assert 1 <= sounding[-1] - sounding[0] + 1 <= 32


def test_one_talker_says_whole_recordings_with_pauses(talkers: Path) -> None:
    said = CompetingTalker(talkers).noise(RATE_HZ, RATE_HZ, torch.Generator().manual_seed(1)).numpy()
    quiet = np.abs(said) == 0
    runs = [len(run) for run in "".join("x" if silent else " " for silent in quiet).split()]
    assert any(run == pytest.approx(RATE_HZ // 10, abs=2) for run in runs)
    fits = []
    for path in sorted(talkers.glob("*.wav")):
        word = spoken(path, RATE_HZ).numpy()
        fits.append(np.abs(np.correlate(said, word[1000:3000], "valid")).max() / np.linalg.norm(word[1000:3000]))
    assert max(fits) > 5 * np.median(fits) or max(fits) > 20


def test_babble_is_steadier_than_one_talker(talkers: Path) -> None:
    def depth(kind: AdditiveNoise) -> float:
        noise = torch.cat([kind.noise(RATE_HZ, RATE_HZ, torch.Generator().manual_seed(seed)) for seed in range(4)])
        powers = noise.reshape(-1, 800).square().mean(1)
        return float(powers.std() / powers.mean())

    assert depth(Babble(talkers)) < 0.7 * depth(CompetingTalker(talkers))


def test_a_talker_who_is_silent_is_named(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "nobody.wav", np.zeros(8000), RATE_HZ)
    with pytest.raises(RecordingError, match=r"nobody\.wav is digital silence"):
        CompetingTalker(tmp_path)(windows(), 10.0)


def test_a_folder_without_talkers_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="holds no talkers"):
        Babble(tmp_path)(windows(), 10.0)
