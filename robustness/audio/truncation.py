"""Does a file hold less audio than its own header promises.

libsndfile shortens such a wav or Ogg file without a word; FLAC and MP3 it notices, or reads fewer frames than it announced.
Sources: Microsoft's RIFF and Apple's AIFF chunk layouts; RFC 3533 (Ogg pages).
"""

from __future__ import annotations

import struct
from typing import Final

UNKNOWN_SIZES: Final = frozenset(
    {0, 0x7FFFFFFF, 0x7FFFF000, 0xFFFFFFFF, 0xFFFFF000}
)  # what a program writes into a pipe, where it cannot go back
CHUNK_HEADER: Final = 8
OGG_HEADER: Final = 27  # bytes of an Ogg page before its table of segments
LAST_PAGE: Final = 4  # the flag of a stream's last Ogg page


def missing(data: bytes) -> str | None:
    """What of a file's audio is not there, as the end of a sentence; None where all is, or where the format does not tell."""
    if data[:4] in {b"RIFF", b"RIFX"}:
        return _missing_chunk(data, b"data", big_endian=data[:4] == b"RIFX")
    if data[:4] == b"FORM":
        return _missing_chunk(data, b"SSND", big_endian=True)
    if data[:4] == b"OggS":
        return _missing_pages(data)
    return None


def _missing_chunk(data: bytes, wanted: bytes, *, big_endian: bool) -> str | None:
    at = 12
    while at + CHUNK_HEADER <= len(data):
        name = data[at : at + 4]
        (size,) = struct.unpack_from(">I" if big_endian else "<I", data, at + 4)
        there = len(data) - at - CHUNK_HEADER
        if name == wanted:
            whole = size <= there or size in UNKNOWN_SIZES
            return None if whole else f"its header promises {size} bytes of audio and {there} are there"
        at += CHUNK_HEADER + size + size % 2
    return f"it ends before its {wanted.decode()} chunk"


def _missing_pages(data: bytes) -> str | None:
    last = data.rfind(b"OggS")
    if last + OGG_HEADER > len(data):
        return "its last page is cut"
    table = data[last + OGG_HEADER : last + OGG_HEADER + data[last + 26]]
    if last + OGG_HEADER + len(table) + sum(table) > len(data) or len(table) < data[last + 26]:
        return "its last page is cut"
    return None if data[last + 5] & LAST_PAGE else "its last page is missing"
