"""Does a file hold less audio than its own header promises, and what if the header was never finished?

libsndfile shortens most such files without a word; FLAC and MP3 it notices, or reads fewer frames than it announced.
Sources: Microsoft's RIFF, EBU Tech 3306 (RF64), Sony's Wave64, Apple's AIFF and CAF, Sun's au, Creative's voc and NIST's SPHERE layouts;
RFC 3533 (Ogg pages).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

UNKNOWN_FROM: Final = 0x7FFF0000  # a size from here on is what a program writes into a pipe, where it cannot go back
SPARED_MS: Final = 5.0  # a recorder that counts its own header promises 44 bytes too many, 1.4 ms at 16 kHz
CHUNK_HEADER: Final = 8
WAVE64_HEADER: Final = 24
OGG_HEADER: Final = 27  # bytes of an Ogg page before its table of segments
LAST_PAGE: Final = 4  # the flag of a stream's last Ogg page
VOC_END, VOC_SOUND = 0, frozenset({1, 2, 9})


class Whole(NamedTuple):
    """The bytes to decode, what is missing as the end of a sentence (None: nothing, or the format does not tell), and what was guessed."""

    data: bytes
    missing: str | None = None
    notice: str | None = None


class _Chunk(NamedTuple):
    name: bytes
    at: int  # of its contents
    size: int  # as its header says


def whole(data: bytes) -> Whole:
    """Compares a file with the sizes that its headers give, and mends the sizes of a wav whose header was never finished."""
    if data[:4] in {b"RIFF", b"RIFX"}:
        return _wav(data, ">" if data[:4] == b"RIFX" else "<")
    check = next((check for magic, check in CHECKS.items() if data.startswith(magic)), None)
    return Whole(data, check(data) if check else None)


def _chunks(data: bytes, order: str, at: int = 12) -> Iterator[_Chunk]:
    while at + CHUNK_HEADER <= len(data):
        (size,) = struct.unpack_from(f"{order}I", data, at + 4)
        yield _Chunk(data[at : at + 4], at + CHUNK_HEADER, size)
        at += CHUNK_HEADER + size + size % 2


def _wav(data: bytes, order: str) -> Whole:
    bytes_per_s, block = 0, 1
    for chunk in _chunks(data, order):
        if chunk.name == b"fmt " and chunk.at + 16 <= len(data):
            (bytes_per_s,) = struct.unpack_from(f"{order}I", data, chunk.at + 8)
            (block,) = struct.unpack_from(f"{order}H", data, chunk.at + 12)
        if chunk.name == b"data":
            return _wav_data(data, order, chunk, bytes_per_s, max(1, block))
    return Whole(data, "it ends before its data chunk")


def _wav_data(data: bytes, order: str, chunk: _Chunk, bytes_per_s: int, block: int) -> Whole:
    there = len(data) - chunk.at
    lacking = chunk.size - there
    if chunk.size == 0 and there and not _only_chunks(data, order, chunk.at):
        notice = "with a header that was never finished (size 0), read to the end of the file"
    elif chunk.size == 0 or lacking <= 0:
        return Whole(data)
    elif chunk.size >= UNKNOWN_FROM:
        notice = "with a header that gives no size, as from a pipe, read to the end of the file"
    elif lacking * 1000 <= SPARED_MS * bytes_per_s and lacking < there:
        notice = f"with a header that promises {lacking} bytes more than there are, less than {SPARED_MS:g} ms"
    else:
        return Whole(data, _promised(chunk.size, there))
    size = there // block * block
    sizes = [struct.pack(f"{order}I", number) for number in (chunk.at - CHUNK_HEADER + size, size)]
    return Whole(data[:4] + sizes[0] + data[8 : chunk.at - 4] + sizes[1] + data[chunk.at : chunk.at + size], notice=notice)


def _only_chunks(data: bytes, order: str, at: int) -> bool:
    """Whether what follows is a chain of named chunks that ends where the file ends, and no sound."""
    end = at
    for chunk in _chunks(data, order, at):
        if not re.fullmatch(rb"[ -~]{4}", chunk.name):
            return False
        end = chunk.at + chunk.size + chunk.size % 2
    return end in {len(data), len(data) + 1}


def _promised(size: int, there: int) -> str | None:
    return f"its header promises {size} bytes of audio and {there} are there" if size > there else None


def _aiff(data: bytes) -> str | None:
    found = next((chunk for chunk in _chunks(data, ">") if chunk.name == b"SSND"), None)
    if found is None:
        return "it ends before its SSND chunk"
    return None if found.size >= UNKNOWN_FROM else _promised(found.size, len(data) - found.at)


def _rf64(data: bytes) -> str | None:
    size = 0
    for chunk in _chunks(data, "<"):
        if chunk.name == b"ds64" and chunk.at + 16 <= len(data):
            (size,) = struct.unpack_from("<Q", data, chunk.at + 8)
        if chunk.name == b"data":
            return _promised(size if chunk.size == 0xFFFFFFFF else chunk.size, len(data) - chunk.at)
    return "it ends before its data chunk"


def _wave64(data: bytes) -> str | None:
    at = 40
    while at + WAVE64_HEADER <= len(data):
        (size,) = struct.unpack_from("<Q", data, at + 16)
        if data[at : at + 4] == b"data":
            return _promised(size - WAVE64_HEADER, len(data) - at - WAVE64_HEADER)
        at += max(WAVE64_HEADER, size + -size % 8)
    return "it ends before its data chunk"


def _caf(data: bytes) -> str | None:
    at = 8
    while at + 12 <= len(data):
        (size,) = struct.unpack_from(">q", data, at + 4)
        if data[at : at + 4] == b"data":
            return _promised(size, len(data) - at - 12)  # −1 is unknown
        at += 12 + max(0, size)
    return "it ends before its data chunk"


def _au(data: bytes) -> str | None:
    order = ">" if data[:1] == b"." else "<"
    if len(data) < 24:
        return "its header is cut"
    start, size = struct.unpack_from(f"{order}II", data, 4)
    return None if size >= UNKNOWN_FROM else _promised(size, len(data) - start)


def _voc(data: bytes) -> str | None:
    at = int.from_bytes(data[20:22], "little")
    while at < len(data) and data[at] != VOC_END:
        size = int.from_bytes(data[at + 1 : at + 4], "little")
        if data[at] in VOC_SOUND and at + 4 + size > len(data):
            return _promised(size, max(0, len(data) - at - 4))
        at += 4 + size
    return None if at <= len(data) else "its last block is cut"


def _sphere(data: bytes) -> str | None:
    start = re.search(rb"\ANIST_1A\s+(\d{1,9})", data[:64])
    numbers = [re.search(rb"^%s -i (\d{1,12})" % name, data[:1024], re.MULTILINE) for name in (b"sample_count", b"sample_n_bytes")]
    if start is None or None in numbers:
        return None
    count, width = (int(number[1]) for number in numbers if number)
    channels = re.search(rb"^channel_count -i (\d{1,3})", data[:1024], re.MULTILINE)
    return _promised(count * width * (int(channels[1]) if channels else 1), max(0, len(data) - int(start[1])))


def _ogg(data: bytes) -> str | None:
    last = data.rfind(b"OggS")
    if last + OGG_HEADER > len(data):
        return "its last page is cut"
    table = data[last + OGG_HEADER : last + OGG_HEADER + data[last + 26]]
    if last + OGG_HEADER + len(table) + sum(table) > len(data) or len(table) < data[last + 26]:
        return "its last page is cut"
    return None if data[last + 5] & LAST_PAGE else "its last page is missing"


CHECKS: Final[dict[bytes, Callable[[bytes], str | None]]] = {
    b"FORM": _aiff,
    b"OggS": _ogg,
    b"RF64": _rf64,
    b"riff\x2e\x91\xcf\x11": _wave64,
    b"caff": _caf,
    b".snd": _au,
    b"dns.": _au,
    b"Creative Voice File": _voc,
    b"NIST_1A": _sphere,
}
