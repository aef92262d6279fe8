from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.cards import write_card, write_recordings
from tests.gates.planted import Answers, Planted, right

PLUGIN = "robustness.pytest_plugin"
RULES = """
[rule.passes]
metric = "accuracy"
min = 0.5
[rule.breaks]
metric = "accuracy"
min = 0.9
[rule.warns]
metric = "accuracy"
min = 0.9
severity = "warn"
[rule.cannot]
metric = "layer_sqnr_db"
min = 10
"""
TEST = """
def test_the_run(robustness_run):
    assert len(robustness_run.recordings()) == {count}
"""
STORED = ["--robustness-rules", "gates.toml", "--robustness-run", "run"]
END = "=end="
SESSIONS = f"""
import json, sys, pytest
for arguments in json.loads(sys.argv[1]):
    status = pytest.main(["-p", "{PLUGIN}", "-p", "no:cacheprovider", "-v", *arguments])
    print()
    print("{END}", int(status), "torch" in sys.modules, flush=True)
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What pytest says in seven sessions of one fresh interpreter; each ends with its status and whether torch is loaded."""
    folder = tmp_path_factory.mktemp("user")
    Planted([Answers(right(15, 20))]).write(folder / "run")
    (folder / "gates.toml").write_text(RULES)
    (folder / "empty.toml").write_text("")
    (folder / "typo.toml").write_text('[rule.a]\nmetric = "acuracy"\nmin = 1')
    (folder / "any.toml").write_text('[rule.any]\nmetric = "accuracy"\nmin = 0.0\n')
    (folder / "test_mine.py").write_text(TEST.format(count=20))
    (folder / "test_model.py").write_text(TEST.format(count=4))
    card, recordings = write_card(folder / "model"), write_recordings(folder / "recordings")
    sessions = [
        ["test_mine.py", *STORED],
        ["test_mine.py", *STORED, "-k", "passes"],
        ["test_mine.py", *STORED[2:], "--robustness-rules", "empty.toml"],
        ["test_mine.py", *STORED[2:], "--robustness-rules", "typo.toml"],
        ["test_mine.py", *STORED[:2], "-k", "passes"],
        ["test_model.py", "--robustness-rules=any.toml", f"--robustness-model={card}", f"--robustness-recordings={recordings}"],
        ["test_mine.py", *STORED[:2], "--robustness-run=nowhere"],
    ]
    path = os.pathsep.join(map(str, [Path(__file__).resolve().parents[2], *filter(None, [os.environ.get("PYTHONPATH")])]))
    command = [sys.executable, "-c", SESSIONS, json.dumps(sessions)]
    environment = {**os.environ, "PYTHONPATH": path, "CI": "false"}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)
    found = done.stdout.split(END)
    assert len(found) == len(sessions) + 1, done.stdout + done.stderr
    endings = [text.lstrip().partition("\n")[0] for text in found[1:]]
    return [f"{text}\n{END} {ending}\n{done.stderr}" for text, ending in zip(found, endings, strict=False)]


def test_every_rule_is_a_test_beside_the_users_own(said: list[str]) -> None:
    results = {line.split()[0]: line.split()[1] for line in said[0].splitlines() if "::" in line and "%]" in line}
    assert results == {
        "test_mine.py::test_the_run": "PASSED",
        "gates.toml::passes": "PASSED",
        "gates.toml::breaks": "FAILED",
        "gates.toml::warns": "PASSED",
        "gates.toml::cannot": "FAILED",
    }
    assert "accuracy is 75 % (15 of 20); at least 90 % is asked" in said[0]
    assert "no audit of layers" in said[0]
    assert "FAIL (warning only): warns" in said[0]
    assert f"{END} 1 False" in said[0], "judging a stored run loads no torch"


def test_one_rule_can_be_chosen_by_its_name(said: list[str]) -> None:
    assert "1 passed" in said[1]
    assert f"{END} 0 False" in said[1]


@pytest.mark.parametrize(("session", "says"), [(2, "is empty"), (3, "did you mean accuracy?")])
def test_rules_that_cannot_be_used_are_a_usage_error(said: list[str], session: int, says: str) -> None:
    assert says in said[session]
    assert f"{END} {int(pytest.ExitCode.USAGE_ERROR)}" in said[session]


def test_without_a_run_or_a_model_it_says_what_to_give(said: list[str]) -> None:
    """Once, and not a time for each rule."""
    assert said[4].count("give --robustness-run RUN, or --robustness-model CARD") <= 1
    assert f"{END} {int(pytest.ExitCode.USAGE_ERROR)}" in said[4]
    assert "ERROR: give --robustness-run RUN, or --robustness-model CARD" in said[4]


def test_a_run_that_is_none_is_told_once(said: list[str]) -> None:
    assert said[6].count("nowhere is not a run folder") <= 1
    assert "ERROR: nowhere is not a run folder" in said[6]
    assert f"{END} {int(pytest.ExitCode.USAGE_ERROR)}" in said[6]


def test_a_model_is_run_once_and_judged(said: list[str]) -> None:
    assert "2 passed" in said[5]
    assert f"{END} 0 True" in said[5]


def test_pip_registers_the_plugin(root: Path) -> None:
    """Its name is the module's, so that `-p` and the entry point are one plugin."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["entry-points"]["pytest11"] == {PLUGIN: PLUGIN}
