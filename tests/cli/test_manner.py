"""How commands speak: --json, -q, -v, colours, progress without a terminal; and how their options are spread."""

from __future__ import annotations

import importlib
import inspect
import io
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, NamedTuple

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from robustness.cli.grouping import spread
from robustness.cli.main import APART, run
from robustness.cli.printing import Manner, Styled, answer, coloured, detail, more, note, plain, say, speaking, warn
from robustness.cli.progress import StageLines, duration, progress_shown
from tests.cards import write_card, write_recordings
from tests.gates.planted import Answers, Planted, right

Ran = tuple[int, str, str]


@pytest.fixture
def robustness(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    def call(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["robustness", *map(str, arguments)])
        status = run()
        return status, *capsys.readouterr()

    return call


def strict(text: str) -> object:
    def refuse(word: str) -> float:
        raise ValueError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stored")
    Planted([Answers(right(15, 20))]).write(folder / "a")
    Planted([Answers(right(18, 20))]).write(folder / "b")
    (folder / "gates.toml").write_text('[rule.strict]\nmetric = "accuracy"\nmin = 0.9\n')
    return folder


def test_json_is_the_whole_of_stdout(stored: Path, robustness: Callable[..., Ran], tmp_path: Path) -> None:
    card, words = write_card(tmp_path / "model"), write_recordings(tmp_path / "words")
    rules = ("--rules", stored / "gates.toml")
    commands: dict[tuple[object, ...], int] = {
        ("gate", *rules, "--from", stored / "a"): 1,
        ("gate", *rules, "--explain-rules"): 0,
        ("gate", *rules, "--from", tmp_path): 2,
        ("gate", *rules, "--model", card, "--recordings", words, "--dry-run"): 0,
        ("compare", stored / "a", stored / "b", *rules, "--out", tmp_path / "c.html"): 0,
        ("check", card, "--recordings", words): 0,
        ("check", tmp_path / "none.toml"): 2,
        ("list", "variants"): 0,
        ("list",): 0,
    }
    for command, expected in commands.items():
        status, out, err = robustness(*command, "--json")
        found = strict(out)
        assert isinstance(found, dict)
        assert status == expected, err
        if command[0] != "list":
            assert found["status"] == expected
            assert ("error" in found) == (expected == 2)
            assert err != ""  # what is said in words


def test_what_json_says_is_what_was_found(stored: Path, robustness: Callable[..., Ran], tmp_path: Path) -> None:
    (verdict,) = json.loads(robustness("gate", "--rules", stored / "gates.toml", "--from", stored / "a", "--json")[1])["verdicts"]
    assert (verdict["name"], verdict["outcome"], verdict["worst"]["observed"]) == ("strict", "fail", 0.75)
    found = json.loads(robustness("compare", stored / "a", stored / "b", "--json", "--out", tmp_path / "c.html")[1])
    assert (found["changes"][0]["before"], found["changes"][0]["after"]) == (0.75, 0.9)
    names = [row["name"] for row in json.loads(robustness("list", "variants", "--json")[1])["variants"]]
    assert "dynamic-int8" in names


@dataclass(frozen=True)
class Fact:
    path: Path
    numbers: tuple[float, ...]


class Pair(NamedTuple):
    first: Fact
    second: object


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (math.nan, None),
        (-math.inf, None),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (True, True),
        (Pair(Fact(Path("a"), (1.0, math.nan)), {"x": {2}}), {"first": {"path": "a", "numbers": [1.0, None]}, "second": {"x": [2]}}),
        (int, "<class 'int'>"),
    ],
)
def test_plain_values(value: object, expected: object) -> None:
    assert plain(value) == expected


