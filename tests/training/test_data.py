"""Which clips are found, who says them, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from robustness.errors import RecordingError, UsageError
from robustness.training.data import SPLITS, check_vocabulary, joined, read_corpus, split_speakers, targets, training_noises
from robustness.training.folders import find_clips
from tests.training.words import RATE_HZ, SPEAKERS, WORDS, chord, write_words


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_words(tmp_path / "words")


def test_word_folders_name_word_and_speaker(folder: Path) -> None:
    clips = find_clips(folder)
    assert {clip.word for clip in clips} == set(WORDS)
    assert {clip.speaker for clip in clips} == set(SPEAKERS)
    assert all((folder / clip.id).is_file() for clip in clips)


def test_the_layout_of_torchaudio_is_found(tmp_path: Path) -> None:
    write_words(tmp_path / "SpeechCommands" / "speech_commands_v0.02")
    assert {clip.word for clip in find_clips(tmp_path)} == set(WORDS)


def test_an_index_names_words_and_speakers(folder: Path) -> None:
    (folder / "index.csv").write_text(
        "path,word,speaker\nyes/ann_nohash_0.wav,yeah,p1\nno/ben_nohash_0.wav,nope,p2\nup/cem_nohash_0.wav,up,p3\n"
    )
    assert [(clip.word, clip.speaker) for clip in find_clips(folder)] == [("nope", "p2"), ("up", "p3"), ("yeah", "p1")]


def test_flat_digits_name_digit_and_speaker(tmp_path: Path) -> None:
    for speaker in SPEAKERS:
        soundfile.write(tmp_path / f"7_{speaker}_12.flac", chord("seven", speaker, rate_hz=8000), 8000)
    assert {(clip.word, clip.speaker) for clip in find_clips(tmp_path)} == {("seven", speaker) for speaker in SPEAKERS}


def test_background_noise_is_no_word(folder: Path) -> None:
    (folder / "_background_noise_").mkdir()
    soundfile.write(folder / "_background_noise_" / "hum.wav", np.full(32_000, 0.1, dtype=np.float32), RATE_HZ)
    assert {clip.word for clip in find_clips(folder)} == set(WORDS)
    assert [len(noise) for noise in training_noises(folder)] == [32_000]


def test_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="is not a folder; --data expects a folder of words"):
        find_clips(tmp_path / "none")


def test_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="holds no clip"):
        find_clips(tmp_path)


def test_one_speaker_is_refused(tmp_path: Path) -> None:
    write_words(tmp_path / "words", speakers=("ann",))
    with pytest.raises(RecordingError, match=r"has 1 speaker \(ann\) and at least 3 are needed"):
        find_clips(tmp_path / "words")


def test_an_index_without_speakers_is_refused(folder: Path) -> None:
    (folder / "index.csv").write_text("path,word\nyes/ann_nohash_0.wav,yes\n")
    with pytest.raises(RecordingError, match="lacks the column speaker; it needs path, word and speaker"):
        find_clips(folder)


def test_a_missing_word_is_refused(tmp_path: Path) -> None:
    corpus = read_corpus(write_words(tmp_path / "words", tuple(word for word in WORDS if word != "stop")))
    with pytest.raises(RecordingError, match="no clip of stop by a training speaker, and --vocabulary commands needs"):
        check_vocabulary(corpus, "commands")


def test_words_of_the_vocabulary_alone_are_refused(tmp_path: Path) -> None:
    corpus = read_corpus(write_words(tmp_path / "words", WORDS[:10]))
    with pytest.raises(RecordingError, match="`unknown` needs folders of other words"):
        check_vocabulary(corpus, "commands")


def test_an_unknown_vocabulary_is_refused(folder: Path) -> None:
    with pytest.raises(UsageError, match="there is no vocabulary 'colours'; those that exist: commands, digits, words"):
        check_vocabulary(read_corpus(folder), "colours")


def test_a_damaged_file_is_named(folder: Path) -> None:
    (folder / "yes" / "ann_nohash_0.wav").write_bytes(b"no sound")
    with pytest.raises(RecordingError, match=r"ann_nohash_0\.wav cannot be read as sound"):
        read_corpus(folder)


def test_samples_that_are_no_numbers_are_refused(folder: Path) -> None:
    soundfile.write(folder / "yes" / "ann_nohash_0.wav", np.full(RATE_HZ, np.nan, dtype=np.float32), RATE_HZ, subtype="FLOAT")
    with pytest.raises(RecordingError, match="holds samples that are not numbers"):
        read_corpus(folder)


def test_silent_clips_are_skipped_and_counted(folder: Path) -> None:
    soundfile.write(folder / "yes" / "ann_nohash_0.wav", np.zeros(RATE_HZ, dtype=np.float32), RATE_HZ)
    corpus = read_corpus(folder)
    assert len(corpus) == len(WORDS) * len(SPEAKERS) - 1
    assert any("1 silent clips were skipped" in notice for notice in corpus.notices)


def test_silence_alone_is_refused(tmp_path: Path) -> None:
    for speaker in SPEAKERS:
        (tmp_path / "yes").mkdir(exist_ok=True)
        soundfile.write(tmp_path / "yes" / f"{speaker}_nohash_0.wav", np.zeros(RATE_HZ, dtype=np.float32), RATE_HZ)
    with pytest.raises(RecordingError, match=r"every clip of .* is silent"):
        read_corpus(tmp_path)


def test_another_rate_is_resampled_with_a_notice(tmp_path: Path) -> None:
    corpus = read_corpus(write_words(tmp_path / "words", rate_hz=8000))
    assert corpus.samples.shape == (len(WORDS) * len(SPEAKERS), RATE_HZ)
    assert any("55 clips of another rate were resampled to 16000 Hz" in notice for notice in corpus.notices)


@pytest.mark.parametrize(("seconds", "natural"), [(1.0, True), (0.6, False), (1.5, True)])
def test_full_seconds_are_natural_and_shorter_clips_are_words_cut_out(tmp_path: Path, seconds: float, natural: bool) -> None:
    (tmp_path / "yes").mkdir()
    for speaker in SPEAKERS:
        soundfile.write(tmp_path / "yes" / f"{speaker}_nohash_0.wav", chord("yes", speaker, seconds=seconds), RATE_HZ)
    corpus = read_corpus(tmp_path)
    assert corpus.natural.tolist() == [natural] * len(SPEAKERS)
    start, end = corpus.speech[0].tolist()
    assert (corpus.samples[0, start:end].abs().max() > 5000).item()
    assert 0 <= start < end <= RATE_HZ


@pytest.mark.parametrize(("count", "test", "validation"), [(3, 1, 1), (6, 1, 1), (10, 2, 1), (100, 20, 10)])
def test_splits_have_their_shares_and_are_never_empty(count: int, test: int, validation: int) -> None:
    splits = list(split_speakers([f"s{number}" for number in range(count)]).values())
    assert (splits.count("test"), splits.count("validation"), splits.count("training")) == (test, validation, count - test - validation)


def test_no_speaker_is_in_two_splits(folder: Path) -> None:
    corpus = read_corpus(folder)
    speakers = {name: {clip.speaker for clip in corpus.split(name).clips} for name in SPLITS}
    assert all(speakers.values())
    assert speakers["training"].isdisjoint(speakers["validation"] | speakers["test"])
    assert speakers["validation"].isdisjoint(speakers["test"])
    assert sum(len(corpus.split(name)) for name in SPLITS) == len(corpus)


def test_joined_folders_keep_their_sources(folder: Path, tmp_path: Path) -> None:
    other = write_words(tmp_path / "other", ("cat",))
    corpus = joined([read_corpus(folder), read_corpus(other)])
    assert set(corpus.sources) == {"words", "other"}
    assert dict(corpus.roots) == {"words": folder, "other": other}


def test_words_outside_the_labels_are_unknown() -> None:
    assert targets(["no", "bed", "yes"], ("yes", "no", "unknown")).tolist() == [1, 2, 0]
