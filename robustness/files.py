"""How much of a file from outside is read? A regular file, up to a bound: a device or a pipe never ends, and fails before it is opened.

Sizes are in bytes. Loads no torch.
"""

from __future__ import annotations

import hashlib
import json
import stat
import unicodedata
from pathlib import Path
from typing import Any, Final

from robustness.errors import RobustnessError

MOST_TEXT: Final = 16_000_000  # a card, a rules file or a table of words is far smaller
KINDS: Final = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


class UnreadableError(RobustnessError):
    """Why a file cannot be read, as the end of a sentence: "it is a pipe and no file"."""


def printable(name: str) -> str:
    """A name with its control characters escaped, so that it cannot write a line of its own into a log; spaces of any width stay."""
    return "".join(c if c.isprintable() or unicodedata.category(c) == "Zs" else c.encode("unicode_escape").decode() for c in name)


def refuse_endless(path: Path, most: int) -> None:
    """Looks at a file without opening it.

    Raises:
        UnreadableError: it is no regular file, or has more bytes than `most`.
        OSError: it is not there, or may not be looked at.
    """
    found = path.stat()
    kind = KINDS.get(stat.S_IFMT(found.st_mode))
    if kind is not None:
        raise UnreadableError(f"it is {kind} and no file")
    if found.st_size > most:
        raise UnreadableError(f"it has {found.st_size:,} bytes, and at most {most:,} are read")


def text_of(path: Path, most: int = MOST_TEXT) -> str:
    """The text of a file in UTF-8.

    Raises:
        UnreadableError: it is not there, no regular file, too large or no UTF-8 text; the message is the end of a sentence.
    """
    try:
        refuse_endless(path, most)
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UnreadableError(f"{error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UnreadableError("it is no text in UTF-8") from error


def json_of(path: Path, most: int = MOST_TEXT) -> Any:
    """What a JSON file says.

    Raises:
        UnreadableError: it is no such file; the message is the end of a sentence.
    """
    try:
        return json.loads(text_of(path, most))
    except (ValueError, RecursionError) as error:
        raise UnreadableError("it is no JSON") from error


def sha256_of(path: Path, most: int) -> str:
    """The SHA-256 of a file in hex, read piece by piece.

    Raises:
        UnreadableError: it is no regular file, or has more bytes than `most`.
        OSError: it cannot be opened.
    """
    refuse_endless(path, most)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
