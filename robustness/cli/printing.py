"""How does a line reach the terminal? With its control characters escaped: a file's name cannot write a line, or a CI command, of its own.

Everything that a command says goes through here. `say` is the result, on stdout; with --json the answer alone is on stdout, once, and lines
go to stderr. `note` and `detail` are left out by -q, `more` is said with -v alone, `warn` always.
"""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Final, NamedTuple, TextIO

from robustness.errors import RobustnessError
from robustness.files import printable

LONGEST_WORD: Final = 300  # characters; a path on this machine is shorter
SHOWN: Final = 100
VERDICTS: Final = {"found": "red", "none": "green", "little": "yellow"}  # the style of a page's verdict, by its kind
STYLES: Final = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}  # ANSI


@dataclass(frozen=True)
class Manner:
    """How a command speaks: -q, -v and --json."""

    quiet: bool = False
    verbose: bool = False
    as_json: bool = False


class Styled(NamedTuple):
    """Text in a style of a terminal, plain elsewhere."""

    text: str
    style: str


PLAIN: Final = Manner()
_MANNER: Final[ContextVar[Manner]] = ContextVar("manner", default=PLAIN)


@contextmanager
def speaking(manner: Manner) -> Iterator[None]:
    """Inside, lines are said in that manner; with --json a user's mistake is an answer too."""
    before = _MANNER.set(manner)
    try:
        yield
    except RobustnessError as error:
        answer({"status": error.exit_status, "error": str(error), **({"details": error.details} if error.details else {})})
        raise
    finally:
        _MANNER.reset(before)


def say(*parts: object) -> None:
    """Prints one line of a command's result."""
    stream = sys.stderr if _MANNER.get().as_json else sys.stdout
    print("".join(_shown(part, stream) for part in parts), file=stream)


def detail(*parts: object) -> None:
    """Prints one line that stands behind the result; none with -q."""
    if not _MANNER.get().quiet:
        say(*parts)


def more(line: str) -> None:
    """Prints one line that few want, to the error stream; with -v alone."""
    if _MANNER.get().verbose:
        warn(line)


def note(line: str) -> None:
    """Prints one line to be known beside the result, to the error stream; none with -q."""
    if not _MANNER.get().quiet:
        warn(f"note: {line}")


def warn(line: str) -> None:
    """Prints one line for the user beside the result, to the error stream; a word without an end is shortened in its middle."""
    print(_shortened(printable(line)), file=sys.stderr)


def quiet() -> bool:
    """Whether progress is not to be shown."""
    return _MANNER.get().quiet


def verbose() -> bool:
    """Whether more is wanted than most want."""
    return _MANNER.get().verbose


def answer(value: object) -> bool:
    """Prints the command's one answer as JSON on stdout, with --json alone; whether it did. What is no finite number is null."""
    if _MANNER.get().as_json:
        print(json.dumps(plain(value), indent=1, allow_nan=False))
    return _MANNER.get().as_json


def plain(value: object) -> Any:
    """A value as JSON has it: records by their fields, no number that is none, and all else as its text."""
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return plain(value._asdict())
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(one) for one in value]
    value = value.item() if hasattr(value, "item") else value  # a number of numpy
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def width() -> int:
    """How many columns the terminal has."""
    return shutil.get_terminal_size().columns


def coloured(stream: TextIO) -> bool:
    """Whether a stream takes colours: NO_COLOR forbids them, FORCE_COLOR asks for them, and otherwise a terminal has them."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (stream.isatty() and os.environ.get("TERM") != "dumb")


def _shown(part: object, stream: TextIO) -> str:
    text = printable(part.text if isinstance(part, Styled) else str(part))
    return f"\x1b[{STYLES[part.style]}m{text}\x1b[0m" if isinstance(part, Styled) and text and coloured(stream) else text


def _shortened(line: str) -> str:
    return re.sub(rf"\S{{{LONGEST_WORD},}}", lambda word: f"{word[0][:SHOWN]}…{word[0][-SHOWN:]}", line)
