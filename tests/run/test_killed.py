"""A sweep that is killed at ten moments drawn by seed, and gone on with, leaves the bytes of one that nobody disturbed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_a_sweep_killed_at_ten_moments_leaves_the_same_bytes(root: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.kill_a_sweep", str(tmp_path), "--kills", "10", "--seed", "0"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    killed = [line for line in done.stdout.splitlines() if line.endswith("the same bytes")]
    assert len(killed) == 10
    assert any("with 0 parts" not in line and "nothing" not in line for line in killed)  # some came after a part was sealed
