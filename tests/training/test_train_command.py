"""The command, end to end: a folder of words becomes a model that its card describes."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile
import torch

from robustness.cli.train import DataOptions, RecipeOptions, train
from robustness.errors import CardError, OutputError, RecordingError, UsageError
from robustness.models.card import load_classifier, read_card
from robustness.training import session
from robustness.training.folders import find_clips
from tests.training.words import SPEAKERS, write_words


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "NOISE_PIECES", 24)  # as many as there are clips, for a quick epoch
        yield write_words(tmp_path_factory.mktemp("data") / "words")


@pytest.fixture(scope="module")
def model(words: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("models") / "trial"
    train(DataOptions([words], recordings=[words / "yes"]), RecipeOptions(epochs=1), out=out)
    return out


def said(model: Path) -> dict[str, Any]:
    return tomllib.loads(model.with_name("trial.toml").read_text())


def test_the_card_loads_and_its_golden_logits_are_the_models(model: Path) -> None:
    classifier = load_classifier(model.with_name("trial.toml"))
    golden = said(model)["golden"]
    samples, rate_hz = soundfile.read(model.with_name(golden["samples"]), dtype="float32")
    assert rate_hz == classifier.frontend.rate_hz
    with torch.inference_mode():
        assert classifier.logits(torch.from_numpy(samples)[None])[0].tolist() == pytest.approx(golden["logits"], abs=1e-4)


def test_weights_are_a_state_dict_known_by_their_hash(model: Path) -> None:
    weights = model.with_name("trial.pt")
    assert hashlib.sha256(weights.read_bytes()).hexdigest() == said(model)["weights"]["sha256"]
    assert all(isinstance(value, torch.Tensor) for value in torch.load(weights, weights_only=True).values())


def test_the_held_out_list_names_the_test_speakers_alone(model: Path, words: Path) -> None:
    rows = [line.split(",") for line in (model.parent / "held-out" / "words.csv").read_text().splitlines()[1:]]
    speakers = {speaker for _, _, speaker in rows}
    assert len(speakers) == 1
    assert sorted(path for path, _, _ in rows) == sorted(clip.id for clip in find_clips(words) if clip.speaker in speakers)
    data = said(model)["about"]["data"]["words"]
    assert data["test_clips"] + data["validation_clips"] + data["training_clips"] == 11 * len(SPEAKERS)


def test_the_card_counts_what_a_loop_counts(model: Path, words: Path) -> None:
    classifier = load_classifier(model.with_name("trial.toml"))
    rows = [line.split(",") for line in (model.parent / "held-out" / "words.csv").read_text().splitlines()[1:]]
    right = 0
    for path, word, _ in rows:
        samples = torch.from_numpy(soundfile.read(words / path, dtype="float32")[0])
        with torch.inference_mode():
            right += classifier.labels[int(classifier.logits(samples[None]).argmax())] == classifier.truth(word)
    accuracy = said(model)["about"]["accuracy"]["words"]["float32"]["as_recorded"]["accuracy"]
    assert accuracy["of"] == len(rows)
    assert accuracy["value"] == pytest.approx(right / len(rows), abs=1e-4)


def test_recordings_that_were_given_are_measured_too(model: Path) -> None:
    assert said(model)["about"]["accuracy"]["yes"]["recordings"] == len(SPEAKERS)


def test_the_curves_work_from_disk(model: Path) -> None:
    page = model.with_name("trial.training").joinpath("curves.html").read_text()
    assert "plotly.js v" in page
    assert '<script src="http' not in page


def test_twice_the_same_command_makes_the_same_bytes(model: Path, words: Path, tmp_path: Path) -> None:
    train(DataOptions([words], recordings=[words / "yes"]), RecipeOptions(epochs=1), out=tmp_path / "trial")
    for name in ("trial.pt", "trial.toml", "golden.wav"):
        assert (tmp_path / name).read_bytes() == model.with_name(name).read_bytes()


def test_another_vocabulary_starts_from_a_models_weights(model: Path, words: Path, tmp_path: Path) -> None:
    out = tmp_path / "started"
    train(DataOptions([words], measure=False), RecipeOptions(epochs=1, init=model.with_name("trial.toml")), out=out)
    assert read_card(tmp_path / "started.toml").about["training"]["started_from"] == "trial"


def test_starting_from_another_network_is_refused(model: Path, words: Path, tmp_path: Path) -> None:
    with pytest.raises(CardError, match=r"--init .*: its network has no .* of shape .*; give a model of the same network"):
        train(DataOptions([words]), RecipeOptions(recipe="pooled", epochs=1, init=model.with_name("trial.toml")), out=tmp_path / "pooled")


def test_no_data_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no data is given; give folders of words with --data DIR"):
        train(DataOptions(None), RecipeOptions(), out=tmp_path / "x")


def test_an_out_with_a_suffix_is_refused(words: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"ends in \.toml; give the model's path without a suffix"):
        train(DataOptions([words]), RecipeOptions(), out=tmp_path / "x.toml")


def test_an_out_that_cannot_be_written_is_refused(words: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        train(DataOptions([words]), RecipeOptions(), out=tmp_path / "file" / "x")


def test_a_download_without_a_network_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for scheme in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(scheme, "http://127.0.0.1:9")  # the discard port: nobody answers
    with pytest.raises(RecordingError, match=r"Speech Commands cannot be downloaded into .*; give a folder of words with --data"):
        train(DataOptions(None, download=tmp_path / "data"), RecipeOptions(), out=tmp_path / "x")
