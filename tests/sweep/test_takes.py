from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from robustness.audio.takes import open_take
from robustness.errors import RecordingError, UsageError
from robustness.frontends.base import Frontend
from robustness.frontends.log_mel import LogMel
from robustness.frontends.mfcc import Mfcc
from robustness.quantization.variants import variants_of
from robustness.sweep import takes
from robustness.sweep.inference import frames
from robustness.sweep.inference.frames import WindowFeatures
from robustness.sweep.takes import scores_of
from tests.builders import FRAME, RATE_HZ, classifier, recordings


def take_of(folder: Path, seconds: float = 4.0, rate_hz: int = RATE_HZ) -> Path:
    rng = np.random.default_rng(3)
    samples = rng.normal(size=round(seconds * rate_hz)) * 1e-3
    for at, one in enumerate(recordings(3)):
        samples[at * rate_hz :][: len(one.samples)] += one.samples.numpy()[: len(samples[at * rate_hz :])]
    soundfile.write(folder / "take.wav", samples, rate_hz, subtype="FLOAT")
    return folder / "take.wav"


def test_a_stream_is_the_single_windows_at_those_offsets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(takes, "AT_ONCE", 7)  # several blocks
    take = open_take(take_of(tmp_path), RATE_HZ)
    given, _ = variants_of([classifier()], ["float32", "dynamic-int8"])
    found, shared = scores_of(take, given, 100.0)
    assert shared
    windows = torch.from_numpy(take.part(0, 1e9)).unfold(0, FRAME.samples, RATE_HZ // 10)
    for one, scores in zip(given, found, strict=True):
        alone = torch.cat([one.logits(window[None].contiguous()) for window in windows])
        wanted = one.probabilities(alone)
        assert scores.values.shape == (31, 11)
        if one.variant == "float32":
            assert np.abs(np.log(scores.values) - np.log(wanted)).max() < 1e-4
        else:
            assert (scores.values == wanted.astype(np.float32)).all()
    assert found[0].times_ms[[0, 1, -1]].tolist() == [1000.0, 1100.0, 4000.0]


@pytest.mark.parametrize(
    ("frontend", "step", "shared"),
    [
        (LogMel(top_db=80.0), 1600, True),
        (LogMel(top_db=80.0), 320, True),
        (LogMel(n_fft=512, window_samples=400, reference="maximum", top_db=60.0), 320, True),
        (LogMel(center=False, n_fft=512, normalise="band"), 1600, True),
        (LogMel(f_max_hz=4000.0), 1600, True),  # of the spectrum only the bins in a band are computed
        (Mfcc(n_mels=40, f_max_hz=4000.0), 320, True),
        (LogMel(top_db=80.0), 100, False),  # no whole hop
        (LogMel(samples="peak"), 1600, False),  # each window has its own peak
        (LogMel(pre_emphasis=0.97), 1600, False),  # each window has its own first sample
    ],
)
def test_frames_are_shared_where_that_changes_no_bit(
    frontend: LogMel | Mfcc, step: int, shared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = torch.randn(16_000 + 12 * step, generator=torch.Generator().manual_seed(1)) * 0.1
    samples[20_000:21_000] *= 100 if step == 1600 else 1
    made = WindowFeatures(frontend, FRAME)
    alone = torch.cat([frontend.features(window[None].contiguous()) for window in samples.unfold(0, 16_000, step)])
    plain, calls = frames.shared_features, Counter[str]()

    def counted(*given: Any) -> torch.Tensor:
        calls["shared"] += 1
        return plain(*given)

    monkeypatch.setattr(frames, "shared_features", counted)
    assert torch.equal(made.of(samples, torch.arange(13) * step), alone)
    assert (calls["shared"], made.shared or not shared) == (int(shared), True)


def test_frames_that_would_change_a_bit_are_not_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = frames.shared_features
    monkeypatch.setattr(frames, "shared_features", lambda *given: plain(*given) + 1e-6)
    samples = torch.randn(20_000, generator=torch.Generator().manual_seed(1))
    made = WindowFeatures(LogMel(), FRAME)
    assert torch.equal(made.of(samples, torch.tensor([0, 1600, 3200])), LogMel().features(samples.unfold(0, 16_000, 1600).contiguous()))
    assert not made.shared


@pytest.mark.parametrize("hop_ms", [0.0, -1.0, 1001.0])
def test_a_hop_that_is_none(hop_ms: float, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected more than 0 and at most the model's window, 1000 ms"):
        scores_of(open_take(take_of(tmp_path), RATE_HZ), [classifier()], hop_ms)


def test_a_take_shorter_than_the_window(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="lasts 600 ms and the model's window 1000 ms"):
        scores_of(open_take(take_of(tmp_path, 0.6), RATE_HZ), [classifier()], 100.0)


def test_a_silent_take(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "quiet.wav", np.zeros(3 * RATE_HZ), RATE_HZ)
    with pytest.raises(RecordingError, match="is digital silence"):
        scores_of(open_take(tmp_path / "quiet.wav", RATE_HZ), [classifier()], 100.0)


def test_a_take_at_another_rate_lasts_as_long(tmp_path: Path) -> None:
    take = open_take(take_of(tmp_path, 4.0, 44_100), RATE_HZ)
    assert take.notices == ["resampled from 44100 to 16000 Hz"]
    assert sum(map(len, take.blocks())) == take.samples == 64_000
    assert np.abs(np.concatenate(list(take.blocks()))[8000:24_000] - take.part(0, 4000)[8000:24_000]).max() < 1e-3


def test_a_take_with_a_sample_that_is_no_number(tmp_path: Path) -> None:
    samples = np.ones(2 * RATE_HZ, np.float32) * 0.1
    samples[RATE_HZ] = np.nan
    soundfile.write(tmp_path / "broken.wav", samples, RATE_HZ, subtype="FLOAT")
    with pytest.raises(RecordingError, match=r"a sample at 1\.00 s that is NaN"):
        list(open_take(tmp_path / "broken.wav", RATE_HZ).blocks())


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "is damaged, empty or no sound"), (b"\x00" * 2000, "is damaged, empty or no sound"), (b"PK\x03\x04", "is an archive")],
)
def test_what_is_no_take(content: bytes, says: str, tmp_path: Path) -> None:
    (tmp_path / "take.wav").write_bytes(content)
    with pytest.raises(RecordingError, match=says):
        open_take(tmp_path / "take.wav", RATE_HZ)


def test_a_folder_is_no_take(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="`robustness compose` makes a take of a folder"):
        open_take(tmp_path, RATE_HZ)


def test_features_that_are_there_already_keep_what_the_front_end_says() -> None:
    kept: Frontend = frames.ReadyFeatures.of(LogMel())
    assert kept.band_hz == LogMel().band_hz
    features = LogMel().features(torch.zeros(1, 16_000))
    assert torch.equal(kept.silence(features), LogMel().silence(features))
    assert replace(classifier(), frontend=kept).features(features) is not None
