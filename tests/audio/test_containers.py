"""Is each container read whole, and half of it refused, whatever its header says?"""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from robustness.audio.decoding import UnusableError, Wish, decode
from robustness.audio.levels import speech_span
from robustness.audio.mpeg import with_length

RATE_HZ = 16_000
COUNT = 9_440


def word(count: int = COUNT) -> np.ndarray:
    noise = np.random.default_rng(0).normal(size=count) * 1e-4
    said = slice(count // 5, count * 3 // 5)
    noise[said] += 0.3 * np.sin(2 * np.pi * 300 * np.arange(count) / RATE_HZ)[said]
    return noise


def wav() -> bytearray:
    file = io.BytesIO()
    soundfile.write(file, word(), RATE_HZ, format="WAV", subtype="PCM_16")
    return bytearray(file.getvalue())


def read(path: Path, data: bytes | bytearray) -> tuple[int, tuple[str, ...]]:
    path.write_bytes(data)
    audio = decode(path, Wish(RATE_HZ, RATE_HZ))
    return len(audio.samples), audio.notices


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0x80000000, "gives no size"),
        (0x7FFFF000, "gives no size"),
        (0x7FFFFF00, "gives no size"),
        (0xFFFFFFFF, "gives no size"),
        (0xFFFFFFFF - 36, "gives no size"),
        (0, "never finished"),
        (2 * COUNT + 44, "44 bytes more"),
        (2 * COUNT + 160, "160 bytes more"),
    ],
)
def test_a_wav_whose_header_is_unfinished_is_read_whole_with_a_notice(tmp_path: Path, size: int, words: str) -> None:
    data = wav()
    data[40:44] = struct.pack("<I", size)
    count, notices = read(tmp_path / "a.wav", data)
    assert count == COUNT
    assert words in notices[0]


def test_a_wav_that_lacks_more_than_five_milliseconds_is_truncated(tmp_path: Path) -> None:
    data = wav()
    data[40:44] = struct.pack("<I", 2 * COUNT + 162)
    with pytest.raises(UnusableError, match="truncated"):
        read(tmp_path / "a.wav", data)


@pytest.mark.parametrize("kind", ["RF64", "W64", "AU", "VOC", "CAF", "NIST", "AIFF", "WAV", "WAVEX", "FLAC"])
def test_a_container_is_read_whole_and_its_half_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.snd"
    soundfile.write(path, word(), RATE_HZ, format=kind, subtype="PCM_16")
    data = path.read_bytes()
    assert read(path, data) == (COUNT, ())
    for share in (0.3, 0.5, 0.9):
        with pytest.raises(UnusableError, match="truncated"):
            read(path, data[: int(len(data) * share)])


@pytest.mark.parametrize("codec", ["GSM610", "G721_32", "NMS_ADPCM_32", "IMA_ADPCM", "MS_ADPCM", "ULAW", "ALAW"])
def test_a_telephone_codec_is_read(tmp_path: Path, codec: str) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, word(4_800), 8_000, format="WAV", subtype=codec)
    audio = decode(path, Wish(8_000))
    assert 4_800 <= len(audio.samples) < 4_800 + 1_100  # a codec fills its last block


def test_a_flac_of_unknown_length_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, word(), RATE_HZ)
    data = bytearray(path.read_bytes())
    data[21] &= 0xF0
    data[22:26] = bytes(4)  # STREAMINFO's number of samples
    count, notices = read(path, data)
    assert count == COUNT
    assert "counted" in notices[0]


def without_header(data: bytes) -> bytes:
    """An MP3 without its Xing frame."""
    at = max(data.find(b"Xing"), data.find(b"Info"))
    return data[data.index(data[:2], at) :]


@pytest.mark.parametrize(("rate_hz", "channels"), [(16_000, 1), (44_100, 1), (44_100, 2), (32_000, 1), (8_000, 1), (22_050, 2)])
@pytest.mark.parametrize("mode", ["VARIABLE", "CONSTANT"])
def test_an_mp3_without_a_length_has_as_many_samples_as_its_frames(tmp_path: Path, rate_hz: int, channels: int, mode: str) -> None:
    path = tmp_path / "a.mp3"
    sound = np.tile(word(rate_hz)[:, None], channels)
    soundfile.write(path, sound, rate_hz, format="MP3", bitrate_mode=mode)
    bare = without_header(path.read_bytes())
    per_frame = 1_152 if rate_hz >= 32_000 else 576
    for tag in (b"", b"ID3\x04\0\0" + bytes([0, 0, 100, 0]) + bytes([0xFF, 0xD8]) * 6_400):
        path.write_bytes(tag + bare)
        samples = decode(path, Wish(rate_hz)).samples
        assert len(samples) % per_frame == 0
        assert rate_hz <= len(samples) < rate_hz + 4 * per_frame
    assert with_length(bare[:-20]).missing is not None


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\0\0\0\x1cftypM4A " + bytes(90), "MP4 container.*ffmpeg"),
        (b"\xff\xf1\x50\x80" + bytes(90), "holds AAC.*ffmpeg"),
        (b"\x1a\x45\xdf\xa3" + bytes(90), "WebM.*ffmpeg"),
        (b"#!AMR\n" + bytes(90), "AMR.*ffmpeg"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "Git LFS pointer.*git lfs pull"),
        (b"\n<!DOCTYPE html><html>", "web page"),
        (b"PK\x03\x04" + bytes(90), "archive"),
    ],
)
def test_what_no_decoder_reads_is_named_by_its_bytes(tmp_path: Path, data: bytes, words: str) -> None:
    with pytest.raises(UnusableError, match=words):
        read(tmp_path / "a.wav", data)


