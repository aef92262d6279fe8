"""A few hostile cases of every kind; `python -m tests.hostile` makes all of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hostile import models, runs, sounds, texts
from tests.hostile.__main__ import cases_of
from tests.hostile.cases import KINDS
from tests.hostile.harness import faults_in_words

__all__ = ["models", "runs", "sounds", "texts"]


def test_every_kind_has_sixty_cases_and_a_hundred_are_processes_of_their_own() -> None:
    cases = cases_of(list(KINDS), 65, 100)
    assert len(cases) >= 1_500
    assert min(sum(case.kind == name for case in cases) for name in KINDS) >= 60
    assert 100 <= sum(case.own_process for case in cases) <= 110
    assert len({(case.kind, case.number) for case in cases}) == len(cases)


@pytest.mark.parametrize(
    ("code", "said", "fault"),
    [
        (2, "robustness: a is b; do c\n", ""),
        (2, "note: a\nrobustness: a is b; do c\n", ""),
        (0, "", ""),
        (2, "", "said 0 sentences"),
        (70, "robustness: this is a bug", "ended with status 70"),
        (-9, "", "ended with status -9"),
        (2, "Traceback (most recent call last)\nrobustness: a", "wrote a traceback"),
        (2, "robustness: \x1b[2J", "wrote control characters"),
        (2, f"robustness: {'a' * 3000}", "said a sentence without an end"),
    ],
)
def test_a_broken_promise_is_seen(code: int, said: str, fault: str) -> None:
    assert "; ".join(faults_in_words(code, said)) == fault


@pytest.mark.slow
def test_a_case_of_every_kind_keeps_the_promises(root: Path) -> None:
    command = [sys.executable, "-m", "tests.hostile", "--each", "1", "--own", "2"]
    done = subprocess.run(command, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(KINDS)} cases of {len(KINDS)} kinds" in done.stdout
