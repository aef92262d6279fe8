"""Does freed memory stay with the program, and does a user's own word count?"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

from robustness.cli.memory import OWN

FAULTS = """
import resource
import numpy as np
from robustness.cli.memory import keep_freed_memory

def touched():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    blocks = []
    for _ in range(20):
        blocks = [np.ones(4_000_000, np.float32), np.ones(4_000_000, np.float32)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

without = touched()
print(int(keep_freed_memory()), touched(), without)
"""


def answered(root: Path, **variables: str) -> list[int]:
    environment = {name: value for name, value in os.environ.items() if name not in OWN}
    done = subprocess.run([sys.executable, "-c", FAULTS], cwd=root, env={**environment, **variables}, capture_output=True, check=True)
    return [int(word) for word in done.stdout.split()]


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="this C library has no mallopt")
def test_what_is_freed_is_taken_again_without_the_system(root: Path) -> None:
    told, pages, pages_without = answered(root)
    assert told == 1
    assert pages < pages_without / 2


@pytest.mark.parametrize("name", OWN)
def test_what_a_user_says_of_it_counts(root: Path, name: str) -> None:
    told, *_ = answered(root, **{name: "" if name == "GLIBC_TUNABLES" else "131072"})
    assert told == 0
