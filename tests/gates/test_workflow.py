"""The steps of the example of a workflow run here as they are written, apart from those of GitHub's own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cards import write_card, write_recordings

CARD = "models/digits-hardened.toml"


@pytest.fixture(scope="module")
def steps(root: Path) -> list[dict[str, Any]]:
    text = (root / ".github" / "workflows" / "gate.yml").read_text(encoding="utf-8")
    found: list[dict[str, Any]] = yaml.safe_load(text)["jobs"]["gate"]["steps"]
    return found


def test_what_is_somebody_elses_is_github_s_own(steps: list[dict[str, Any]]) -> None:
    used = [step["uses"].partition("@")[0] for step in steps if "uses" in step]
    assert used == [f"actions/{name}" for name in ("checkout", "setup-python", "cache", "upload-artifact")]


def test_every_other_step_runs_as_written(steps: list[dict[str, Any]], root: Path, tmp_path: Path) -> None:
    """In a copy of the repository whose environment is this one, installed; a verdict, and no error."""
    here = tmp_path / "repository"
    skip = shutil.ignore_patterns(".venv*", ".git", "reports", "cache", "*_cache", "__pycache__")
    shutil.copytree(root, here, ignore=skip)
    environment = here / ".venv"
    (environment / "bin").mkdir(parents=True)
    (environment / "bin" / "robustness").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m robustness "$@"\n')
    (environment / "bin" / "robustness").chmod(0o755)
    (environment / "installed").touch()
    shipped = (here / CARD).exists()
    if not shipped:
        made = write_card(here / "models" / "made")
        shutil.move(made, here / CARD)
        shutil.move(made.with_name("small.pt"), here / "models" / "small.pt")
        shutil.rmtree(here / "recordings" / "joe", ignore_errors=True)
        write_recordings(here / "recordings" / "joe")
    summary = tmp_path / "summary.md"
    given = {**os.environ, "GITHUB_STEP_SUMMARY": str(summary), "PYTHONPATH": str(here)}
    given |= {"GITHUB_ACTIONS": "true", "TORCH_INDEX": ""}
    statuses: list[int] = []
    ours = [step for step in steps if "run" in step]
    for step in ours:
        if statuses[-1:] in ([], [0]) or step.get("if") == "always()":
            done = subprocess.run(
                ["bash", "-e", "-o", "pipefail", "-c", step["run"]], cwd=here, env=given, capture_output=True, text=True, check=False
            )
            statuses.append(done.returncode)
            assert done.returncode in ((0, 1) if shipped else (0, 1, 3)), done.stdout + done.stderr
    assert len(statuses) == len(ours)
    assert re.search(r"^## The model (passes|does not pass|could not be judged): \d of 9 rules pass", summary.read_text())
    (kept,) = [step["with"]["path"].split() for step in steps if "upload" in step.get("uses", "")]
    assert [path for path in kept if not (here / path).exists()] == []
