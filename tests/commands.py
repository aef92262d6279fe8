"""A command of ours in the tests' own process: one of its own would import everything again, which takes three seconds."""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple

import pytest

from robustness.cli.main import run


class Said(NamedTuple):
    """What a command ended with and wrote."""

    returncode: int
    stdout: str
    stderr: str


def run_here(*arguments: object, folder: Path | None = None) -> Said:
    """What `robustness ARGUMENTS` says and how it ends, run in the folder if one is given."""
    out, errors = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(errors):
        if folder is not None:
            patch.chdir(folder)
        patch.setattr(sys, "argv", ["robustness", *map(str, arguments)])
        status = run()
    return Said(status, out.getvalue(), errors.getvalue())
