"""How does a line reach the terminal? With its control characters escaped: a file's name cannot write a line, or a CI command, of its own.

Everything that a command says in plain text goes through here.
"""

from __future__ import annotations

import sys

from robustness.files import printable


def say(line: object = "") -> None:
    """Prints one line of a command's result."""
    print(printable(str(line)))


def warn(line: str) -> None:
    """Prints one line for the user beside the result, to the error stream."""
    print(printable(line), file=sys.stderr)
