"""Do recordings arrive as they were recorded, and is what cannot be trusted refused by name?"""

from __future__ import annotations

import hashlib
import math
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from robustness.audio.labels import LabelSource
from robustness.audio.reading import Reading, Wish, open_recordings, read_audio, read_recordings
from robustness.errors import RecordingError, UsageError

RATE_HZ = 16_000
UNLABELLED = LabelSource(required=False)


def tone(hz: float = 440.0, seconds: float = 0.5, rate_hz: int = RATE_HZ, level: float = 0.3) -> np.ndarray:
    return level * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate_hz)) / rate_hz)


def write(path: Path, samples: np.ndarray, rate_hz: int = RATE_HZ, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate_hz, **options)
    return path


def read(*paths: Path, longest: int | None = RATE_HZ, skip_bad: bool = False, labels: LabelSource = UNLABELLED) -> Reading:
    return read_recordings(paths, rate_hz=RATE_HZ, longest_samples=longest, labels=labels, skip_bad=skip_bad)


@pytest.mark.parametrize(
    ("name", "subtype", "step"),
    [
        ("a.wav", "PCM_U8", 2**-7),
        ("a.wav", "PCM_16", 2**-15),
        ("a.wav", "PCM_24", 2**-23),
        ("a.wav", "PCM_32", 2**-24),
        ("a.wav", "FLOAT", 2**-24),
        ("a.WAV", "DOUBLE", 2**-24),
        ("a.flac", "PCM_16", 2**-15),
        ("a.aiff", "PCM_16", 2**-15),
    ],
)
def test_every_width_is_read_to_its_own_precision(tmp_path: Path, name: str, subtype: str, step: float) -> None:
    written = tone()
    path = write(tmp_path / name, written, subtype=subtype)
    samples = read_audio(path, RATE_HZ).samples
    assert samples.dtype == torch.float32
    assert np.abs(samples.numpy() - written).max() <= step


@pytest.mark.parametrize(
    ("name", "options"), [("a.ogg", {"subtype": "VORBIS"}), ("a.opus", {"format": "OGG", "subtype": "OPUS"}), ("a.mp3", {})]
)
def test_lossy_formats_are_read_nearly_as_written(tmp_path: Path, name: str, options: dict[str, Any]) -> None:
    written = tone()
    samples = read_audio(write(tmp_path / name, written, **options), RATE_HZ).samples.numpy()
    assert len(samples) == len(written)
    inside = slice(800, -800)  # a codec smears the edges of a tone that begins at once
    assert np.sqrt(np.mean((samples - written)[inside] ** 2)) < 0.05 * np.sqrt(np.mean(written**2))


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 22_050, 44_100, 48_000, 96_000])
def test_another_rate_gives_the_same_tone(tmp_path: Path, rate_hz: int) -> None:
    path = write(tmp_path / "a.wav", tone(rate_hz=rate_hz), rate_hz, subtype="FLOAT")
    audio = read_audio(path, RATE_HZ)
    assert len(audio.samples) == round(0.5 * rate_hz) * RATE_HZ // rate_hz
    inside = slice(400, -400)  # the filter reaches beyond the ends
    assert np.abs(audio.samples.numpy() - tone()[: len(audio.samples)])[inside].max() < 1e-3
    assert f"resampled from {rate_hz} to 16000 Hz" in audio.notices[0]
    assert ("nothing above 4000 Hz" in audio.notices[0]) == (rate_hz == 8_000)


def test_what_lies_above_the_new_band_does_not_come_back_below(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", tone(9_000, rate_hz=48_000), 48_000, subtype="FLOAT")
    aliased = read_audio(path, RATE_HZ).samples[400:-400]
    assert float(aliased.square().mean().sqrt()) < 1e-3 * 0.3


def test_two_channels_become_their_mean(tmp_path: Path) -> None:
    left, right = tone(300), tone(700)
    audio = read_audio(write(tmp_path / "a.wav", np.stack([left, right], 1), subtype="FLOAT"), RATE_HZ)
    assert audio.samples.numpy() == pytest.approx((left + right) / 2, abs=1e-7)
    assert audio.notices == ("mixed down from 2 channels",)


def test_ids_are_paths_below_the_folder_and_digests_those_of_the_files(tmp_path: Path) -> None:
    path = write(tmp_path / "in" / "up" / "b.wav", tone())
    write(tmp_path / "in" / "a.wav", tone())
    found = read(tmp_path / "in").recordings
    assert [one.id for one in found] == ["a.wav", "up/b.wav"]
    assert found[1].sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert found[1].path == path
    assert [one.id for one in read(path).recordings] == ["b.wav"]


def test_a_file_that_is_given_twice_is_read_once(tmp_path: Path) -> None:
    path = write(tmp_path / "up" / "a.wav", tone())
    assert [one.id for one in read(tmp_path, path, tmp_path).recordings] == ["up/a.wav"]


def test_two_files_with_one_id_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "one" / "a.wav", tone())
    write(tmp_path / "two" / "a.wav", tone())
    with pytest.raises(RecordingError, match=r"two recordings have the id 'a\.wav'.*the folder above both"):
        read(tmp_path / "one", tmp_path / "two")


