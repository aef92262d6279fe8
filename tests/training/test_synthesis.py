"""Who speaks the synthetic words, and what happens without a synthesizer."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest
import soundfile

from robustness.errors import UsageError
from robustness.training import synthesis
from robustness.training.data import VOCABULARIES


def test_every_word_of_every_vocabulary_is_spoken() -> None:
    takes = Counter(utterance.word for utterance in synthesis.plan())
    assert {word for labels in VOCABULARIES.values() for word in labels if word != "unknown"} == {
        word for word, count in takes.items() if count == synthesis.TARGET_TAKES
    }


def test_words_of_the_vocabularies_are_not_among_the_others() -> None:
    assert not set(synthesis.TARGET_WORDS) & set(synthesis.OTHER_WORDS)
    assert len(set(synthesis.OTHER_WORDS)) == len(synthesis.OTHER_WORDS)


def test_the_plan_is_the_same_every_time_and_another_with_another_seed() -> None:
    assert list(synthesis.plan(0)) == list(synthesis.plan(0))
    assert list(synthesis.plan(0)) != list(synthesis.plan(1))


def test_no_take_is_spoken_twice_and_voices_are_many() -> None:
    utterances = list(synthesis.plan())
    assert len({(u.word, u.voice.speaker, u.take) for u in utterances}) == len(utterances)
    assert len({u.voice.speaker for u in utterances}) > 50
    assert {u.voice.engine for u in utterances} == set(synthesis.PACKAGES)


def test_a_missing_synthesizer_names_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match=r"needs the program espeak-ng, which is not installed: apt-get install espeak-ng"):
        synthesis.synthesize(tmp_path / "cache")


@pytest.mark.parametrize("engine", sorted(synthesis.PACKAGES))
def test_each_engine_speaks_a_word_once(engine: str, tmp_path: Path) -> None:
    if shutil.which(engine) is None:
        pytest.skip(f"needs {engine}: apt-get install {synthesis.PACKAGES[engine]}; as ../shared it is only where developers are")
    utterance = next(u for u in synthesis.plan() if u.voice.engine == engine and u.word == "seven")
    synthesis._speak(utterance, tmp_path)
    path = tmp_path / "seven" / f"{utterance.voice.speaker}_nohash_{utterance.take}.flac"
    samples, rate_hz = soundfile.read(path)
    assert rate_hz == synthesis.RATE_HZ
    assert 0.2 < len(samples) / rate_hz < 1.6
    written = path.stat().st_mtime_ns
    synthesis._speak(utterance, tmp_path)
    assert path.stat().st_mtime_ns == written
