from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from robustness.audio.levels import speech_power
from robustness.audio.takes import open_take
from robustness.conditions import Condition
from robustness.errors import RecordingError, UsageError
from robustness.jobs.compose import Composition, compose
from robustness.streaming.spans import read_spans
from tests.builders import RATE_HZ, recordings


def test_the_spans_say_where_the_words_lie(tmp_path: Path) -> None:
    made = recordings(5)
    done = compose(made, tmp_path / "take.wav", Composition())
    words = read_spans(done.spans)
    take = open_take(tmp_path / "take.wav", RATE_HZ)
    assert (done.words, sorted(word.recording or "" for word in words)) == (5, sorted(one.id for one in made))
    assert take.duration_ms == pytest.approx(done.seconds * 1000)
    by_id = {one.id: one.samples for one in made}
    for word in words:
        assert word.clip_ms is not None
        heard = take.part(*word.clip_ms)
        own = by_id[word.recording or ""].numpy()
        assert len(heard) == len(own)
        assert np.abs(heard - own).max() < 1 / 32768
        assert word.clip_ms[0] <= word.start_ms < word.end_ms <= word.clip_ms[1]
    for one, other in pairwise(words):
        assert one.clip_ms is not None
        assert other.clip_ms is not None
        assert 500 - 0.2 <= other.clip_ms[0] - one.clip_ms[1] <= 1500.2


@pytest.mark.parametrize("snr_db", [20.0, 0.0])
def test_every_word_has_the_snr_that_was_asked_for(snr_db: float, tmp_path: Path) -> None:
    made = recordings(4)
    quiet = Composition(noise="white", snr_db=snr_db)
    done = compose(made, tmp_path / "take.wav", quiet)
    words, take = read_spans(done.spans), open_take(tmp_path / "take.wav", RATE_HZ)
    pauses = np.concatenate(
        [take.part(one.clip_ms[1] + 10, other.clip_ms[0] - 10) for one, other in pairwise(words) if one.clip_ms and other.clip_ms]
    )
    noise_power = float(np.square(pauses).mean())
    for word in words:
        heard = torch.from_numpy(take.part(word.start_ms, word.end_ms))
        power = float(speech_power(heard[None], torch.tensor([[0, len(heard)]]), RATE_HZ)[0])
        assert 10 * np.log10(max(power / noise_power - 1, 1e-3)) == pytest.approx(snr_db, abs=1.0)  # the noise's power in a word varies


def test_the_same_seed_is_the_same_take(tmp_path: Path) -> None:
    how = Composition(noise="white", hours=20 / 3600)
    for name in ("a", "b"):
        compose(recordings(3), tmp_path / f"{name}.wav", how)
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()
    assert (tmp_path / "a.csv").read_text() == (tmp_path / "b.csv").read_text()
    compose(recordings(3), tmp_path / "c.wav", Composition(noise="white", hours=20 / 3600, seed=1))
    assert (tmp_path / "a.csv").read_text() != (tmp_path / "c.csv").read_text()


def test_a_take_gets_as_long_as_asked_and_each_word_comes_before_any_comes_again(tmp_path: Path) -> None:
    done = compose(recordings(3), tmp_path / "take.flac", Composition(hours=30 / 3600, gaps_ms=(100.0, 200.0)))
    assert 25 < done.seconds <= 31
    names = [word.recording for word in read_spans(done.spans)]
    for first in range(0, len(names) - 2, 3):
        assert len(set(names[first : first + 3])) == 3


def test_words_that_overlap_are_added(tmp_path: Path) -> None:
    made = recordings(4)
    done = compose(made, tmp_path / "take.wav", Composition(gaps_ms=(-200.0, -200.0)))
    words, take = read_spans(done.spans), open_take(tmp_path / "take.wav", RATE_HZ)
    alone = {one.id: one.samples.numpy() for one in made}
    mixed = np.zeros(take.samples)
    for word in words:
        assert word.clip_ms is not None
        first = round(word.clip_ms[0] * RATE_HZ / 1000)
        own = alone[word.recording or ""]
        mixed[first : first + len(own)] += own
    assert np.abs(take.part(0, take.duration_ms) - mixed).max() < 1 / 32768
    assert words[1].clip_ms is not None
    assert words[0].clip_ms is not None
    assert words[1].clip_ms[0] < words[0].clip_ms[1]


def test_a_perturbation_is_done_to_every_recording(tmp_path: Path) -> None:
    made = recordings(2)
    plain = compose(made, tmp_path / "plain.wav", Composition(gaps_ms=(500.0, 500.0)))
    slow = compose(made, tmp_path / "slow.wav", Composition(gaps_ms=(500.0, 500.0), condition=Condition("speed", -20.0, placement="start")))
    for one, other in zip(read_spans(plain.spans), read_spans(slow.spans), strict=True):
        assert other.duration_ms == pytest.approx(one.duration_ms / 0.8, abs=2)


def test_a_background_from_a_file_goes_on_and_on(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    soundfile.write(tmp_path / "room.wav", rng.normal(size=RATE_HZ) * 0.01, RATE_HZ)
    done = compose(recordings(2), tmp_path / "take.wav", Composition(noise=str(tmp_path / "room.wav"), snr_db=10.0))
    take = open_take(done.spans.with_suffix(".wav"), RATE_HZ).part(0, 1e9)
    assert np.square(take.reshape(-1)[: len(take) // 400 * 400].reshape(-1, 400)).mean(1).min() > 0


@pytest.mark.parametrize(
    ("how", "out", "says"),
    [
        ({"gaps_ms": (900.0, 100.0)}, "a.wav", "--gap-ms is 900 to 100; expected the shorter pause first"),
        ({"hours": 0.0}, "a.wav", "--hours is 0; expected more than 0"),
        ({}, "a.mp3", "expected the name of a take that ends in .wav or .flac"),
    ],
)
def test_what_cannot_be_composed(how: dict[str, tuple[float, float]], out: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=says):
        compose(recordings(1), tmp_path / out, Composition(**how))  # type: ignore[arg-type]


def test_a_background_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="cannot be opened"):
        compose(recordings(1), tmp_path / "a.wav", Composition(noise=str(tmp_path / "none.wav")))
