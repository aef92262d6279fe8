"""Does `robustness audit` write a run that says it all, the same again but for the times, and does the gate get its SQNR?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from robustness.errors import DONE, USER_ERROR, UsageError
from robustness.jobs.assess import assess
from robustness.jobs.audit import audit
from robustness.jobs.request import Explaining, Request
from robustness.report.view import View
from robustness.run.folder import Run
from robustness.sweep.plan import Settings
from tests.cards import write_card, write_recordings
from tests.commands import run_here

FEW = Settings(perturbations=("padding-placement",))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("audited")
    write_card(folder / "model")
    write_recordings(folder / "words", 4)
    return folder


def shell(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The command as a shell runs it."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "NO_COLOR": "1", "COLUMNS": "200"}
    command = [sys.executable, "-m", "robustness", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


@pytest.fixture(scope="module")
def done(place: Path) -> subprocess.CompletedProcess[str]:
    return shell("audit", "--model", place / "model" / "small.toml", "--recordings", place / "words", "--out", place / "run")


@pytest.fixture(scope="module")
def run(place: Path, done: subprocess.CompletedProcess[str]) -> Run:
    assert done.returncode == DONE, done.stderr
    return Run.open(place / "run")


def audit_in(run: Run) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((run.evidence / "audit.json").read_text(encoding="utf-8"))
    return content


def test_it_says_in_sentences_what_it_found_and_where_the_page_is(done: subprocess.CompletedProcess[str], run: Run) -> None:
    opening, first, *_, last = done.stdout.splitlines()
    assert opening.startswith("INT8 ")
    assert ": dynamic-int8 is a third of the size" in opening
    assert first.replace("\u00a0", " ").startswith("2 of 4 layers, 93 % of the parameters and 0.6 % of the multiplications run in int8; ")
    assert "conv1 (Conv2d) and conv2 (Conv2d) stay in float, with 99.4 % of the multiplications." in first.replace("\u00a0", " ")
    assert last == str(run.path / "index.html")
    assert first.split(";")[0] in (run.path / "index.html").read_text(encoding="utf-8")


def test_the_run_is_one_like_any_other(run: Run) -> None:
    assert run.manifest["purpose"] == "audit"
    assert [variant.name for variant in View(run).variants] == ["float32", "dynamic-int8"]
    assert set(run.trials()["perturbation"]) == {"none", "padding-placement"}
    (found,) = audit_in(run)["variants"]
    assert {one["kind"] for one in found["experiments"]} == {"alone", "left", "weights", "activations", "both"}
    times = json.loads((run.path / "latency.json").read_text(encoding="utf-8"))["measured"]
    assert [row["clips"] for row in times] == [1, 32]
    assert all(row["low"] <= row["ratio"] <= row["high"] for row in times)


def test_a_report_has_the_layers_too_and_the_same_bytes(run: Run, place: Path) -> None:
    """The report's own audit: layers and answers without experiments and times; the audit's layers are the same."""
    request = Request((place / "model" / "small.toml",), (place / "words",), settings=FEW, explaining=Explaining(cards=1))
    made = assess(request, place / "report")
    (brief,), (whole,) = audit_in(made)["variants"], audit_in(run)["variants"]
    assert brief == {**whole, "experiments": []}
    assert not (made.path / "latency.json").exists()
    page = (made.path / "index.html").read_text(encoding="utf-8")
    assert "Layer by layer" in page
    assert 'id="latency"' not in page


def test_only_float_is_nothing_to_audit(place: Path, tmp_path: Path) -> None:
    request = Request((place / "model" / "small.toml",), (place / "words",), variants=("float32",))
    with pytest.raises(UsageError, match=r"nothing to audit.*--variant"):
        audit(request, tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["audit"], "an audit needs --model CARD and --recordings DIR"),
        (["audit", "--model", "CARD", "--recordings", "WORDS", "--variant", "int9"], "there is no variant 'int9'"),
    ],
)
def test_a_mistake_is_a_sentence(arguments: list[str], words: str, place: Path, tmp_path: Path) -> None:
    given = {"CARD": str(place / "model" / "small.toml"), "WORDS": str(place / "words")}
    done = run_here(*(given.get(part, part) for part in arguments), "--out", tmp_path / "run")
    assert (done.returncode, done.stdout) == (USER_ERROR, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_gate_measures_what_its_rule_on_layers_needs(place: Path, tmp_path: Path) -> None:
    rules = tmp_path / "gates.toml"
    rules.write_text('[rule.layers]\nmetric = "layer_sqnr_db"\nvariant = "dynamic-int8"\nmin = 20\n', encoding="utf-8")
    command: list[str | Path] = ["gate", "--rules", rules, "--model", place / "model" / "small.toml", "--recordings", place / "words"]
    done = run_here(*command, "--out", tmp_path / "run", "-v")
    assert done.returncode == DONE, done.stdout + done.stderr
    assert "the worst layer is" in done.stdout


@pytest.mark.slow
def test_the_tutorials_checkpoint_is_audited_as_it_is(shared: Path, root: Path, tmp_path: Path) -> None:
    tutorial = shared / "tutorial"
    request = Request((root / "models" / "tutorial.toml",), (tutorial / "recordings",), weights=tutorial / "speech_commands_model.pt")
    made = audit(request, tmp_path / "run")
    bytes_of = {variant["name"]: variant["about"]["bytes"] for variant in made.manifest["models"][0]["variants"]}
    assert bytes_of["float32"] / 1e6 == pytest.approx(0.864, rel=0.02)
    assert bytes_of["dynamic-int8"] / 1e6 == pytest.approx(0.271, rel=0.02)
    (found,) = audit_in(made)["variants"]
    runs_in = {(layer["name"], layer["kind"]): layer["quantized"] for layer in found["layers"]}
    assert runs_in == {("conv1", "Conv2d"): False, ("conv2", "Conv2d"): False, ("fc1", "Linear"): True, ("fc2", "Linear"): True}
    page = (made.path / "index.html").read_text(encoding="utf-8").replace("\u00a0", " ")
    assert "2 of 4 layers, 93 % of the parameters and 0.6 % of the multiplications run in int8; no recording&#39;s answer changes" in page
    assert "conv1 (Conv2d) and conv2 (Conv2d) stay in float" in page
