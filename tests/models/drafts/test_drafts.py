"""Is a card that is begun from a file true to that file, and does it say what is left to fill in?"""

from __future__ import annotations

import io
import json
import shutil
import sys
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from robustness.cli.main import run
from robustness.errors import DONE, USER_ERROR, CardError, OutputError
from robustness.models.card import load_classifier, load_classifiers, read_card
from robustness.models.drafts.draft import Draft, DraftSection, Known, Missing
from robustness.models.drafts.graphs import labels_of, tflite_facts
from robustness.models.drafts.reading import draft_of, write_draft
from tests.models.formats.cards import FILES

MANIFEST = {
    "type": "micro",
    "wake_word": "Okay Nabu",
    "model": "https://models.example/okay_nabu.tflite",
    "version": 2,
    "micro": {"probability_cutoff": 0.97, "feature_step_size": 10, "sliding_window_size": 5},
}


def manifest(folder: Path, **changes: Any) -> Path:
    """A manifest beside a file that stands for its model."""
    (folder / "okay_nabu.tflite").write_bytes(b"a model")
    path = folder / "okay_nabu.json"
    path.write_text(json.dumps(MANIFEST | changes), encoding="utf-8")
    return path


def missing(draft: Draft) -> list[str]:
    return [one.key for one in draft.missing]


def filled(card: Path, **values: str) -> Path:
    """The card with its commented lines of these keys written."""
    lines = card.read_text(encoding="utf-8").splitlines()
    for key, value in values.items():
        (place,) = [index for index, line in enumerate(lines) if line.startswith(f"# {key} = ")]
        lines[place] = f"{key} = {value}"
    card.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return card


def test_a_manifest_of_a_wake_word_is_a_whole_card(tmp_path: Path) -> None:
    card = tmp_path / "cards" / "nabu.toml"
    draft = write_draft(manifest(tmp_path), card)
    assert missing(draft) == []
    said = read_card(card)
    assert (said.name, said.labels, said.output, said.threshold) == ("Okay Nabu", ("okay nabu",), "sigmoids", 0.97)
    assert [one.file for one in said.variants.values()] == ["../okay_nabu.tflite"]
    assert said.frontend.preset == "micro-wake-word"
    assert said.streaming is not None
    assert (said.streaming.rule, said.streaming.texts) == ("esphome", {"sliding_window": "5"})


@pytest.mark.parametrize("name", ["okay_nabu", "hey_jarvis"])
def test_esphomes_own_manifests_are_whole_cards_that_load(shared: Path, tmp_path: Path, name: str) -> None:
    pytest.importorskip("ai_edge_litert")
    pytest.importorskip("pymicro_features")
    for suffix in (".json", ".tflite"):
        shutil.copy(shared / "micro_wake_word" / f"{name}{suffix}", tmp_path)
    write_draft(tmp_path / f"{name}.json", tmp_path / f"{name}.toml")
    found = load_classifier(tmp_path / f"{name}.toml")
    assert found.labels == (name.replace("_", " "),)
    assert found.network.can.step_frames == 3
    hint = draft_of(tmp_path / f"{name}.tflite", tmp_path / "other.toml").notes
    assert any("give `robustness init` its JSON manifest" in line for line in hint)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"type": "other"}, "`type` is 'other'; expected \"micro\""),
        ({"micro": {"probability_cutoff": 0.97, "sliding_window_size": 5}}, "`micro.feature_step_size` is missing"),
        ({"micro": MANIFEST["micro"] | {"probability_cutoff": 1.5}}, "`micro.probability_cutoff` is 1.5; expected a probability"),  # type: ignore[operator]
        ({"micro": MANIFEST["micro"] | {"feature_step_size": 20}}, "feature_step_size is 20, and the front-end"),  # type: ignore[operator]
        ({"version": 1}, "feature_step_size is 10, and the front-end of version 1 has a step of 20 ms"),
        ({"model": "away.tflite"}, "there is no away.tflite beside the manifest"),
        ({"model": "../../.."}, "there is no .. beside the manifest"),
    ],
)
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(CardError) as caught:
        draft_of(manifest(tmp_path, **changes), tmp_path / "card.toml")
    assert words in str(caught.value)