@pytest.mark.parametrize(
    ("manner", "out", "err"),
    [
        (Manner(), "result\ndetail\n", "note: n\nw\n"),
        (Manner(quiet=True), "result\n", "w\n"),
        (Manner(verbose=True), "result\ndetail\n", "note: n\nm\nw\n"),
        (Manner(as_json=True), "[\n 1\n]\n", "result\ndetail\nnote: n\nw\n"),
    ],
)
def test_who_hears_which_line(manner: Manner, out: str, err: str, capsys: pytest.CaptureFixture[str]) -> None:
    with speaking(manner):
        say("result")
        detail("detail")
        note("n")
        more("m")
        warn("w")
        assert answer([1]) == manner.as_json
    assert capsys.readouterr() == (out, err)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environment", "expected"),
    [
        (io.StringIO(), {}, False),
        (Terminal(), {}, True),
        (Terminal(), {"TERM": "dumb"}, False),
        (Terminal(), {"NO_COLOR": "1"}, False),
        (Terminal(), {"NO_COLOR": ""}, True),
        (io.StringIO(), {"FORCE_COLOR": "1"}, True),
        (io.StringIO(), {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_colours_are_for_a_terminal(
    stream: io.StringIO, environment: dict[str, str], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert coloured(stream) is expected
    monkeypatch.setattr(sys, "stdout", stream)
    say(Styled("F\x1bAIL", "red"), " rest")
    assert stream.getvalue() == ("\x1b[31mF\\x1bAIL\x1b[0m rest\n" if expected else "F\\x1bAIL rest\n")


def test_a_stage_is_a_line_and_a_long_one_says_how_long() -> None:
    said: list[str] = []
    times = iter([0.0, 0.0, 2.0, 2.0, 2.0, 4.0, 8.0, 9.0, 37.0, 42.0, 42.0])
    lines = StageLines(said.append, clock=lambda: next(times))
    lines("read: model", 0, 1)
    lines("sweep: float32", 100, 400)  # resumed: a hundred were there
    for done in (130, 160, 200, 300, 400):
        lines("sweep: int8", done, 400)
    lines.finish()
    assert said == [
        "read: 2.0 s",
        "sweep: 40 % after 6.0 s, about 24 s left",
        "sweep: 300 in 40 s",
    ]


def test_a_log_with_colours_gets_lines_and_no_bar(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    with progress_shown() as progress:
        progress("sweep: float32", 3, 3)
    assert capsys.readouterr().err == "sweep: 0.0 s\n"


@pytest.mark.parametrize(("seconds", "words"), [(0.04, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (119.4, "119 s"), (125, "2 min 5 s")])
def test_a_time_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@dataclass(frozen=True)
class Group:
    panel: ClassVar[str] = "A panel [of its own]"
    names: Annotated[list[str] | None, typer.Option("--name", help="Names [x].")] = None
    count: Annotated[int, typer.Option(min=1)] = 2


def test_a_record_of_options_is_spread_and_put_together() -> None:
    seen: list[tuple[str, Group, bool]] = []

    def command(word: Annotated[str, typer.Argument()], group: Group, last: Annotated[bool, typer.Option("--last")] = False) -> None:
        """Does [it]."""
        seen.append((word, group, last))

    app = typer.Typer(rich_markup_mode="rich")
    app.command()(spread(command))
    assert CliRunner().invoke(app, ["w", "--name", "a", "--name", "b", "--last"]).exit_code == 0
    assert CliRunner().invoke(app, ["--count", "3", "w"]).exit_code == 0
    assert seen == [("w", Group(["a", "b"], 2), True), ("w", Group(None, 3), False)]
    text = CliRunner().invoke(app, ["--help"]).output
    assert "Does [it]." in text
    assert "Names [x]." in text
    assert "A panel [of its own]" in text


def test_no_command_has_more_than_eight_parameters(root: Path) -> None:
    names = {path.stem for path in (root / "robustness" / "cli").glob("*.py")} - {*APART, "__init__", "frontend"}
    counts = {name: len(inspect.signature(getattr(importlib.import_module(f"robustness.cli.{name}"), name)).parameters) for name in names}
    assert {name: count for name, count in counts.items() if count > 8} == {}


@pytest.mark.parametrize("command", ["", "report", "frontend fit"])
def test_h_is_help(command: str, robustness: Callable[..., Ran]) -> None:
    status, out, _ = robustness(*command.split(), "-h")
    assert (status, out) == (0, robustness(*command.split(), "--help")[1])
    assert "Usage" in out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes(shell: str) -> None:
    done = complete(f"complete_{shell}", "robustness li", 1)
    assert "list" in done
    assert "gate" not in done
    assert "standard" in complete(f"complete_{shell}", "robustness list --preset st", 3)


def complete(instruction: str, words: str, index: int) -> str:
    asked = {"_ROBUSTNESS_COMPLETE": instruction, "COMP_WORDS": words, "COMP_CWORD": str(index)}
    asked |= {"_TYPER_COMPLETE_ARGS": words, "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    code = "import sys; sys.argv = ['robustness']; from robustness.cli.main import main; main()"
    return subprocess.run([sys.executable, "-c", code], env={**os.environ, **asked}, capture_output=True, text=True, check=False).stdout


def test_a_reader_who_leaves_is_no_bug() -> None:
    piped = f'"{sys.executable}" -m robustness list | head -1; exit ${{PIPESTATUS[0]}}'
    done = subprocess.run(["bash", "-c", piped], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (141, "")
