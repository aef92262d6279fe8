"""Does the search find the front-end of each library, and does it say so when it does not?"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from robustness.cli.main import run
from robustness.errors import DONE, USER_ERROR, UsageError
from robustness.frontends.base import FRONTENDS
from robustness.frontends.fit import fit, nearest_step
from robustness.frontends.presets import made_from
from tests.frontends.golden_recipe import RECIPES, RECORDING

GOLDEN = Path(__file__).resolve().parent / "golden.npz"
SAMPLES = soundfile.read(RECORDING, dtype="float32")[0]
RATE_HZ = 16_000


@pytest.mark.parametrize("name", RECIPES)
def test_each_library_is_found_by_its_features(name: str) -> None:
    features = np.load(GOLDEN)[name]
    found = fit(SAMPLES, RATE_HZ, features)
    assert found.exact
    again = found.frontend.features(torch.from_numpy(SAMPLES)[None])[0, 0].numpy()
    nearer = again.T if again.shape != features.shape else again
    assert np.abs(nearer - features).max() <= 1e-4 * np.ptp(features)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["openwakeword", "kaldi-fbank", "mlperf-tiny-kws", "librosa-pcen"])
def test_they_are_found_without_presets_too(name: str) -> None:
    features = np.load(GOLDEN)[name]
    found = fit(SAMPLES, RATE_HZ, features, known=False, seconds=120.0)
    assert found.exact
    assert found.frontend.hop_samples == made_from(name).hop_samples
    assert found.frontend.name == made_from(name).name


@pytest.mark.parametrize(
    ("change", "key"),
    [({"mel_scale": "slaney"}, "mel_scale"), ({"log": "ln"}, "log"), ({"samples": "int16"}, "samples"), ({"power": 1.0}, "power")],
)
def test_one_step_from_a_front_end_is_named(change: dict[str, str], key: str) -> None:
    ours = made_from("tutorial")
    theirs = FRONTENDS["log-mel"](**change).features(torch.from_numpy(SAMPLES)[None])[0, 0].numpy()
    found = nearest_step(SAMPLES, ours, theirs)
    assert found is not None
    settings, match = found
    assert settings[key] == change[key]
    assert match.largest < 1e-3


def test_no_step_explains_what_is_no_front_end() -> None:
    noise = np.random.default_rng(0).standard_normal((64, 62))
    assert nearest_step(SAMPLES, made_from("tutorial"), noise) is None


def test_what_is_of_no_known_kind_is_not_called_found() -> None:
    features = made_from("tutorial").features(torch.from_numpy(SAMPLES)[None])[0, 0].numpy()
    features[20:30] = np.abs(features[20:30]) ** 0.7  # ten bands by another rule
    found = fit(SAMPLES, RATE_HZ, features, seconds=4.0)
    assert not found.exact
    errors = np.array(found.band_errors)
    assert np.median(errors[20:30]) > 3 * np.median(np.delete(errors, range(20, 30)))


@pytest.mark.parametrize(
    ("features", "words"),
    [
        (np.zeros((3, 4, 5)), "expected one clip's bands and frames"),
        (np.ones((64, 62)), "one value alone"),
        (np.full((64, 62), np.nan), "NaN or infinite"),
        (np.random.default_rng(0).standard_normal((7, 9001)), r"\[7 9001\] fit no hop and window of \d+ samples at 16000 Hz"),
    ],
)
def test_features_that_cannot_be_searched_are_refused(features: np.ndarray, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        fit(SAMPLES, RATE_HZ, features)


def told(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["robustness", "frontend", *map(str, arguments)])
    return run()


def test_the_command_prints_a_card_section(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "golden.npy", np.load(GOLDEN)["kaldi-fbank"].ravel())
    status = told(monkeypatch, "fit", "--samples", RECORDING, "--features", tmp_path / "golden.npy", "--bands", 23)
    out = capsys.readouterr().out
    assert status == DONE
    assert out.startswith('[frontend]\nkind = "log-mel"\nrate_hz = 16000\n')
    assert 'window = "povey"' in out
    assert "no more than rounding remains" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--samples", RECORDING, "--features", "absent.npy"], "absent.npy cannot be opened"),
        (["--samples", RECORDING, "--features", RECORDING], "is no .npy of numbers"),
        (["--samples", "absent.wav", "--features", "{npy}"], "absent.wav cannot be opened as an audio file"),
        (["--samples", RECORDING, "--features", "{npy}", "--bands", "7"], "--bands 7 does not divide the 3968 numbers"),
    ],
)
def test_what_cannot_be_read_is_said(
    arguments: list[object], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "golden.npy", np.load(GOLDEN)["tutorial"])
    filled = [tmp_path / "golden.npy" if argument == "{npy}" else argument for argument in arguments]
    assert told(monkeypatch, "fit", *filled) == USER_ERROR
    assert words in capsys.readouterr().err


def test_the_presets_are_listed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(monkeypatch, "list") == DONE
    assert "mlperf-tiny-kws" in capsys.readouterr().out
