"""Does a folder of single words become one that fits a window, with the same words?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from robustness.audio.labels import LabelSource
from robustness.audio.noises import read_noises, sounding_starts
from robustness.audio.one_word import segment_folder
from robustness.audio.reading import read_recordings
from robustness.audio.segment_settings import CutSettings
from robustness.audio.spelling import lookalikes, same_word
from robustness.errors import OutputError, RecordingError
from tests.audio.test_containers import RATE_HZ, word


def spoken(path: Path, seed: int = 0, gap: int = 20_000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    hiss = np.random.default_rng(seed).normal(size=gap) * 1e-4
    soundfile.write(path, np.concatenate([hiss, word(), hiss]), RATE_HZ)
    return path


def test_every_file_keeps_its_place_and_its_word(tmp_path: Path) -> None:
    spoken(tmp_path / "in" / "up" / "a.wav", 1)
    spoken(tmp_path / "in" / "no" / "a.flac", 2)
    done = segment_folder(tmp_path / "in", tmp_path / "out", rate_hz=RATE_HZ, cutting=CutSettings())
    assert done.names == ["no/a.wav", "up/a.wav"]
    read = read_recordings([tmp_path / "out"], rate_hz=RATE_HZ, longest_samples=RATE_HZ, labels=LabelSource())
    assert {one.id: one.label for one in read.recordings} == {"no/a.wav": "no", "up/a.wav": "up"}
    assert max(len(one.samples) for one in read.recordings) <= 0.95 * RATE_HZ
    segment_folder(tmp_path / "in", tmp_path / "out", rate_hz=RATE_HZ, cutting=CutSettings())  # its own folder is replaced
    (tmp_path / "out" / "up" / "mine.wav").write_bytes(b"mine")
    with pytest.raises(OutputError, match=r"holds 'up/mine\.wav'"):
        segment_folder(tmp_path / "in", tmp_path / "out", rate_hz=RATE_HZ, cutting=CutSettings())


def test_speech_that_is_too_long_is_named(tmp_path: Path) -> None:
    spoken(tmp_path / "in" / "up" / "a.wav")
    with pytest.raises(RecordingError, match=r"up/a\.wav: the word at .* a cut may have 100 ms"):
        segment_folder(tmp_path / "in", tmp_path / "out", rate_hz=RATE_HZ, cutting=CutSettings(longest_ms=100))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("spoken_as", "label"), [("na\u00efve", "na\u00efve"), ("nai\u0308ve", "na\u00efve"), ("Up", None), ("2", None), ("up", "up")]
)
def test_a_word_is_a_label_in_any_unicode_form(spoken_as: str, label: str | None) -> None:
    assert same_word(spoken_as, ["na\u00efve", "up", "two"]) == label


def test_words_like_a_label_are_told() -> None:
    assert lookalikes(["Up", "Up", "2", "tree"], ["up", "two", "unknown"], "unknown") == [
        "1 recording of '2' counts as unknown; the labels have two",
        "2 recordings of 'Up' count as unknown; the labels have up",
    ]
    (joined,) = lookalikes(["okay_nabu"], ["okay nabu"], "a word outside the vocabulary")
    assert joined == "1 recording of 'okay_nabu' counts as a word outside the vocabulary; the labels have okay nabu"


def test_doubts_are_told(tmp_path: Path) -> None:
    sound = word()
    soundfile.write(tmp_path / "offset.wav", sound + 0.05, RATE_HZ)
    soundfile.write(tmp_path / "soft.wav", sound * 0.01, RATE_HZ, subtype="FLOAT")
    soundfile.write(tmp_path / "clipped.wav", np.clip(sound * 4, -1, 1), RATE_HZ)
    for name in ("up", "no"):
        spoken(tmp_path / name / "same.wav", gap=1_000)
    notices = "\n".join(read_recordings([tmp_path], rate_hz=RATE_HZ, longest_samples=None, labels=LabelSource(required=False)).notices)
    assert "1 recording with a constant offset, left out of levels and spans: offset.wav (+0.050)" in notices
    assert "1 recording with soft speech, under -45 dBFS: soft.wav" in notices
    assert "1 recording clipped: clipped.wav" in notices
    assert "1 recording with the same bytes as one of another word: up/same.wav as no/same.wav" in notices
    assert notices.count(" clipped:") == 1


def test_clipping_is_judged_as_it_was_recorded(tmp_path: Path) -> None:
    loud = np.clip(np.sin(2 * np.pi * 150 * np.arange(24_000) / 48_000) * np.hanning(24_000) * 4, -0.9, 0.9)
    soundfile.write(tmp_path / "a.wav", np.stack([loud, 0.1 * loud], 1), 48_000)
    soundfile.write(tmp_path / "b.wav", loud / 4, 48_000)
    notices = "\n".join(read_recordings([tmp_path], rate_hz=RATE_HZ, longest_samples=None, labels=LabelSource(required=False)).notices)
    assert "1 recording clipped: a.wav" in notices
    assert "resampled from 48000" in notices


def test_pieces_begin_where_the_noise_sounds_throughout() -> None:
    noise = torch.randn(4_000, generator=torch.Generator().manual_seed(0))
    noise[1_000:1_500] = 0
    starts = sounding_starts(noise, 1_000).tolist()
    assert starts == [at for at in range(0, 3_001, 50) if all(noise[at : at + 1_000].reshape(20, 50).square().mean(1) > 1e-10)]


def test_a_root_of_words_is_told_where_its_noises_are(tmp_path: Path) -> None:
    spoken(tmp_path / "_background_noise_" / "a.wav")
    with pytest.raises(RecordingError, match="_background_noise_, which is in it"):
        read_noises(tmp_path, RATE_HZ, RATE_HZ)
    soundfile.write(tmp_path / "gated.wav", np.repeat([0.1, 0.0], 800)[np.arange(32_000) % 1_600], RATE_HZ)
    with pytest.raises(RecordingError, match="no piece of the noises"):
        read_noises(tmp_path, RATE_HZ, RATE_HZ)
