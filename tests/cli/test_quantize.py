"""`robustness quantize` as a user has it: a folder of words and a card become another card, which every command takes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import soundfile

from robustness.cli.main import run
from robustness.errors import DONE, USER_ERROR
from tests.builders import LABELS, RATE_HZ, recording
from tests.cards import write_card, write_recordings


def command(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["robustness", *map(str, arguments)])
    return run()


@pytest.fixture
def others(tmp_path: Path) -> Path:
    """Words that are not tested, one of each label but `go`."""
    folder = tmp_path / "others"
    for seed, word in enumerate(LABELS):
        if word != "go":
            (folder / word).mkdir(parents=True)
            soundfile.write(folder / word / "0.wav", recording("", 520, seed=60 + seed).samples.numpy(), RATE_HZ)
    return folder


def test_a_model_is_quantized_checked_and_run_beside_its_float_version(
    tmp_path: Path, others: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    card, out = write_card(tmp_path / "model"), tmp_path / "kept" / "small-static-int8"
    assert command(monkeypatch, "quantize", card, "--scheme", "static-int8", "--calibration", others, "--out", out) == DONE
    told = capsys.readouterr()
    assert "int8: conv1 conv2 fc1 fc2, 100.0% of the parameters" in told.out
    assert "ranges from 10 recordings of others" in told.out
    assert "hold none of go" in told.err
    kept = f"{out}.toml"
    assert command(monkeypatch, "check", kept) == DONE
    told = capsys.readouterr()
    assert "static-int8" in told.out
    assert "must be exactly 0" in told.out
    assert "float32" not in told.out
    words, place = write_recordings(tmp_path / "words", 2), tmp_path / "run"
    given = ("--model", card, "--model", kept, "--recordings", words, "--out", place, "--perturbation", "sample-shift", "--cards", "1")
    assert command(monkeypatch, "report", *given) == DONE
    manifest = json.loads((place / "manifest.json").read_text(encoding="utf-8"))
    (model,) = manifest["models"]
    assert [variant["name"] for variant in model["variants"]] == ["float32", "dynamic-int8", "static-int8"]
    learned = model["variants"][2]["about"]["calibration"]
    assert (learned["source"], learned["clips"], len(learned["recordings"])) == ("others", 10, 10)
    page = (place / "index.html").read_text(encoding="utf-8")
    assert "ranges from 10 recordings of others" in page
    assert "hold none of go" in page
    assert str(tmp_path) not in page


def test_a_run_makes_the_variant_by_itself(tmp_path: Path, others: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words, place = write_recordings(tmp_path / "words", 2), tmp_path / "run"
    rules = tmp_path / "rules.toml"
    rule = '[rule.int8]\nmetric = "accuracy_drop"\nvariant = "static-int8"\nagainst = "float32"\nmax = 1.0\n'
    rules.write_text(rule, encoding="utf-8")
    given = ("--model", write_card(tmp_path / "model"), "--recordings", words, "--rules", rules, "--out", place)
    assert command(monkeypatch, "gate", *given, "--calibration", others) == DONE
    manifest = json.loads((place / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["plan"]["calibration"] == "others"
    assert manifest["models"][0]["variants"][1]["about"]["calibration"]["labels"] == {word: 1 for word in sorted(LABELS) if word != "go"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--scheme", "static-int8"), "--calibration DIR"),
        (("--scheme", "static-int8", "--calibration", "absent"), "absent does not exist"),
        (("--scheme", "static-int9"), "did you mean static-int8"),
        (("--scheme", "float32"), "give a --scheme that quantizes"),
        (("--scheme", "dynamic-int8", "--engine", "onednn"), "has no engine to choose"),
        (("--scheme", "static-int8", "--calibration", "words", "--engine", "hexagon"), "no int8 engine 'hexagon'; it has"),
        (("--scheme", "dynamic-int8", "--only", "fc9"), "no layer fc9 to quantize; it has conv1"),
        (("--scheme", "dynamic-int8", "--out", "small.toml"), "without a suffix"),
    ],
)
def test_a_mistake_is_answered_by_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    card = write_card(tmp_path / "model")
    write_recordings(tmp_path / "words", 2)
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert command(monkeypatch, "quantize", card, "--out", "kept", *arguments) == USER_ERROR
    told = capsys.readouterr()
    assert words in told.err.replace("\n", " ")
    assert "Traceback" not in told.err
    assert sorted(tmp_path.rglob("*")) == before


def test_recordings_that_a_variant_learned_from_are_not_tested(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    card, words = write_card(tmp_path / "model"), write_recordings(tmp_path / "words", 2)
    given = ("--model", card, "--recordings", words, "--variant", "static-int8", "--out", tmp_path / "run")
    assert command(monkeypatch, "report", *given, "--calibration", words) == USER_ERROR
    assert "calibrate with others, or test on others" in capsys.readouterr().err
    assert command(monkeypatch, "report", *given) == USER_ERROR
    assert "--calibration DIR" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
