"""Is a device's dump compared stage by stage, and what departs named with its reason?"""

from __future__ import annotations

import csv
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from robustness.cli.main import run
from robustness.errors import DONE, RULE_FAILED, USER_ERROR, UsageError
from robustness.frontends.log_mel import LogMel
from robustness.models.card import load_classifier
from robustness.models.classifier import Classifier
from robustness.parity.computed import Computed, computed
from robustness.parity.decisions import decisions_of
from robustness.parity.dump import Dump
from robustness.parity.dumps import read_dump
from robustness.parity.stages import in_order, stages_of
from tests.checks.faulty import shipped
from tests.conftest import ROOT

CARD = ROOT / "models" / "digits.toml"
JOE = ROOT / "recordings" / "joe"
CLIPS = 6


@pytest.fixture(scope="module")
def model() -> Classifier:
    return load_classifier(CARD)


@pytest.fixture(scope="module")
def ours(model: Classifier) -> Computed:
    return computed(model, shipped("joe")[:CLIPS])


def other(model: Classifier, **settings: object) -> Computed:
    """What a device gives whose front-end has other settings."""
    assert isinstance(model.frontend, LogMel)
    made = replace(model, frontend=replace(model.frontend, **settings))  # type: ignore[arg-type]
    return computed(made, shipped("joe")[:CLIPS])


def test_what_agrees_agrees_in_all_stages(model: Classifier, ours: Computed) -> None:
    stages = stages_of(model, Dump(ours.ids, ours.outputs, ours.features.transpose(0, 2, 1), ours.samples), ours)
    assert [(one.name, one.agrees, one.largest) for one in stages] == [("samples", True, 0), ("features", True, 0), ("outputs", True, 0)]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda samples: samples * 0.5, "multiplied by 2 they agree better"),
        (lambda samples: np.roll(samples, 3, axis=1), "3 samples later they agree better"),
        (lambda samples: (samples * 32768).round().astype("<i2").byteswap().astype(float), "byte order"),
    ],
)
def test_samples_that_depart_are_explained(model: Classifier, ours: Computed, change: object, words: str) -> None:
    stages = stages_of(model, Dump(None, ours.outputs, None, change(ours.samples)), ours)  # type: ignore[operator]
    assert [one.agrees for one in stages] == [False, True]
    assert words in stages[0].says


def test_features_of_another_mel_scale_are_named(model: Classifier, ours: Computed) -> None:
    device = other(model, mel_scale="slaney")
    first = next(one for one in stages_of(model, Dump(ours.ids, device.outputs, device.features, ours.samples), ours) if not one.agrees)
    assert first.name == "features"
    assert 'with mel_scale = "slaney" in [frontend] ours would agree' in first.says


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"samples": "int16"}, 'samples = "int16"'), ({"log": "ln"}, 'log = "ln"'), ({"window": "hamming"}, 'window = "hamming"')],
)
def test_outputs_alone_tell_the_front_end(model: Classifier, ours: Computed, settings: dict[str, object], words: str) -> None:
    (stage,) = stages_of(model, Dump(None, other(model, **settings).outputs), ours)
    assert not stage.agrees
    assert words in stage.says


def test_a_hop_that_is_one_off_is_named(model: Classifier, ours: Computed) -> None:
    device = replace(model, frontend=replace(model.frontend, hop_samples=161))  # type: ignore[type-var]
    features = device.features(torch.from_numpy(ours.samples).float())
    padded = torch.nn.functional.pad(features, (0, ours.features.shape[2] - features.shape[3], 0, 0), mode="replicate")
    (stage,) = stages_of(model, Dump(None, model.outputs(padded).detach().double().numpy()), ours)
    assert "hop_samples = 161" in stage.says


def test_decisions_are_counted_anew(model: Classifier, ours: Computed) -> None:
    device = ours.outputs.copy()
    device[0] = np.roll(device[0], 1)
    truth = ours.outputs.argmax(1)
    found = decisions_of(model, ours, device, truth)
    top = np.sort(ours.outputs[0])
    assert [one.recording for one in found.changed] == [ours.ids[0]]
    assert found.changed[0].margin == pytest.approx(top[-1] - top[-2], abs=1e-5)
    assert found.rmse == pytest.approx(np.sqrt(np.mean((device - ours.outputs) ** 2)))
    assert found.good.total == CLIPS