def test_texts_of_a_manifest_write_no_line_of_their_own(tmp_path: Path) -> None:
    strange = 'a"\n[network]\nfactory = "os:system"\x7f'
    card = tmp_path / "card.toml"
    write_draft(manifest(tmp_path, wake_word=strange, author=strange), card)
    said = read_card(card)
    assert said.network is None
    assert set(tomllib.loads(card.read_text(encoding="utf-8"))) == {
        "name",
        "labels",
        "output",
        "threshold",
        "streaming",
        "variants",
        "frontend",
        "window",
        "about",
    }


@pytest.mark.parametrize("file", ["kws_ref_model.tflite", "kws_ref_model_float32.tflite", "str_ww_ref_model.tflite"])
def test_mlperf_tinys_models_are_known_and_their_cards_load(shared: Path, tmp_path: Path, file: str) -> None:
    pytest.importorskip("ai_edge_litert")
    shutil.copy(shared / "mlperf_tiny" / file, tmp_path / "some.tflite")
    card = tmp_path / "some.toml"
    assert missing(write_draft(tmp_path / "some.tflite", card)) == []
    found = load_classifier(card)
    facts = tflite_facts((tmp_path / "some.tflite").read_bytes())
    assert len(found.labels) == facts.count
    assert found.output == facts.output
    assert found.variant == ("float32" if "float32" in file else facts.variant)


def test_labels_packed_behind_a_tflite_are_read(shared: Path, tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert")
    packed = io.BytesIO((shared / "micro_speech" / "micro_speech_quantized.tflite").read_bytes())
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr("readme.txt", "four\nlines\nof\nwhat?\nno, five")
        archive.writestr("labels.txt", "0 silence\n1 unknown\n2 yes\n3 no\n")
    file, card = tmp_path / "speech.tflite", tmp_path / "speech.toml"
    file.write_bytes(packed.getvalue())
    draft = write_draft(file, card)
    assert 'labels = ["silence", "unknown", "yes", "no"]  # labels.txt, packed in the file' in draft.text
    assert 'output = "probabilities"  # the graph ends in SOFTMAX' in draft.text
    assert "[1 1960] int8, scale 0.101716, zero point -128" in draft.text
    assert missing(draft) == ["frontend.preset", "frontend.rate_hz", "window.duration_ms"]
    shutil.copy(shared / "micro_speech" / "audio_preprocessor_int8.tflite", tmp_path)
    said = read_card(filled(card, preset='"micro-speech"', rate_hz="16000", duration_ms="1000.0"))
    assert list(said.variants) == ["int8"]


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ('["yes", "no"]', ("yes", "no")),
        ('{"1": "no", "0": "yes"}', ("yes", "no")),
        ("{0: 'yes', 1: 'no'}", ("yes", "no")),
        ("yes, no", ("yes", "no")),
        ("yes\nno\n", ("yes", "no")),
        ("0 yes\n1 no\n", ("yes", "no")),
        ("7 up\n1 down\n", ("7 up", "1 down")),
        ("yes\nyes\n", None),
        ("12", ("12",)),
        ("[" * 100_000, ("[" * 100_000,)),
        ('{"' + "9" * 5000 + '": "yes"}', None),
        ("7" * 5000 + " yes\n", ("7" * 5000 + " yes",)),
        ("{", ("{",)),
        ("", None),
        ('{"0": "yes", "2": "no"}', None),
    ],
)
def test_labels_in_a_text(text: str, labels: tuple[str, ...] | None) -> None:
    assert labels_of(text) == labels


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(12, 3)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return torch.log_softmax(self.fc(features.flatten(1)), 1)


def onnx_file(path: Path, *, given: list[int | str] | None = None, **props: str) -> Path:
    """A graph of one matrix and a LogSoftmax, with these metadata."""
    onnx = pytest.importorskip("onnx")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    weights = helper.make_tensor("w", kind, [12, 3], [0.0] * 36)
    nodes = [helper.make_node("MatMul", ["x", "w"], ["h"]), helper.make_node("LogSoftmax", ["h"], ["y"])]
    ends = [helper.make_tensor_value_info("x", kind, ["N", 12])], [helper.make_tensor_value_info("y", kind, given)]
    model = helper.make_model(helper.make_graph(nodes, "g", *ends, [weights]))
    helper.set_model_props(model, props)
    path.write_bytes(model.SerializeToString())
    return path


