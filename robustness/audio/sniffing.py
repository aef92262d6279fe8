"""What is a file that no decoder here reads, by its first bytes, whatever its name says?

Sources: ISO 14496-12 (`ftyp`), ISO 13818-7 (ADTS), the EBML and ASF specifications, RFC 4867 (AMR), Git LFS's pointer format.
"""

from __future__ import annotations

from typing import Final

COMMAND: Final = "convert it, as in `ffmpeg -i FILE -ac 1 FILE.wav`"
LFS: Final = b"version https://git-lfs"
MAGIC: Final = (
    (b"\x1a\x45\xdf\xa3", "WebM or Matroska"),
    (b"\x30\x26\xb2\x75", "Windows Media (wma)"),
    (b"#!AMR", "AMR"),
    (b"ADIF", "AAC"),
)
ARCHIVES: Final = (b"PK\x03\x04", b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!", b"BZh", b"\xfd7zXZ")
LOOKED_AT: Final = 512


def unread_kind(data: bytes) -> str | None:
    """What the file is and what to do, as the end of a sentence; None if a decoder may know it."""
    if data.startswith(LFS):
        return "is a Git LFS pointer, not the sound itself; get it with `git lfs pull`"
    text = data[:LOOKED_AT].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<head", b"<body")):
        return "is a web page (HTML), not sound; download the file itself again"
    if data.startswith(ARCHIVES):
        return "is an archive; unpack it and give the recordings in it"
    name = _unread_sound(data)
    return f"holds {name}, which is not read here; {COMMAND}" if name else None


def _unread_sound(data: bytes) -> str | None:
    if data[4:8] == b"ftyp":
        return "an MP4 container (m4a, AAC or ALAC)"
    if len(data) > 1 and data[0] == 0xFF and data[1] & 0xF6 == 0xF0:
        return "AAC"
    return next((name for magic, name in MAGIC if data.startswith(magic)), None)
