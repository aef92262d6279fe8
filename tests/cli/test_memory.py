"""Does freed memory stay with the program, and does a user's own word count?"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

from robustness.cli.memory import EVERY_S, OWN, PROGRAMS, GivingBack

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


HELD = """
import numpy as np
from pathlib import Path
from robustness.cli.memory import GivingBack, keep_freed_memory

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1])

keep_freed_memory()
begun = resident()
rows = [np.ones(1_000_000, np.float32) for _ in range(40)]
last = np.ones(1_000, np.float32)  # what is in use lies behind what is freed
rows.clear()
before = resident()
print(int(GivingBack()("sweep")), before - begun, resident() - begun)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="this system does not say what a process holds")
def test_what_is_free_is_given_back_at_the_end_of_a_stage(root: Path) -> None:
    done = subprocess.run([sys.executable, "-c", HELD], cwd=root, capture_output=True, check=True)
    gave, before, after = (int(word) for word in done.stdout.split())
    assert gave == 1
    assert after < before / 4


def test_it_is_given_back_now_and_then_alone() -> None:
    now = 100.0
    give_back = GivingBack(lambda: now)
    said = []
    for stage, later in (("read", 0.0), ("read", EVERY_S / 2), ("sweep", 0.0), ("sweep", EVERY_S - 1), ("sweep", 1.0), ("sweep", 0.0)):
        now += later
        said.append(give_back(stage))
    assert said == [True, False, True, False, True, False]


@pytest.mark.parametrize(("given", "kept"), [(None, PROGRAMS[1]), ("1000", "1000")])
def test_few_programs_are_kept_where_a_user_says_nothing(root: Path, given: str | None, kept: str) -> None:
    others = {name: value for name, value in os.environ.items() if name != PROGRAMS[0]}
    told = others if given is None else {**others, PROGRAMS[0]: given}
    code = f"import os\nfrom robustness.cli.main import run\nrun()\nprint(os.environ[{PROGRAMS[0]!r}])"
    done = subprocess.run([sys.executable, "-c", code, "--version"], cwd=root, env=told, capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == kept
