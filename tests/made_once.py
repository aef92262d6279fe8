"""What several workers of a test session need and one of them makes: a folder beside their own.

As pytest-xdist says how: https://pytest-xdist.readthedocs.io/en/stable/how-to.html, "Making session-scoped fixtures execute only once".
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that `make` has filled, once in a session; tests read it and change nothing in it.

    Args:
        factory: of the session's temporary folders.
        name: of what is made.
        make: fills the folder that it is given, which is empty.
    """
    base = factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, whole = base / "made-once" / name, base / "made-once" / f"{name}.whole"
    folder.parent.mkdir(exist_ok=True)
    with whole.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not whole.exists():
            shutil.rmtree(folder, ignore_errors=True)  # what a worker that failed has left
            folder.mkdir()
            make(folder)
            whole.touch()
    return folder
