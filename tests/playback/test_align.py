"""Is a test set that was played back found again, to the millisecond, and what its path did measured?"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from robustness.analysis.pairing import refuse_unlike
from robustness.audio.labels import LabelSource
from robustness.cli.main import run
from robustness.errors import DONE, USER_ERROR, CannotJudgeError
from robustness.jobs.align import align, written_name
from robustness.playback.measurement import measured_playback
from robustness.playback.response import decay_of
from robustness.playback.search import search
from tests.checks.faulty import shipped
from tests.conftest import ROOT
from tests.gates.planted import Answers, Planted
from tests.playback.simulation import Array, Capture, captured

JOE = ROOT / "recordings" / "joe"
RATE_HZ = 16_000
UNLABELLED = LabelSource(required=False)


@pytest.fixture(scope="module")
def played() -> Capture:
    """joe through a room, 30 ppm fast, 12 dB down."""
    return captured(shipped("joe"), t60_s=0.4, drift_ppm=30.0, gain_db=-12.0)


def sounds(voice: str) -> dict[str, Array]:
    return {one.id: one.samples.double().numpy() for one in shipped(voice)}


@pytest.mark.parametrize(("t60_s", "drift_ppm", "noise_dbfs"), [(0.4, 30.0, -70.0), (0.9, -120.0, -55.0)])
def test_every_clip_is_found_and_the_path_is_measured(t60_s: float, drift_ppm: float, noise_dbfs: float) -> None:
    made, clips = captured(shipped("joe"), t60_s=t60_s, drift_ppm=drift_ppm, gain_db=-12.0, noise_dbfs=noise_dbfs), sounds("joe")
    result = search(clips, made.samples, RATE_HZ)
    found = measured_playback(result.found, clips, {}, made.samples, RATE_HZ)
    assert result.missing == ()
    assert [one.path for one in found.clips] == list(made.starts)
    assert max(abs(one.start_s * 1000 - made.starts[one.path] / 16) for one in found.clips) < 1.0
    assert found.response.direct_db == pytest.approx(-12.0, abs=0.5)
    through = {name: np.convolve(clip, made.impulse)[: len(clip)] for name, clip in clips.items()}
    for one in found.clips:  # its level as the room has it, over the whole clip
        power = [float(np.square(part[one.path]).mean()) for part in (through, clips)]
        assert one.level_db == pytest.approx(10 * np.log10(power[0] / power[1]), abs=0.7)
    assert found.response.drift.ppm == pytest.approx(drift_ppm, abs=1.5)
    assert abs(found.response.drift.ppm - drift_ppm) <= max(4 * found.response.drift.error_ppm, 0.1)
    assert found.decay.t60_s == pytest.approx(t60_s, rel=0.1)
    assert found.background_dbfs == pytest.approx(noise_dbfs, abs=1.5)
    assert not any(one.clipped for one in found.clips)


def test_a_decay_is_that_of_an_impulse_response() -> None:
    seconds = np.arange(RATE_HZ) / RATE_HZ
    tail = np.random.default_rng(0).standard_normal(RATE_HZ) * 10 ** (-3 * seconds / 0.5)
    quiet = np.random.default_rng(1).standard_normal(round(0.1 * RATE_HZ)) * 1e-4
    assert decay_of(np.concatenate([quiet, [10.0], tail]), RATE_HZ).t60_s == pytest.approx(0.5, rel=0.05)
    assert np.isnan(decay_of(np.concatenate([quiet, [1.0], np.random.default_rng(2).standard_normal(RATE_HZ) * 1e-4]), RATE_HZ).t60_s)


def test_clipping_is_seen(played: Capture) -> None:
    loud = (played.samples * 30).clip(-0.9, 0.9)
    clips = sounds("joe")
    found = measured_playback(search(clips, loud, RATE_HZ).found, clips, {}, loud, RATE_HZ)
    clipped = {
        name for name, start in played.starts.items() if (np.abs(loud[int(start) : int(start) + len(clips[name])]) >= 0.9).sum() > 20
    }
    assert {one.path for one in found.clips if one.clipped} >= clipped != set()


def test_what_was_not_played_or_played_twice_is_named(played: Capture) -> None:
    clips, (first, *_) = sounds("joe"), played.starts
    less = played.samples.copy()
    start = int(played.starts[first])
    less[start - 800 : start + len(clips[first]) + 4000] = 0.0
    assert [(one.name, one.twice) for one in search(clips, less, RATE_HZ).missing] == [(first, False)]
    again = np.concatenate([played.samples, played.samples[start - 800 : start + len(clips[first])]])
    assert [(one.name, one.twice) for one in search(clips, again, RATE_HZ).missing] == [(first, True)]


def test_the_clips_are_written_under_their_names(
    played: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    soundfile.write(tmp_path / "capture.flac", played.samples, RATE_HZ, subtype="PCM_24")
    status = command(monkeypatch, JOE, tmp_path / "capture.flac", "--out", tmp_path / "out")
    said = capsys.readouterr().out
    assert status == DONE
    assert said.startswith("20 of 20 clips found in ")
    assert "faster than the player's" in said
    assert "clipping    none" in said
    for name, clip in sounds("joe").items():
        heard, rate_hz = soundfile.read(tmp_path / "out" / name)
        assert (len(heard), rate_hz) == (len(clip), RATE_HZ)
        assert np.corrcoef(heard, clip)[0, 1] > 0.4
    with (tmp_path / "out" / "align.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["path"]: row["label"] for row in rows} == {one.id: one.label for one in shipped("joe")}
    assert json.loads((tmp_path / "out" / "path.json").read_text())["drift_ppm"] == pytest.approx(30.0, abs=1.5)
    assert command(monkeypatch, JOE, tmp_path / "capture.flac", "--out", tmp_path / "out") == USER_ERROR
    assert "give a folder that is new or empty" in capsys.readouterr().err


def command(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["robustness", "align", *map(str, arguments)])
    return run()


def other_words(samples: Array) -> Array:
    return np.concatenate([np.pad(clip, 8000) for clip in sounds("heart").values()])


def faster(samples: Array) -> Array:
    """As a header of 48,000 Hz says of 44,100."""
    found: Array = np.interp(np.arange(0, len(samples) - 1, 48_000 / 44_100), np.arange(len(samples)), samples)
    return found


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (other_words, "holds none of the 20 clips: the best fits by 0"),
        (faster, "they are there at 1.088 times their speed"),
        (lambda samples: np.tile(samples, 2), "was the set played more than once"),
        (lambda samples: samples * 0, "is digital silence"),
        (lambda samples: np.where(np.arange(len(samples)) == 9, np.nan, samples), "NaN"),
    ],
)
def test_a_capture_of_something_else_is_refused(
    change: object, words: str, played: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    soundfile.write(tmp_path / "capture.wav", change(played.samples), RATE_HZ, subtype="FLOAT")  # type: ignore[operator]
    assert command(monkeypatch, JOE, tmp_path / "capture.wav", "--out", tmp_path / "out") == USER_ERROR
    assert words in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("originals", "capture", "out", "words"),
    [
        ("absent", "words.wav", "out", "absent does not exist"),
        ("words", "absent.wav", "out", "absent.wav cannot be opened"),
        ("words", "words", "out", "is a folder and a take is one file"),
        ("words", "note.txt", "out", "note.txt"),
        ("words", "words.wav", "words/out", "lies among the originals"),
        ("words", "words.wav", "note.txt", "is there already"),
    ],
)
def test_what_cannot_be_used_is_said(
    originals: str, capture: str, out: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "words").mkdir()
    for path in ("words/up.wav", "words.wav"):
        soundfile.write(tmp_path / path, np.random.default_rng(0).standard_normal(4000) * 0.1, RATE_HZ)
    (tmp_path / "note.txt").write_text("no sound")
    assert command(monkeypatch, tmp_path / originals, tmp_path / capture, "--out", tmp_path / out) == USER_ERROR
    told = capsys.readouterr().err
    assert words in told
    assert "Traceback" not in told


def test_other_formats_are_written_as_wav() -> None:
    assert [written_name(name) for name in ("a/up.wav", "a/up.FLAC", "a/up.mp3")] == ["a/up.wav", "a/up.FLAC", "a/up.wav"]


def test_one_clip_does_not_say_how_surely_its_clock_drifts(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (name, clip), *_ = sounds("joe").items()
    soundfile.write(tmp_path / "one" / name, clip, RATE_HZ)
    soundfile.write(tmp_path / "capture.wav", np.pad(clip * 0.5, 9000), RATE_HZ)
    found = align([tmp_path / "one"], tmp_path / "capture.wav", tmp_path / "out", UNLABELLED)
    assert found.measurement.clips[0].start_s == pytest.approx(9000 / RATE_HZ, abs=1e-3)
    assert np.isnan(found.measurement.response.drift.error_ppm)


def test_runs_of_a_capture_and_its_originals_are_paired_by_name(tmp_path: Path) -> None:
    one, other = (Planted([Answers([True] * 4)]).write(tmp_path / name) for name in "ab")
    table = other.recordings().assign(sha256="another")
    sound = type(other).recordings
    try:
        type(other).recordings = lambda run: table if run.path == other.path else sound(run)  # type: ignore[method-assign,assignment]
        with pytest.raises(CannotJudgeError, match="have other sound"):
            refuse_unlike(one, other)
        (note,) = refuse_unlike(one, other, recaptured=True)
        assert "4 recordings paired by name" in note
    finally:
        type(other).recordings = sound  # type: ignore[method-assign]
