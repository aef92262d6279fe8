"""What several workers of a test session need and one of them makes: a folder beside their own.

As pytest-xdist says how: https://pytest-xdist.readthedocs.io/en/stable/how-to.html, "Making session-scoped fixtures execute only once".
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from robustness.errors import DONE
from robustness.run.folder import Run
from tests.commands import run_here


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
    with FileLock(whole.with_suffix(".lock")):
        if not whole.exists():
            shutil.rmtree(folder, ignore_errors=True)  # what a worker that failed has left
            folder.mkdir()
            make(folder)
            whole.touch()
    return folder


def digits_reported(factory: pytest.TempPathFactory, root: Path) -> Run:
    """A report on the shipped digits model and the first voice's twenty words, at places and in reverberation, with four cards."""

    def make(folder: Path) -> None:
        given = ("--model", root / "models" / "digits.toml", "--recordings", root / "recordings" / "joe")
        names = [word for name in ("padding-placement", "time-shift", "reverberation") for word in ("--perturbation", name)]
        done = run_here("report", *given, *names, "--no-audio", "--cards", 4, "--out", folder / "run")
        assert done.returncode == DONE, done.stderr

    return Run.open(made_once(factory, "digits", make) / "run")
