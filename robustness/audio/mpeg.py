"""How long is an MP3 whose header does not say it?

Without a Xing, Info or VBRI header a decoder guesses the length from the first frame's bit rate and the file's size: wrong if the bit
rate varies, or a picture stands before the sound. Here the frames are counted, and a header that says their number is put before them.
Sources: ISO 11172-3 and 13818-3 (frame headers), id3.org (ID3v2.4, structure), the Xing header as LAME writes it.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

RATES_HZ: Final = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}  # by version: 1, 2, 2.5
KBPS_1: Final = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
KBPS_2: Final = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
LAYER_3: Final = 1
HEADER: Final = 4
ID3: Final = 10
FRAMES_FLAG: Final = 1
DECODER_DELAY: Final = 529
TAGS: Final = (b"TAG", b"APETAGEX", b"LYRICSBEGIN", b"3DI", b"ID3")  # what may stand behind the sound


class _Frame(NamedTuple):
    size: int
    samples: int
    side: int  # bytes from the frame's start to its data


class Mpeg(NamedTuple):
    """The bytes to decode; what is missing, as the end of a sentence, or None; and how many samples to skip."""

    data: bytes
    missing: str | None = None
    skip: int = 0


def with_length(data: bytes) -> Mpeg:
    """An MP3 with a header that says its length; other files, and MP3 that have one, as they are but for the tags before them."""
    start = _after_tags(data)
    if start >= len(data):
        return Mpeg(data, "it ends within the tag before its sound")
    first = _frame(data, start)
    if first is None or _says_length(data[start:], first):
        return Mpeg(data[start:] if first else data)
    return _counted(data[start:], first)


def _counted(sound: bytes, first: _Frame) -> Mpeg:
    count, at = 0, 0
    while (frame := _frame(sound, at)) is not None:
        if at + frame.size > len(sound):
            return Mpeg(sound, f"its last frame has {len(sound) - at} of {frame.size} bytes")
        count, at = count + 1, at + frame.size
    if count < 2:
        return Mpeg(sound)
    behind = sound[at:]
    if behind.strip(b"\0") and not behind.startswith(TAGS):
        return Mpeg(sound, f"{len(behind)} bytes behind frame {count} are no frame")
    return Mpeg(_header_frame(sound, count) + sound[:at], skip=first.samples - DECODER_DELAY)


def _after_tags(data: bytes) -> int:
    at = 0
    while data[at : at + 3] == b"ID3" and at + ID3 <= len(data):
        size = sum((byte & 0x7F) << shift for byte, shift in zip(data[at + 6 : at + ID3], (21, 14, 7, 0), strict=True))
        at += ID3 + size + (ID3 if data[at + 5] & 0x10 else 0)
    while at < len(data) and at and data[at] == 0:  # padding behind a tag that does not count it
        at += 1
    return at


def _frame(data: bytes, at: int) -> _Frame | None:
    """The frame whose header stands there; None if none does, or one of free format or another layer."""
    if at + HEADER > len(data) or data[at] != 0xFF or data[at + 1] & 0xE0 != 0xE0:
        return None
    version, layer = data[at + 1] >> 3 & 3, data[at + 1] >> 1 & 3
    rate, bits = data[at + 2] >> 2 & 3, data[at + 2] >> 4
    if version not in RATES_HZ or layer != LAYER_3 or rate == 3 or not 0 < bits < len(KBPS_1):
        return None
    one, mono = version == 3, data[at + 3] >> 6 == 3
    samples = 1152 if one else 576
    kbps = (KBPS_1 if one else KBPS_2)[bits]
    size = samples // 8 * kbps * 1000 // RATES_HZ[version][rate] + (data[at + 2] >> 1 & 1)
    side = (17 if mono else 32) if one else (9 if mono else 17)
    return _Frame(size, samples, HEADER + side)


def _says_length(sound: bytes, first: _Frame) -> bool:
    """A Xing or Info header with its number of frames, or a VBRI header."""
    tag = sound[first.side : first.side + 8]
    return (tag[:4] in {b"Xing", b"Info"} and bool(tag[-1] & FRAMES_FLAG)) or sound[HEADER + 32 : HEADER + 36] == b"VBRI"


def _header_frame(sound: bytes, count: int) -> bytes:
    """Two silent frames, as short as they can be; the first holds the number of those behind it.

    A decoder leaves out its own delay of 529 samples behind such a header; so a second silent frame follows, and the rest of it is skipped.
    """
    body = b"Xing" + struct.pack(">II", FRAMES_FLAG, count + 1)
    for bits in range(1, len(KBPS_1)):
        header = bytes([sound[0], sound[1] | 1, bits << 4 | sound[2] & 0x0D, sound[3]])
        frame = _frame(header, 0)
        if frame is not None and frame.size >= frame.side + len(body):
            break
    assert frame is not None  # noqa: S101 - the rate and the version are those of a frame
    spare = frame.size - frame.side - len(body)
    return header + bytes(frame.side - HEADER) + body + bytes(spare) + header + bytes(frame.size - HEADER)
