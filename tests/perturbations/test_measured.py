"""Do measured rooms and microphones do what their responses say, and are files that are no response refused?"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.signal
import soundfile
import torch
from numpy.typing import NDArray

from robustness.errors import RecordingError
from robustness.perturbations.measured_microphone import MeasuredMicrophone
from robustness.perturbations.measured_room import MeasuredRoom
from robustness.perturbations.responses import rate_notices, responses_in
from robustness.sweep.plan import Settings, runnable
from tests.builders import FRAME, RATE_HZ
from tests.perturbations.made import at_hz, noise, tone_window, windows


def hall(rate_hz: int = RATE_HZ) -> NDArray[np.float64]:
    rng = np.random.default_rng(0)
    decay = rng.normal(size=rate_hz // 2) * 10 ** (-3 * np.arange(rate_hz // 2) / (0.3 * rate_hz)) * 0.1
    return np.concatenate([np.zeros(37), [0.9], decay])  # the sound travels 37 samples before it arrives


@pytest.mark.parametrize("level_db", MeasuredRoom.axis.grid)
def test_the_direct_to_reverberant_ratio_is_what_was_asked(level_db: float, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "hall.wav", hall(), RATE_HZ, subtype="FLOAT")
    clean = windows(2)
    click = replace(clean, samples=torch.eye(2, FRAME.samples)[[0, 0]] * 0.3)
    heard = MeasuredRoom(responses=tmp_path)(click, level_db)
    assert heard.measured is not None
    first = round(0.0025 * RATE_HZ)
    for response, measured in zip(heard.samples.tolist(), heard.measured.tolist(), strict=True):
        assert max(range(len(response)), key=lambda at: abs(response[at])) == 0  # it has not moved
        direct, rest = (sum(x * x for x in part) for part in (response[:first], response[first:]))
        assert 10 * math.log10(direct / rest) == pytest.approx(level_db, abs=0.05)
        assert measured == pytest.approx(level_db, abs=0.05)


@pytest.mark.parametrize("share", MeasuredMicrophone.axis.grid)
@pytest.mark.parametrize("hz", [1000.0, 5000.0])
def test_a_share_of_a_microphone_is_that_share_of_its_decibels(share: float, hz: float, tmp_path: Path) -> None:
    cut = scipy.signal.firwin(201, 3000, fs=RATE_HZ)
    response = np.r_[np.zeros(50), 0.5 * cut + 0.5 * np.eye(1, 201, 100)[0]]  # half of it above 3 kHz, and a delay
    soundfile.write(tmp_path / "capsule.wav", response, RATE_HZ, subtype="FLOAT")
    clean = tone_window(hz)
    heard = MeasuredMicrophone(microphones=tmp_path)(clean, share)
    _, gains = scipy.signal.freqz(response, worN=[300.0 + 10 * step for step in range(311)] + [hz], fs=RATE_HZ)
    its_db = 20 * math.log10(abs(gains[-1])) - 10 * math.log10(float(np.mean(np.abs(gains[:-1]) ** 2)))
    found_db = 20 * math.log10(at_hz(heard.samples[0], hz) / at_hz(clean.samples[0], hz))
    assert found_db == pytest.approx(share * its_db, abs=0.1)
    lags = np.correlate(heard.samples[0].numpy(), clean.samples[0].numpy()[2000:-2000], "valid")
    assert abs(int(lags.argmax()) - 2000) == 0  # no delay is left


def test_the_share_is_measured(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "capsule.wav", scipy.signal.firwin(101, 3000, fs=RATE_HZ), RATE_HZ, subtype="FLOAT")
    kind = MeasuredMicrophone(microphones=tmp_path)
    for share in kind.axis.grid:
        measured = kind(noise(), share).measured
        assert measured is not None
        assert float(measured[0]) == pytest.approx(share, abs=0.02)


@pytest.mark.parametrize("name", ["responses", "microphones"])
@pytest.mark.parametrize(
    ("file", "samples", "says"),
    [
        ("silent.wav", np.zeros(400), "silent.wav is digital silence"),
        ("stereo.wav", np.tile(hall()[:, None], 2), "stereo.wav has 2 channels, and a mix of them is none"),
        ("short.wav", hall()[:5], "short.wav has 5 samples at 16000 Hz; expected 8 samples to 30 s"),
        ("nan.wav", np.r_[hall(), np.nan], "nan.wav has samples that are not a number"),
    ],
)
def test_what_is_no_response_is_refused_before_anything_is_swept(
    name: str, file: str, samples: NDArray[np.float64], says: str, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / file, samples, RATE_HZ, subtype="FLOAT")
    kind = {"responses": "measured-room", "microphones": "measured-microphone"}[name]
    with pytest.raises(RecordingError, match=says):
        runnable(Settings(perturbations=(kind,), inputs={name: tmp_path}), FRAME)


def test_a_response_without_a_room_is_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "capsule.wav", np.eye(1, 400)[0], RATE_HZ, subtype="FLOAT")
    with pytest.raises(RecordingError, match=r"capsule.wav has no sound 2.5 ms after its loudest sample, and is none of a room"):
        runnable(Settings(perturbations=("measured-room",), inputs={"responses": tmp_path}), FRAME)


def test_no_sound_is_no_response(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no sound", encoding="utf-8")
    with pytest.raises(RecordingError, match=r"text\.wav cannot be read as sound"):
        responses_in(tmp_path, "responses", RATE_HZ)


def test_a_response_of_another_rate_is_resampled_and_told(tmp_path: Path) -> None:
    for rate_hz in (8_000, 48_000):
        soundfile.write(tmp_path / f"{rate_hz}.wav", hall(rate_hz), rate_hz, subtype="FLOAT")
    found = responses_in(tmp_path, "responses", RATE_HZ)
    assert [len(one.samples) for one in found] == pytest.approx([len(hall())] * 2, abs=100)
    assert rate_notices(found, RATE_HZ) == [
        "1 of 2 responses resampled to 16000 Hz: 48000.wav",
        "1 of 2 responses measured at a lower rate, and let nothing through above half of it: 8000.wav",
    ]
