"""A sweep that is ended at twenty moments drawn by seed, by SIGKILL, SIGTERM or SIGINT, and resumed leaves the bytes of a whole one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_a_sweep_ended_at_twenty_moments_leaves_the_same_bytes(root: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.kill_a_sweep", str(tmp_path), "--kills", "20", "--seed", "0"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    killed = [line for line in done.stdout.splitlines() if line.endswith("the same bytes")]
    assert len(killed) == 20
    assert all(any(f"by {name} with" in line for line in killed) for name in ("SIGKILL", "SIGTERM", "SIGINT"))
    assert any("with 0 parts" not in line and "nothing" not in line for line in killed)  # some came after a part was sealed
