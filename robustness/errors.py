"""What a user can cause, and the exit status of each.

Everything here is printed as one sentence; any other exception is a bug and keeps its traceback (exit status 70).
A message says what was given, what was expected and what to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

DONE: Final = 0
RULE_FAILED: Final = 1
USER_ERROR: Final = 2
CANNOT_JUDGE: Final = 3
BUG: Final = 70
INTERRUPTED: Final = 130
PIPE_CLOSED: Final = 141  # who read what was printed has gone, as with `| head`; a shell says it so of SIGPIPE


class RobustnessError(Exception):
    """A mistake in what was given to the program; the message is a sentence for the user, and details are lines below it."""

    exit_status: ClassVar[int] = USER_ERROR

    def __init__(self, message: str, details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.details = tuple(details)


class UsageError(RobustnessError):
    """An unknown name or an impossible combination of options."""


class RecordingError(RobustnessError):
    """A recording, a folder of recordings or its labels cannot be used."""


class CardError(RobustnessError):
    """A model card, its weights or its network cannot be used."""


class OutputError(RobustnessError):
    """The place where results should go cannot be written, or holds something else."""


class FetchError(RobustnessError):
    """A public file cannot be got, or is not the one expected."""


class RunError(RobustnessError):
    """A folder given as a run is not one, or is incomplete or damaged."""


class CannotJudgeError(RobustnessError):
    """The input is valid and yet allows no answer: no row, NaN, a self-check that failed."""

    exit_status: ClassVar[int] = CANNOT_JUDGE
