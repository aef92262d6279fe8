"""How does a line reach the terminal? With its control characters escaped: a file's name cannot write a line, or a CI command, of its own.

Everything that a command says in plain text goes through here.
"""

from __future__ import annotations

import re
import sys
from typing import Final

from robustness.files import printable

LONGEST_WORD: Final = 300  # characters; a path on this machine is shorter
SHOWN: Final = 100


def say(line: object = "") -> None:
    """Prints one line of a command's result."""
    print(printable(str(line)))


def warn(line: str) -> None:
    """Prints one line for the user beside the result, to the error stream; a word without an end is shortened in its middle."""
    print(_shortened(printable(line)), file=sys.stderr)


def _shortened(line: str) -> str:
    return re.sub(rf"\S{{{LONGEST_WORD},}}", lambda word: f"{word[0][:SHOWN]}…{word[0][-SHOWN:]}", line)
