"""Memory that was freed stays with the program, for the next batch of the same size.

A batch of windows or activations is some megabytes. By default the C library gives so much back to the system when it is freed, and gets
it again, page by page and filled with zeros, for the next batch: that took three times as long as moving the clips of a batch. Each thread
would keep a heap of its own, with holes of its own; two heaps for all hold a fifth less.
"""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Final

TRIM_THRESHOLD: Final = -1  # numbers of mallopt(3)
MMAP_THRESHOLD: Final = -3
ARENA_MAX: Final = -8
HEAPS: Final = 2  # that threads share
KEPT_BYTES: Final = 64 << 20  # freed memory at the heap's end beyond this is given back
LARGEST_KEPT: Final = 32 << 20  # bytes; what is larger is got from the system each time: the most that glibc takes
OWN: Final = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_ARENA_MAX", "GLIBC_TUNABLES")  # where a user has said it


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
