"""What one always gives stands in a file of the folder; the command line comes before it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from robustness.cli.main import app, run
from robustness.cli.settings import found, with_settings
from robustness.errors import UsageError
from tests.cards import write_card, write_recordings
from tests.gates.planted import Answers, Planted, right

TEXT = """
model = ["models/a.toml"]
recordings = "clips"
threads = 2
input = ["noises=noises"]
[gate]
rules = "gates.toml"
trim = "never"
[segment]
page = false
[report]
skip-bad = true
"""


@pytest.fixture(scope="module")
def commands() -> dict[str, Any]:
    found: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    return found


def given(commands: dict[str, Any], folder: Path, *arguments: str) -> list[str]:
    return with_settings(arguments, commands, folder)[0]


@pytest.mark.parametrize("name", ["robustness.toml", "pyproject.toml"])
def test_options_of_the_folder_come_first(name: str, tmp_path: Path, commands: dict[str, Any]) -> None:
    text = TEXT if name == "robustness.toml" else "[tool.other]\n[tool.robustness]\n" + TEXT.replace("\n[", "\n[tool.robustness.")
    (tmp_path / name).write_text(text)
    both = ["--model", "models/a.toml", "--recordings", "clips", "--threads", "2", "--input", "noises=noises"]
    assert given(commands, tmp_path, "gate", "--seed", "3") == ["gate", *both, "--rules", "gates.toml", "--trim", "never", "--seed", "3"]
    assert given(commands, tmp_path, "report", "--model", "b.toml", "--threads=1") == [
        *["report", "--recordings", "clips", "--input", "noises=noises", "--skip-bad", "--model", "b.toml", "--threads=1"]
    ]
    assert given(commands, tmp_path, "gate", "--from", "run") == ["gate", "--rules", "gates.toml", "--from", "run"]
    assert given(commands, tmp_path, "segment", "take.wav") == ["segment", "--no-page", "take.wav"]
    assert given(commands, tmp_path, "frontend", "list") == ["frontend", "list"]
    said = with_settings(["list"], commands, tmp_path)
    assert said == (["list"], "")
    assert with_settings(["segment"], commands, tmp_path)[1].startswith("page as in ")


def test_paths_are_relative_to_the_file(tmp_path: Path, commands: dict[str, Any]) -> None:
    (tmp_path / "robustness.toml").write_text('model = "a.toml"\nnoises = "/tmp/noises"\ninput = "talkers=talk"\n')
    below = tmp_path / "deep" / "er"
    below.mkdir(parents=True)
    assert given(commands, below, "report") == [
        "report",
        "--model",
        "../../a.toml",
        "--noises",
        "/tmp/noises",
        "--input",
        "talkers=../../talk",
    ]


def test_the_nearest_file_counts_and_the_repository_s_root_is_the_last(tmp_path: Path) -> None:
    inside = tmp_path / "repository" / "inside"
    inside.mkdir(parents=True)
    (tmp_path / "robustness.toml").write_text("seed = 1\n")
    (tmp_path / "repository" / "pyproject.toml").write_text("[project]\n")
    assert found(inside) is not None
    (tmp_path / "repository" / ".git").mkdir()
    assert found(inside) is None
    (inside / "robustness.toml").write_text("seed = 2\n")
    nearest = found(inside)
    assert nearest is not None
    assert nearest.values == {"seed": 2}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("modle = 1", "robustness.toml: `modle` is no option; did you mean model"),
        ("[gate]\nrule = 1", "`rule` is no option of gate; did you mean rules"),
        ("[gat]\nrules = 1", "`gat` is no option; did you mean gate"),
        ("from = 'run'", "`from` is no option"),
        ("skip-bad = 1", "`skip-bad` is 1; expected true or false"),
        ("seed = [1, 2]", r"`seed` is \[1, 2\]; expected one value"),
        ("seed = ", "settings in robustness.toml cannot be read"),
    ],
)
def test_mistakes_in_the_file(text: str, says: str, tmp_path: Path, commands: dict[str, Any]) -> None:
    (tmp_path / "robustness.toml").write_text(text)
    with pytest.raises(UsageError, match=says):
        given(commands, tmp_path, "gate")


def test_a_run_is_made_by_settings_and_says_how_to_repeat_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_card(tmp_path / "model")
    write_recordings(tmp_path / "clips", 2)
    text = 'model = "model/small.toml"\nrecordings = "clips"\nvariant = "float32"\nout = "run"\nthreads = 1\n'
    card = next((tmp_path / "model").glob("*.toml"))
    (tmp_path / "robustness.toml").write_text(text.replace("small.toml", card.name))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["robustness", "report", "--perturbation", "sample-shift"])
    assert run() == 0
    assert "note: model, recordings, variant, out, threads as in robustness.toml" in capsys.readouterr().err
    repeat = json.loads((tmp_path / "run" / "manifest.json").read_text())["repeat"]
    assert (
        repeat
        == f"robustness report --model model/{card.name} --recordings clips --variant float32 --threads 1 --perturbation sample-shift"
    )


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    seen: list[str] = []

    def show(address: str) -> bool:
        """The second time there is no browser."""
        seen.append(address)
        return len(seen) < 2

    monkeypatch.setattr("webbrowser.open", show)
    return seen


def test_open_opens_a_run_s_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], opened: list[str]
) -> None:
    stored = Planted([Answers(right(15, 20))]).write(tmp_path / "a run").path

    def opens(path: Path) -> int:
        monkeypatch.setattr(sys, "argv", ["robustness", "open", str(path)])
        return run()

    assert opens(stored) == 2
    assert f"draw it by `robustness report --from {stored}`" in capsys.readouterr().err
    (stored / "index.html").write_text("")
    assert opens(stored) == 0
    assert opens(stored / "index.html") == 0
    assert opened == [(stored / "index.html").as_uri()] * 2
    assert "no browser here" in capsys.readouterr().err
    assert opens(tmp_path) == 2


def test_a_notebook_shows_the_first_screen(root: Path) -> None:
    from robustness.run.folder import Run

    shown = Run.open(root / "reports" / "example")._repr_html_()
    assert shown.startswith("<iframe sandbox srcdoc=")
    assert "PROBLEM FOUND" in shown
    assert "<script" not in shown.replace("&lt;", "<")
