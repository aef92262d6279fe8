"""Is what the project says of itself true? Its examples run, its table is the registry's, its wheel is whole, its pins fit its ranges."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
import soundfile
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from robustness.cli.main import APART
from robustness.errors import BUG, CANNOT_JUDGE, DONE, INTERRUPTED, PIPE_CLOSED, RULE_FAILED, USER_ERROR
from robustness.jobs.catalogue import markdown_table, table
from robustness.run.folder import TRIALS
from tests.commands import Said


@pytest.fixture(scope="session")
def project(root: Path) -> dict[str, Any]:
    content: dict[str, Any] = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return content


@pytest.fixture(scope="session")
def pins(root: Path) -> dict[str, str]:
    lines = (root / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return {canonicalize_name(line.partition("==")[0]): line.partition("==")[2] for line in lines if line and not line.startswith("#")}


def blocks(root: Path, name: str, language: str) -> list[str]:
    """The code blocks of a document in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", (root / name).read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def test_the_table_of_all_perturbations_is_the_registrys(root: Path) -> None:
    document = (root / "docs" / "perturbations.md").read_text(encoding="utf-8")
    shown = document.partition("<!-- robustness list perturbations --markdown -->\n")[2].partition("\n<!-- end of the list -->")[0]
    assert shown == markdown_table(table("perturbations")), "`make readme` writes it"


def test_the_readme_names_every_command_and_exit_status(root: Path) -> None:
    readme = (root / "README.md").read_text(encoding="utf-8")
    commands = {path.stem for path in (root / "robustness" / "cli").glob("*.py")} - {"__init__", *APART}
    assert set(re.findall(r"^\| `robustness (\w+)` \|", readme, flags=re.MULTILINE)) == commands
    statuses = {int(status) for status in re.findall(r"^\| (\d+) \|", readme, flags=re.MULTILINE)}
    assert statuses == {DONE, RULE_FAILED, USER_ERROR, CANNOT_JUDGE, BUG, INTERRUPTED, PIPE_CLOSED}


def test_the_readme_is_short_and_the_commands_page_has_the_same_commands(root: Path) -> None:
    readme, page = ((root / name).read_text(encoding="utf-8") for name in ("README.md", "docs/commands.md"))
    assert len(readme.splitlines()) <= 150
    rows = r"^\| (`robustness \w+`|\d+) \|"
    assert set(re.findall(rows, readme, flags=re.MULTILINE)) == set(re.findall(rows, page, flags=re.MULTILINE))


def test_the_documents_have_the_columns_of_trials(root: Path) -> None:
    line = next(line for line in (root / "docs" / "run.md").read_text(encoding="utf-8").splitlines() if line.startswith("| `trials/"))
    assert re.findall(r"`(\w+)`", line.partition("`trials/part-*.parquet`")[2]) == TRIALS.names


def test_documents_link_to_files_that_exist(root: Path) -> None:
    for document in [*root.glob("*.md"), *root.glob("docs/*.md")]:
        links = re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8"))
        assert [link for link in links if "://" not in link and not (document.parent / link).exists()] == [], document.name


def test_every_page_of_the_documents_is_in_the_site_and_every_option_of_a_rule_in_it_reads(root: Path, tmp_path: Path) -> None:
    from robustness.gates.rules import read_rules

    site = yaml.safe_load((root / "mkdocs.yml").read_text(encoding="utf-8"))
    assert site["strict"] is True
    named = [name for entry in site["nav"] for name in (next(iter(entry.values())) if isinstance(entry, dict) else [entry])]
    assert sorted(named) == sorted(path.name for path in root.glob("docs/*.md"))
    rules = tmp_path / "gates.toml"
    rules.write_text(blocks(root, "docs/gate.md", "toml")[0], encoding="utf-8")
    assert set(read_rules(rules).rule) == {"placement", "int8"}


@pytest.mark.skipif(importlib.util.find_spec("mkdocs") is None, reason="needs the extra docs")
def test_the_site_is_built_without_a_warning(root: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, env=environment(), check=False)
    assert done.returncode == 0, done.stderr
    pages = {path.stem for path in (tmp_path / "site").glob("*.html")} - {"404"}
    assert pages == {path.stem for path in root.glob("docs/*.md")}
    said = "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "site").glob("*.html"))
    assert not re.search(r"<(?:script|link|img)[^>]*(?:src|href)=.https?://", said), "a reader's browser fetches nothing"


def test_the_card_of_the_documents_loads(root: Path, tmp_path: Path) -> None:
    from robustness.models.card import read_card

    card = tmp_path / "doorbell.toml"
    card.write_text(blocks(root, "docs/own-model.md", "toml")[0].replace('sha256 = "…"', f'sha256 = "{"0" * 64}"'), encoding="utf-8")
    assert read_card(card).name == "doorbell"


