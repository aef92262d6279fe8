"""How is work ended that may take for ever? By a timer of the process, which a regular expression heeds as well. Loads no torch."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def ends_within(seconds: float, error: Exception) -> Iterator[None]:
    """The block ends within that time, or with this error; outside of the main thread, which alone hears timers, it may take longer.

    Args:
        seconds: the most that the block may take.
        error: what to raise then.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def rung(number: int, frame: object) -> None:
        raise error

    before = signal.signal(signal.SIGALRM, rung)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
