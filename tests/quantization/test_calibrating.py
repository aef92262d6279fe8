"""From which recordings ranges are learned: chosen by label, by a seed, at the reference placement, never among the tested ones."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from robustness.audio.recordings import Recording
from robustness.errors import RecordingError
from robustness.quantization.base import quantized
from robustness.quantization.calibration import read_calibration, refuse_tested
from tests.builders import FRAME, LABELS, RATE_HZ, classifier, recording

COUNTS = {"up": 9, "go": 6, "left": 2, "house": 5, "tree": 4}  # the last two are unknown words


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("words")
    for word, count in COUNTS.items():
        (root / word).mkdir()
        for number in range(count):
            samples = recording("", 300 + 20 * number, seed=hash_of(word) + number).samples
            soundfile.write(root / word / f"{number}.wav", samples.numpy(), RATE_HZ)
    return root


def hash_of(word: str) -> int:
    return sum(map(ord, word)) % 17


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (4, {"up": 1, "go": 1, "left": 1, "unknown": 1}),
        (10, {"up": 2, "go": 3, "left": 2, "unknown": 3}),
        (100, {"up": 9, "go": 6, "left": 2, "unknown": 9}),
    ],
)
def test_labels_have_their_turn_until_they_have_no_more(folder: Path, count: int, expected: dict[str, int]) -> None:
    found = Counter(read_calibration(folder, classifier(), count=count).labels)
    assert sum(found.values()) == min(count, sum(COUNTS.values()))
    assert all(abs(found[label] - some) <= 1 for label, some in expected.items())


def test_the_choice_is_the_seeds(folder: Path) -> None:
    once, again, other = (read_calibration(folder, classifier(), count=8, seed=seed) for seed in (0, 0, 1))
    assert once.ids == again.ids
    assert once.sha256 == again.sha256
    assert set(other.ids) != set(once.ids)
    assert other.sha256 != once.sha256


def test_windows_are_the_recordings_at_the_reference_and_hashes_those_of_the_files(folder: Path) -> None:
    at_end = replace(classifier(), frame=replace(FRAME, reference="end"))
    found = read_calibration(folder, at_end, count=6)
    for window, name, sha256 in zip(found.samples, found.ids, found.clips, strict=True):
        samples, _ = soundfile.read(folder / name, dtype="float32")
        assert torch.equal(window[-len(samples) :], torch.from_numpy(samples))
        assert window[: -len(samples)].abs().max() == 0
        assert sha256 == hashlib.sha256((folder / name).read_bytes()).hexdigest()
    assert found.source == folder.name


def test_missing_labels_and_small_numbers_are_said(folder: Path) -> None:
    notices = read_calibration(folder, classifier()).notices
    assert "hold none of yes, no, down and 4 more" in notices[0]
    assert "from 26 recordings only" in notices[1]
    about = quantized(classifier(), "static-int8", read_calibration(folder, classifier())).about
    assert set(notices) <= set(about["notes"])
    assert about["calibration"]["labels"] == {"up": 9, "go": 6, "left": 2, "unknown": 9}
    assert about["calibration"]["source"] == folder.name


def test_what_cannot_be_used_is_passed_over_and_counted(folder: Path, tmp_path: Path) -> None:
    for word in ("up", "yes"):
        (tmp_path / word).mkdir()
    soundfile.write(tmp_path / "up" / "long.wav", np.full(2 * RATE_HZ, 0.1) * np.arange(2 * RATE_HZ) % 1 - 0.5, RATE_HZ)
    (tmp_path / "up" / "broken.wav").write_bytes(b"RIFF")
    (tmp_path / "yes" / "good.wav").write_bytes((folder / "up" / "0.wav").read_bytes())
    found = read_calibration(tmp_path, classifier())
    assert found.ids == ("yes/good.wav",)
    assert "2 recordings for calibration passed over" in found.notices[-1]


def test_words_outside_a_vocabulary_without_unknown_are_no_candidates(folder: Path) -> None:
    closed = replace(classifier(), unknown=None)
    assert set(read_calibration(folder, closed).labels) == {"up", "go", "left"}


@pytest.mark.parametrize(
    ("name", "words"),
    [("absent", "absent does not exist.*--calibration DIR"), ("empty", "empty is empty"), ("words", "holds no recording of a word")],
)
def test_a_folder_without_recordings_is_refused(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "words" / "house").mkdir(parents=True)
    soundfile.write(tmp_path / "words" / "house" / "0.wav", recording("").samples.numpy(), RATE_HZ)
    with pytest.raises(RecordingError, match=words):
        read_calibration(tmp_path / name, replace(classifier(), unknown=None, labels=(*LABELS[:-1], "other")))


def test_a_tested_recording_among_them_is_refused_by_its_content(folder: Path) -> None:
    variant = quantized(classifier(), "static-int8", read_calibration(folder, classifier(), count=26))
    copy = hashlib.sha256((folder / "up" / "3.wav").read_bytes()).hexdigest()
    others = [Recording("elsewhere/under-another-name.wav", torch.zeros(9), RATE_HZ, "up", sha256=copy), recording("new.wav")]
    with pytest.raises(RecordingError, match=r"1 recording of those to test is also among.*static-int8.*under-another-name\.wav"):
        refuse_tested([classifier(), variant], others)
    refuse_tested([classifier(), variant], others[1:])