def test_what_is_no_recording_is_passed_over_and_counted(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", tone())
    write(tmp_path / "_background_noise_" / "hum.wav", tone())
    write(tmp_path / ".cache" / "b.wav", tone())
    write(tmp_path / ".a.wav", tone())
    (tmp_path / "README").write_text("about")
    found = read(tmp_path)
    assert [one.id for one in found.recordings] == ["a.wav"]
    assert "2 files passed over as hidden or no audio: .a.wav, README" in found.notices
    assert "1 file in _background_noise_ passed over: they are not words" in found.notices


def test_changes_are_counted_by_kind(tmp_path: Path) -> None:
    for number in range(12):
        write(tmp_path / f"{number}.wav", tone(440 + number, rate_hz=44_100), 44_100)
    write(tmp_path / "stereo.wav", np.stack([tone(), tone()], 1))
    write(tmp_path / "loud.wav", 2 * tone(level=0.9), subtype="FLOAT")
    notices = read(tmp_path).notices
    assert notices == ["1 file above full scale", "1 file mixed down from 2 channels", "12 files resampled from 44100 to 16000 Hz"]


@pytest.mark.parametrize(("level", "doubtful"), [(1.5e-3, False), (1.3e-3, True)])  # a sine's RMS is 3 dB under its peak
def test_quiet_speech_is_a_warning(tmp_path: Path, level: float, *, doubtful: bool) -> None:
    assert (20 * math.log10(level / math.sqrt(2)) < -60) == doubtful
    write(tmp_path / "a.wav", tone(level=level), subtype="FLOAT")
    assert any("under -60 dBFS" in notice and "a.wav" in notice for notice in read(tmp_path).notices) == doubtful


@pytest.mark.parametrize(("samples", "fits"), [(15_999, True), (16_000, True), (16_001, False)])
def test_no_recording_is_longer_than_the_window(tmp_path: Path, samples: int, *, fits: bool) -> None:
    write(tmp_path / "a.wav", tone(seconds=samples / RATE_HZ))
    if fits:
        assert len(read(tmp_path).recordings[0].samples) == samples
    else:
        with pytest.raises(RecordingError, match=r"a\.wav lasts 1000 ms \(16001 samples\).*`robustness segment`"):
            read(tmp_path)
    assert len(read(tmp_path, longest=None).recordings) == 1


def test_a_window_at_another_rate_is_a_window_here(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", tone(seconds=1.0, rate_hz=22_050), 22_050)
    write(tmp_path / "b.wav", np.append(tone(seconds=1.0, rate_hz=44_100), 0.0), 44_100)
    assert [len(one.samples) for one in read(tmp_path).recordings] == [16_000, 16_000]


def cut(path: Path, share: float) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])


@pytest.mark.parametrize("share", [0.99, 0.6, 0.1])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.wav", {}),
        ("a.wav", {"subtype": "FLOAT"}),
        ("a.wav", {"endian": "BIG"}),
        ("a.aiff", {}),
        ("a.flac", {}),
        ("a.ogg", {}),
        ("a.opus", {"format": "OGG", "subtype": "OPUS"}),
        ("a.mp3", {}),
    ],
)
def test_a_truncated_file_is_named(tmp_path: Path, name: str, options: dict[str, Any], share: float) -> None:
    noise = np.random.default_rng(0).normal(size=RATE_HZ) * 0.1
    path = write(tmp_path / name, noise, **options)
    assert len(read_audio(path, RATE_HZ).samples) == RATE_HZ
    cut(path, share)
    with pytest.raises(RecordingError, match=rf"{name} .*truncated"):
        read_audio(path, RATE_HZ)


def test_a_wav_from_a_pipe_has_no_size_and_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", tone(), subtype="PCM_16")
    data = bytearray(path.read_bytes())
    at = data.index(b"data") + 4
    data[4:8] = data[at : at + 4] = struct.pack("<I", 0xFFFFFFFF)
    path.write_bytes(data)
    assert read_audio(path, RATE_HZ).samples.numpy() == pytest.approx(tone(), abs=1e-4)


def silence(path: Path) -> None:
    write(path, np.zeros(8_000))


def direct_current(path: Path) -> None:
    write(path, np.full(8_000, 0.25))


def canceling(path: Path) -> None:
    write(path, np.stack([tone(), -tone()], 1), subtype="FLOAT")


def no_samples(path: Path) -> None:
    write(path, np.zeros(0))


def no_bytes(path: Path) -> None:
    path.write_bytes(b"")


def text(path: Path) -> None:
    path.write_text("a note")


def nan(path: Path) -> None:
    write(path, np.append(tone(), np.nan), subtype="FLOAT")


