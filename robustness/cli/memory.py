"""Memory that was freed stays with the program, for the next batch of the same size, and does not grow with the work that is done.

A batch of windows or activations is some megabytes. By default the C library gives so much back to the system when it is freed, and gets
it again, page by page and filled with zeros, for the next batch: that took three times as long as moving the clips of a batch. Each thread
would keep a heap of its own, with holes of its own; two heaps for all hold a fifth less. What no batch has taken for some seconds is given
back all the same, and where a stage of the work ends.

oneDNN, which computes torch's convolutions, makes a program for each shape that it meets and keeps a thousand of them: a recording of
another length is another shape, and some hundred of them held a tenth of all memory. A hundred are what recordings have in common.
"""

from __future__ import annotations

import ctypes
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

TRIM_THRESHOLD: Final = -1  # numbers of mallopt(3)
MMAP_THRESHOLD: Final = -3
ARENA_MAX: Final = -8
HEAPS: Final = 2  # that threads share
KEPT_BYTES: Final = 64 << 20  # freed memory at the heap's end beyond this is given back
LARGEST_KEPT: Final = 32 << 20  # bytes; what is larger is got from the system each time: the most that glibc takes
EVERY_S: Final = 5.0  # giving back takes some hundredths of a second, and getting it again as long
PROGRAMS: Final = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "128")  # read when torch is loaded
OWN: Final = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_ARENA_MAX", "GLIBC_TUNABLES")  # where a user has said it


def keep_few_programs() -> None:
    """Tells oneDNN to keep few programs, where a user has said nothing; to be called before torch is loaded."""
    os.environ.setdefault(*PROGRAMS)


def keep_freed_memory() -> bool:
    """Whether the C library was told so: not where it is another one than glibc, or a user has said something else."""
    if sys.platform != "linux" or any(name in os.environ for name in OWN):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    settings = ((ARENA_MAX, HEAPS), (MMAP_THRESHOLD, LARGEST_KEPT), (TRIM_THRESHOLD, KEPT_BYTES))
    return all(mallopt(name, value) for name, value in settings)


@dataclass
class GivingBack:
    """Gives what is free to the system, at the end of a stage and every few seconds of one.

    Attributes:
        clock: in seconds.
    """

    clock: Callable[[], float] = time.monotonic
    _stage: str = ""
    _next_s: float = 0.0

    def __call__(self, stage: str) -> bool:
        """Whether it did, for a step of this stage."""
        now = self.clock()
        if stage == self._stage and now < self._next_s:
            return False
        self._stage, self._next_s = stage, now + EVERY_S
        try:
            ctypes.CDLL(None).malloc_trim(0)
        except (OSError, AttributeError):  # no glibc
            return False
        return True