def test_the_python_of_the_documents_runs(root: Path, tmp_path: Path) -> None:
    (tmp_path / "models").symlink_to(root / "models")
    for folder in ("recordings/joe", "reports"):
        (tmp_path / folder).mkdir(parents=True)
    for word in ("one", "two", "five"):  # of twenty, which would take six times as long
        shutil.copy(root / "recordings" / "joe" / f"synthetic_joe_piper_clean_{word}_1.wav", tmp_path / "recordings" / "joe")
    (code,) = blocks(root, "docs/python.md", "python")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=environment(), check=False)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^float32 +center +[01]\.\d+$", done.stdout, flags=re.MULTILINE), done.stdout
    assert (tmp_path / "reports" / "placements" / "index.html").exists()


def environment() -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": "1", "CI": "false"}


@pytest.mark.slow
def test_the_example_of_contributing_holds(root: Path, tmp_path: Path) -> None:
    for name in ("robustness", "tests"):
        shutil.copytree(root / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "pyproject.toml", tmp_path)
    plugin, test = blocks(root, "CONTRIBUTING.md", "python")
    files = [Path("robustness/perturbations/measured_room.py"), Path("tests/perturbations/test_measured_room.py")]
    for file, code in zip(files, (plugin, test), strict=True):
        (tmp_path / file).write_text(code, encoding="utf-8")

    def succeeds(*command: str) -> str:
        done = subprocess.run([sys.executable, *command], capture_output=True, text=True, cwd=tmp_path, env=environment(), check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    names = [str(file) for file in files]
    succeeds("-m", "ruff", "check", *names)
    succeeds("-m", "ruff", "format", "--check", *names)
    said = succeeds("-m", "pytest", "-v", names[1], "tests/test_registries.py", "-k", "measured_room or measured-room or listed")
    assert all(re.search(rf"^{name}::.* PASSED", said, flags=re.MULTILINE) for name in (names[1], "tests/test_registries.py")), said
    given = ("--model", str(root / "models" / "digits.toml"), "--recordings", str(root / "recordings" / "joe"), "--variant", "float32")
    dry = ("report", *given, "--perturbation", "measured-room", "--dry-run")
    soundfile.write(tmp_path / "hall.wav", [0.9, *([0.0] * 100), *([0.1, -0.05] * 100)], 16_000)
    code = "import json; from tests.commands import run_here; print(json.dumps([run_here(*one) for one in {}]))"
    commands = [("list", "perturbations"), dry, (*dry, "--input", f"responses={tmp_path}")]
    listed, refused, planned = (Said(*one) for one in json.loads(succeeds("-c", code.format(commands))))
    assert (listed.returncode, refused.returncode, planned.returncode) == (DONE, USER_ERROR, DONE), planned.stderr
    assert "direct-to-reverberant ratio" in listed.stdout
    assert "measured-room cannot be run: no responses were given: give their folder by --input responses=DIR" in refused.stderr
    assert "7 conditions: measured-room" in planned.stdout  # clean, neutral, and five levels


def test_every_requirement_is_pinned_within_its_range(project: dict[str, Any], pins: dict[str, str]) -> None:
    extras = project["optional-dependencies"]
    for text in [*project["dependencies"], *extras["dev"], *extras["docs"], *extras["recordings"], *extras["bench"], *extras["onnx"]]:
        requirement = Requirement(text)
        assert pins[canonicalize_name(requirement.name)] in requirement.specifier, text


def test_pins_name_versions_and_no_place(pins: dict[str, str]) -> None:
    assert pins["torch"]
    assert all(re.fullmatch(r"[0-9][0-9a-z.]*", version) for version in pins.values())


def test_the_licence_is_the_one_declared(root: Path, project: dict[str, Any]) -> None:
    assert (root / "LICENSE").read_text(encoding="utf-8").startswith(f"{project['license']} License")
    assert project["authors"][0]["name"] in (root / "LICENSE").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_wheel_holds_every_file_of_the_package(root: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(root / "robustness", source / "robustness", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(root / name, source)
    wanted = {str(path.relative_to(source)) for path in (source / "robustness").rglob("*") if path.is_file()}
    command = ["pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path), str(source)]
    subprocess.run([sys.executable, "-m", *command], capture_output=True, check=True)
    (wheel,) = tmp_path.glob("speech_robustness-*.whl")
    assert wanted - set(zipfile.ZipFile(wheel).namelist()) == set()


def test_make_help_names_every_target(root: Path) -> None:
    targets = re.search(r"^\.PHONY: (.*)$", (root / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert targets is not None
    done = subprocess.run(["make", "--no-print-directory", "help"], capture_output=True, text=True, cwd=root, check=True)
    assert {line.split()[0] for line in done.stdout.splitlines()} == set(targets[1].split())