def test_an_onnx_files_metadata_are_read(tmp_path: Path) -> None:
    file = onnx_file(
        tmp_path / "small.onnx", given=["N", 3], labels="yes,no,maybe", sample_rate="8000", licence='x"\n[model]\ncommand = "rm"'
    )
    draft = write_draft(file, tmp_path / "small.toml")
    said = read_card(filled(tmp_path / "small.toml", preset='"tutorial"', duration_ms="500.0"))
    assert missing(draft) == ["frontend.preset", "window.duration_ms"]
    assert (said.labels, said.output, said.frontend.rate_hz) == (("yes", "no", "maybe"), "log-probabilities", 8000)
    assert said.model is None
    assert "[N 12]" in draft.text
    other = draft_of(onnx_file(tmp_path / "other.onnx", given=["N", 3], labels="yes,no"), tmp_path / "card.toml")
    assert ("labels", "the 3 classes in the order of the outputs") in [(one.key, one.expected) for one in other.missing]
    unsaid = draft_of(onnx_file(tmp_path / "unsaid.onnx"), tmp_path / "card.toml")
    assert ("labels", "the classes in the order of the outputs") in [(one.key, one.expected) for one in unsaid.missing]
    with pytest.raises(CardError, match="a single number without axes"):
        draft_of(onnx_file(tmp_path / "scalar.onnx", given=[]), tmp_path / "card.toml")


def test_an_exported_program_says_its_shape_and_by_what_it_ends(tmp_path: Path) -> None:
    file = tmp_path / "small.pt2"
    torch.export.save(torch.export.export(Small().eval(), (torch.zeros(1, 1, 3, 4),)), file)
    draft = draft_of(file, tmp_path / "small.toml")
    assert 'output = "log-probabilities"  # the graph ends in log_softmax' in draft.text
    assert "[1 1 3 4] float32" in draft.text
    assert missing(draft)[0] == "labels"


def wrapped(state: dict[str, Any]) -> dict[str, Any]:
    return {"epoch": 3, "state_dict": {f"module.{name}": value for name, value in state.items()}}


@pytest.mark.parametrize("change", [dict, wrapped])
def test_a_state_dict_needs_its_factory(tmp_path: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    file, card = tmp_path / "small.pt", tmp_path / "small.toml"
    torch.save(change(Small().state_dict()), file)
    draft = write_draft(file, card)
    assert missing(draft) == ["labels", "output", "network.factory", "frontend.preset", "frontend.rate_hz", "window.duration_ms"]
    assert "# fc.weight [3 12]" in draft.text
    values = {"labels": '["a", "b", "c"]', "output": '"logits"', "factory": '"m:N"', "preset": '"tutorial"'}
    said = read_card(filled(card, **values, rate_hz="16000", duration_ms="1000.0"))
    assert said.weights is not None
    assert (said.weights.key, said.weights.prefix) == (("state_dict", "module.") if change is wrapped else (None, ""))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("model.h5", b"", "ends in .h5; expected .json, .tflite"),
        ("model", b"", "ends in no suffix"),
        ("model.tflite", b"nothing", "no TensorFlow Lite model"),
        ("model.onnx", b"\xff\xff", "no ONNX file"),
        ("model.onnx", b"", "it is no ONNX file, or is empty"),
        ("model.pt2", b"nothing", "no program that torch.export.save wrote"),
        ("model.pt", b"nothing", "only a state_dict is read"),
        ("model.json", b"[]", "it holds a list"),
        ("model.json", b"{", "cannot be read"),
        ("none.onnx", None, "cannot be read: No such file"),
    ],
)
def test_foreign_files_are_refused(tmp_path: Path, name: str, content: bytes | None, words: str) -> None:
    if name.endswith(("tflite", "onnx")):
        pytest.importorskip("ai_edge_litert")
        pytest.importorskip("onnx")
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(CardError) as caught:
        write_draft(tmp_path / name, tmp_path / "card.toml")
    assert words in str(caught.value)
    assert not (tmp_path / "card.toml").exists()