def infinite(path: Path) -> None:
    write(path, np.append(tone(), [np.inf, -np.inf]), subtype="FLOAT")


def unscaled(path: Path) -> None:
    write(path, tone() * 32768, subtype="FLOAT")


BAD: dict[Callable[[Path], None], str] = {
    silence: "is digital silence",
    direct_current: "holds one value only, 0.25",
    canceling: "is digital silence once mixed down",
    no_samples: "holds no samples",
    no_bytes: r"is empty \(0 bytes\)",
    text: "is damaged, truncated or no audio",
    nan: "holds 1 sample that is NaN or infinite, of 8001",
    infinite: "holds 2 samples that are NaN or infinite, of 8002",
    unscaled: "reaches 9830.4 .* integers stored as floats",
}


@pytest.mark.parametrize("spoil", BAD, ids=lambda spoil: spoil.__name__)
def test_what_cannot_be_trusted_is_named_or_skipped(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    write(tmp_path / "good.wav", tone())
    spoil(tmp_path / "bad.wav")
    with pytest.raises(RecordingError, match=rf"1 of 2 recordings cannot be used; .* --skip-bad: bad\.wav {BAD[spoil]}"):
        read(tmp_path)
    skipped = read(tmp_path, skip_bad=True)
    assert [one.id for one in skipped.recordings] == ["good.wav"]
    assert [bad.id for bad in skipped.bad] == ["bad.wav"]
    with pytest.raises(RecordingError, match=r"none of 1 recording can be used: bad\.wav"):
        read(tmp_path / "bad.wav", skip_bad=True)


def test_a_format_that_is_not_read_is_said_and_not_passed_over(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", tone())
    (tmp_path / "b.m4a").write_bytes(b"\0" * 64)
    with pytest.raises(RecordingError, match=r"b\.m4a is a m4a file, which is not read here; convert it"):
        read(tmp_path)


def test_many_bad_files_are_named_once_by_reason_and_counted(tmp_path: Path) -> None:
    write(tmp_path / "good.wav", tone())
    for number in range(5):
        silence(tmp_path / f"silent-{number}.wav")
    nan(tmp_path / "nan.wav")
    with pytest.raises(RecordingError, match=r"6 of 7 recordings cannot be used; .*--skip-bad:$") as refused:
        read(tmp_path)
    first, second = refused.value.details
    assert first.startswith("nan.wav holds ")
    assert second.startswith("silent-0.wav, silent-1.wav, silent-2.wav and 2 more each is digital")


@pytest.mark.parametrize(
    ("given", "words"),
    [("absent", "absent does not exist"), ("empty", "empty is empty; expected audio"), ("notes", "notes holds 1 file and no recording")],
)
def test_a_folder_without_recordings_is_refused(tmp_path: Path, given: str, words: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("a note")
    with pytest.raises(RecordingError, match=words):
        read(tmp_path / given)


def test_nothing_given_is_usage() -> None:
    with pytest.raises(UsageError, match="--recordings"):
        read()


def test_no_notice_or_reason_has_a_path_of_the_machine(tmp_path: Path) -> None:
    write(tmp_path / "good.wav", tone(rate_hz=8_000), 8_000)
    silence(tmp_path / "bad.wav")
    found = read(tmp_path, skip_bad=True)
    assert found.bad
    assert found.notices
    assert str(tmp_path) not in " ".join([*found.notices, *(bad.reason for bad in found.bad)])


def test_a_pipe_in_the_folder_is_named_and_not_waited_for(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", tone())
    os.mkfifo(tmp_path / "b.wav")
    with pytest.raises(RecordingError, match=r"b\.wav is no regular file"):
        read(tmp_path)


def test_a_link_to_nothing_is_named(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", tone())
    (tmp_path / "b.wav").symlink_to(tmp_path / "absent.wav")
    with pytest.raises(RecordingError, match=r"b\.wav cannot be opened: No such file"):
        read(tmp_path)


def test_two_links_to_one_file_are_two_recordings(tmp_path: Path) -> None:
    target = write(tmp_path / "elsewhere.wav", tone())
    (tmp_path / "in").mkdir()
    for name in ("a.wav", "b.wav"):
        (tmp_path / "in" / name).symlink_to(target)
    assert [one.id for one in read(tmp_path / "in").recordings] == ["a.wav", "b.wav"]


def test_what_is_longer_is_refused_where_nothing_may_be_cut(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "no.wav", np.r_[tone(), np.zeros(RATE_HZ)], RATE_HZ)
    with pytest.raises(RecordingError, match=r"no\.wav.*lasts 1500 ms \(24000 samples\).*--trim never cuts nothing; leave that out"):
        open_recordings([tmp_path / "no.wav"], Wish(RATE_HZ, RATE_HZ, cut=False), labels=UNLABELLED)
    read = open_recordings([tmp_path / "no.wav"], Wish(RATE_HZ, RATE_HZ), labels=UNLABELLED)
    assert len(read.recordings[0].samples) <= RATE_HZ