def test_a_dump_goes_by_its_names() -> None:
    recordings = shipped("joe")[:3]
    names = [one.id for one in recordings]
    assert [one.id for one in in_order(Dump(tuple(names[::-1]), np.zeros((3, 11))), recordings)] == names[::-1]
    with pytest.raises(UsageError, match="which is not among the 3 recordings"):
        in_order(Dump(("other.wav",), np.zeros((1, 11))), recordings)
    with pytest.raises(UsageError, match="more than once"):
        in_order(Dump((names[0], names[0]), np.zeros((2, 11))), recordings)
    with pytest.raises(UsageError, match="holds 2 clips without `ids`, and 3 recordings"):
        in_order(Dump(None, np.zeros((2, 11))), recordings)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("path,yes\na.wav,1\n", "the column 'no' is missing"),
        ("path,yes,no\na.wav,1,nan\n", "the scores of a.wav hold NaN"),
        ("path,yes,no\na.wav,1,loud\n", "a score is no number"),
    ],
)
def test_a_bad_table_is_refused(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "dump.csv").write_text(text)
    with pytest.raises(UsageError, match=words):
        read_dump(tmp_path / "dump.csv", ("yes", "no"))


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"features": np.zeros((2, 3))}, "`outputs` is missing"),
        ({"outputs": np.zeros((2, 3))}, r"`outputs` has the shape \[2, 3\]"),
        ({"outputs": np.zeros((2, 2)), "samples": np.zeros((1, 9))}, "`samples` holds 1 clips and `outputs` 2"),
    ],
)
def test_bad_arrays_are_refused(arrays: dict[str, np.ndarray], words: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "dump.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=words):
        read_dump(tmp_path / "dump.npz", ("yes", "no"))


def command(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["robustness", "parity", "--model", str(CARD), *map(str, arguments)])
    return run()


def test_the_vectors_are_a_dump_that_agrees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(monkeypatch, "--recordings", JOE, "--write-vectors", tmp_path) == DONE
    header = (tmp_path / "vectors.h").read_text()
    assert "#define VECTOR_LABELS 11" in header
    assert header.count("{") == header.count("}")
    assert np.load(tmp_path / "samples.npy").dtype == np.int16
    assert command(monkeypatch, "--recordings", JOE, "--dump", tmp_path / "outputs.csv") == DONE
    assert "PARITY: outputs agree over 20 recordings" in capsys.readouterr().out


def test_a_dump_that_departs_is_status_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    command(monkeypatch, "--recordings", JOE, "--write-vectors", tmp_path)
    with (tmp_path / "outputs.csv").open(newline="") as file:
        rows = [*csv.reader(file)]
    with (tmp_path / "other.csv").open("w", newline="") as file:
        csv.writer(file).writerows([rows[0], *([row[0], *row[2:], row[1]] for row in rows[1:])])
    capsys.readouterr()
    assert command(monkeypatch, "--recordings", JOE, "--dump", tmp_path / "other.csv", "--json") == RULE_FAILED
    told = json.loads(capsys.readouterr().out)
    assert told["stages"][0]["agrees"] is False
    assert len(told["decisions"]["changed"]) == 20
    assert command(monkeypatch, "--recordings", JOE) == USER_ERROR


def test_critical_levels_move_with_a_device_that_hears_more_noise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The device's answers at an SNR are the model's at the next worse one; counted here from the table itself."""
    assert command(monkeypatch, "--recordings", JOE, "--write-vectors", tmp_path, "--perturbation", "white-noise") == DONE
    with (tmp_path / "outputs.csv").open(newline="") as file:
        rows = [*csv.DictReader(file)]
    levels = sorted({float(row["level"]) for row in rows if row["level"]}, reverse=True)
    at = {(row["path"], row["level"]): row for row in rows}
    worse = {f"{level:g}": f"{after:g}" for level, after in zip(levels, [*levels[1:], levels[-1]], strict=True)}
    device = [{**at[row["path"], worse.get(row["level"], "")], "level": row["level"], "perturbation": row["perturbation"]} for row in rows]
    with (tmp_path / "device.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0]])
        writer.writeheader()
        writer.writerows(device)
    capsys.readouterr()
    assert command(monkeypatch, "--recordings", JOE, "--dump", tmp_path / "device.csv", "--json") == RULE_FAILED
    (found,) = json.loads(capsys.readouterr().out)["decisions"]["levels"]
    assert [one["level"] for one in found["levels"]] == levels
    good = [one["model"] for one in found["levels"]]
    assert [one["device"] for one in found["levels"]] == [*good[1:], good[-1]]
    assert found["harsher"] == 0 < found["milder"] <= found["recordings"] == 20
    assert command(monkeypatch, "--recordings", JOE, "--dump", tmp_path / "outputs.csv") == DONE
    assert "the critical level is milder on the device for 0 of 20 recordings, harsher for 0, the same for 20" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("row", "words"),
    [("a.wav,whit-noise,10", "there is no perturbation 'whit-noise'"), ("a.wav,white-noise,loud", "level of white-noise is 'loud'")],
)
def test_a_condition_that_is_none_is_refused(row: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "dump.csv").write_text(f"path,perturbation,level,yes,no\n{row},0.5,0.5\n")
    with pytest.raises(UsageError, match=words):
        read_dump(tmp_path / "dump.csv", ("yes", "no"))