@pytest.mark.parametrize("rate_hz", [1, 3_999, 768_001])
def test_a_rate_that_no_recorder_has_is_refused(tmp_path: Path, rate_hz: int) -> None:
    data = wav()
    data[24:28] = struct.pack("<I", rate_hz)
    with pytest.raises(UnusableError, match=f"sampled at {rate_hz} Hz"):
        read(tmp_path / "a.wav", data)


@pytest.mark.parametrize("rate_hz", [4_001, 11_127, 44_101, 47_999, 767_999])
def test_a_rate_without_a_common_factor_gives_the_same_tone(tmp_path: Path, rate_hz: int) -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(rate_hz // 2) / rate_hz) * 0.3
    path = tmp_path / "a.wav"
    soundfile.write(path, tone, rate_hz, subtype="FLOAT")
    samples = decode(path, Wish(RATE_HZ)).samples.numpy()
    assert len(samples) == rate_hz // 2 * RATE_HZ // rate_hz
    wanted = 0.3 * np.sin(2 * np.pi * 440 * np.arange(len(samples)) / RATE_HZ)
    assert np.abs(samples - wanted)[800:-800].max() < 1e-3


def test_a_long_file_is_refused_by_its_header(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros(RATE_HZ * 60, np.int16), RATE_HZ)
    with pytest.raises(UnusableError, match="lasts 60000 ms"):
        decode(path, Wish(RATE_HZ, RATE_HZ))
    with path.open("r+b") as file:
        file.truncate(2**30)  # sparse: takes no room
    with pytest.raises(UnusableError, match="1024 MiB, and at most 512"):
        decode(path, Wish(RATE_HZ))


@pytest.mark.parametrize("offset", [0.05, -0.2])
def test_an_offset_changes_no_span(offset: float) -> None:
    clean = torch.from_numpy(word())
    assert speech_span(clean + offset, RATE_HZ) == speech_span(clean, RATE_HZ)


@pytest.mark.parametrize(("at", "inside"), [(8_800, False), (6_300, True)])  # 200 ms behind the word, and 40: a "t"
def test_a_click_far_from_the_word_is_no_speech(at: int, *, inside: bool) -> None:
    clicked = word()
    clicked[at : at + 160] += 0.5 * np.random.default_rng(1).normal(size=160)
    span = speech_span(torch.from_numpy(clicked), RATE_HZ)
    assert (span.end > at) == inside
    assert abs(span.start - speech_span(torch.from_numpy(word()), RATE_HZ).start) <= 160


SHARED_COUNTS = {
    **dict.fromkeys(["a.caf", "a.w64", "a.au", "a.sph", "whole.rf64.wav", "flac_of_unknown_length.flac", "cover_with_xing.mp3"], COUNT),
    **dict.fromkeys(["arecord_pipe.wav", "sox_pipe.wav", "ffmpeg_pipe.wav", "sizes_zero.wav", "data_size_zero.wav"], COUNT),
    **dict.fromkeys(["size_counts_header.wav", "size_16_too_many.wav", "constant_offset_005.wav", "stereo_one_dead.wav"], COUNT),
    **dict.fromkeys(["vbr_without_xing.mp3", "cover_without_xing.mp3"], 10_944),
    "gsm610.wav": 10_240,
    "g721.wav": 9_600,
}


@pytest.mark.parametrize("name", SHARED_COUNTS)
def test_a_file_as_people_have_it_is_read(shared: Path, name: str) -> None:
    assert len(decode(shared / "cases" / "sounds" / name, Wish(RATE_HZ, RATE_HZ)).samples) == SHARED_COUNTS[name]


@pytest.mark.parametrize(("name", "words"), [("m4a_named", "MP4"), ("lfs_pointer", "LFS"), ("page_named", "web page")])
def test_a_file_that_is_something_else_is_named(shared: Path, name: str, words: str) -> None:
    with pytest.raises(UnusableError, match=words):
        decode(shared / "cases" / "sounds" / f"{name}.wav", Wish(RATE_HZ, RATE_HZ))


@pytest.mark.parametrize("name", ["window_plus_1_sample.wav", "one_word_in_1200_ms.wav"])
def test_a_recording_a_little_too_long_is_cut_to_its_speech(shared: Path, name: str) -> None:
    audio = decode(shared / "cases" / "sounds" / name, Wish(RATE_HZ, RATE_HZ))
    assert len(audio.samples) < RATE_HZ
    assert any("cut to the speech" in notice for notice in audio.notices)


def test_the_span_of_the_shared_offset_is_that_without_it(shared: Path) -> None:
    samples = decode(shared / "cases" / "sounds" / "constant_offset_005.wav", Wish(RATE_HZ, RATE_HZ)).samples
    assert speech_span(samples, RATE_HZ) == (0, 365 * 16)