def test_a_card_that_is_there_is_kept_without_force(tmp_path: Path) -> None:
    file, card = manifest(tmp_path), tmp_path / "card.toml"
    card.write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match="is there already; give another --out, or --force"):
        write_draft(file, card)
    assert card.read_text(encoding="utf-8") == "mine"
    write_draft(file, card, force=True)
    assert read_card(card).name == "Okay Nabu"


def test_a_place_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        write_draft(manifest(tmp_path), tmp_path / "okay_nabu.json" / "card.toml")


def test_keys_are_named_with_their_section() -> None:
    entries = (Known("a", 1), Missing("b", "2", "two"), Missing("c", "3", "three", needed=False))
    draft = Draft((DraftSection("", entries), DraftSection("window", entries)))
    assert missing(draft) == ["b", "window.b"]
    assert tomllib.loads(draft.text) == {"a": 1, "window": {"a": 1}}


def test_the_command_says_what_to_fill_in_and_what_to_run_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def command(*arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["robustness", *map(str, arguments)])
        return run()

    torch.save(Small().state_dict(), tmp_path / "small.pt")
    assert command("init", tmp_path / "small.pt") == DONE
    told = capsys.readouterr().out
    assert "6 keys to fill in" in told
    assert "network.factory: what builds the network" in told
    assert f"robustness check {tmp_path / 'small.toml'} --recordings DIR" in told
    assert command("init", tmp_path / "small.pt") == USER_ERROR
    assert "--force to replace it" in capsys.readouterr().err
    assert command("init", manifest(tmp_path), "--out", tmp_path / "nabu.toml") == DONE
    assert "nothing to fill in; next: robustness check" in capsys.readouterr().out


def test_a_manifest_of_version_1_is_a_card_with_the_front_end_of_then(tmp_path: Path) -> None:
    micro = {"probability_cutoff": 0.9, "sliding_window_average_size": 10}
    card = tmp_path / "card.toml"
    write_draft(manifest(tmp_path, version=1, micro=micro), card)
    said = read_card(card)
    assert (said.frontend.preset, said.frontend.settings["layout"], said.threshold) == ("micro-speech", "frames bands", 0.9)
    assert said.streaming is not None
    assert said.streaming.settings == {"sliding_window": 10}


def test_two_files_of_one_model_are_two_variants(shared: Path, tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert")
    folder, card = shared / "mlperf_tiny", tmp_path / "kws.toml"
    for name in FILES.values():
        shutil.copy(folder / name, tmp_path)
    assert missing(write_draft(tmp_path / FILES["float32"], card, tmp_path / FILES["int8"])) == []
    assert [one.variant for one in load_classifiers(card)] == ["float32", "int8"]
    for name in FILES.values():  # the same, unknown to the table of published models
        (tmp_path / name).write_bytes((folder / name).read_bytes() + b"\0" * 16)
    draft = write_draft(tmp_path / FILES["float32"], tmp_path / "own.toml", tmp_path / FILES["int8"], tmp_path / FILES["int8"])
    assert [section.name for section in draft.sections if section.name.startswith("variants")] == [
        "variants.dynamic-range",
        "variants.int8",
        "variants.int8-2",
    ]
    assert missing(draft) == ["labels", "frontend.preset", "frontend.rate_hz", "window.duration_ms"]


def test_files_of_two_models_are_refused(shared: Path, tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert")
    first, second = (shared / "mlperf_tiny" / name for name in (FILES["int8"], "str_ww_ref_model.tflite"))
    with pytest.raises(CardError, match=r"are not of one model: labels is \['down', .* and \['marvin', 'silence', 'other'\]; write a card"):
        write_draft(first, tmp_path / "card.toml", second)
    torch.save({"a": torch.zeros(2)}, tmp_path / "a.pt")
    with pytest.raises(CardError, match="is a state_dict, which is the whole of a card; give it alone"):
        write_draft(first, tmp_path / "card.toml", tmp_path / "a.pt")
