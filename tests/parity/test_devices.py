"""Are dumps of devices understood: of TFLite Micro, of XNNPACK, of a front-end with another hop, and of a serial line?"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from robustness.audio.reading import read_recordings
from robustness.audio.recordings import Recording
from robustness.cli.main import run
from robustness.errors import DONE, RULE_FAILED, UsageError
from robustness.models.card import load_classifier
from robustness.models.classifier import Classifier
from robustness.models.formats.tflite import TfliteNetwork
from robustness.parity.computed import Computed, computed
from robustness.parity.dump import Dump
from robustness.parity.dumps import read_dump
from robustness.parity.stages import in_order, stages_of
from robustness.parity.uart import read_log
from tests.checks.faulty import shipped
from tests.conftest import ROOT
from tests.models.formats.cards import FILES, LABELS, kws_card

Int8 = NDArray[np.int8]
WORDS = ("yes", "stop", "left", "go")
A_WORD = 3


@pytest.fixture(scope="module")
def kws(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Path:
    """The card of MLPerf Tiny's int8 file."""
    return kws_card(tmp_path_factory.mktemp("kws"), {"int8": (shared / "mlperf_tiny" / FILES["int8"]).read_bytes()})


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Path:
    """Twelve clips of four words."""
    folder = tmp_path_factory.mktemp("spoken")
    for word in WORDS:
        (folder / word).mkdir()
        for path in sorted((shared / "speech_commands" / word).glob("*.flac"))[:A_WORD]:
            (folder / word / path.name).symlink_to(path)
    return folder


def clips(folder: Path) -> list[Recording]:
    return list(read_recordings([folder], rate_hz=16_000, longest_samples=16_000).recordings)


def given(model: Classifier, recordings: Sequence[Recording]) -> Int8:
    """What the network takes, as a device has it in its memory, [clips …]."""
    assert isinstance(model.network, TfliteNetwork)
    features = torch.from_numpy(computed(model, recordings).features[:, None]).float()
    numbers: Int8 = model.network.graph.taken.numbers(model.frontend.given(features).numpy())
    return numbers


def by_tflite_micro(model: Classifier, numbers: Int8) -> NDArray[np.float64]:
    runtime = pytest.importorskip("tflite_micro.python.tflite_micro.runtime")
    assert isinstance(model.network, TfliteNetwork)
    interpreter, rows = runtime.Interpreter.from_bytes(model.network.content), []
    for clip in numbers:
        interpreter.set_input(clip[None], 0)
        interpreter.invoke()
        rows.append(interpreter.get_output(0)[0].astype(np.float64))
    return (np.asarray(rows) + 128) / 256


def by_litert(model: Classifier, numbers: Int8) -> NDArray[np.float64]:
    """With XNNPACK, as on a phone."""
    from ai_edge_litert.interpreter import Interpreter

    assert isinstance(model.network, TfliteNetwork)
    made, rows = Interpreter(model_content=model.network.content), []
    made.allocate_tensors()
    for clip in numbers:
        made.set_tensor(made.get_input_details()[0]["index"], clip[None])
        made.invoke()
        rows.append(made.get_tensor(made.get_output_details()[0]["index"])[0].astype(np.float64))
    return (np.asarray(rows) + 128) / 256


def log_of(numbers: Int8, outputs: NDArray[np.float64], *, relayed: bool = False) -> str:
    """What the runner sees on the line: three digits, cut as the reference firmware prints them."""
    said, seen = ("dut ", "RX:[dut]: ") if relayed else ("", "")
    lines = [f"{said}name%", f"{seen}m-name-dut-[unspecified]", f"{seen}m-model-[kws01]", f"{seen}m-ready"]
    for clip, row in zip(numbers, outputs, strict=True):
        data = clip.astype(np.int8).tobytes().hex()
        lines.append(f"{said}db load {len(data) // 2}%")
        for at in range(0, len(data), 62):
            lines += [
                f"{said}db {data[at : at + 62]}%",
                *([f"RX:m-dut-passthrough(db {data[at : at + 62]})"] if relayed else []),
                f"{seen}m-ready",
            ]
        cut = ",".join(f"{int(value * 1000) / 1000:.3f}" for value in row)
        lines += [f"{seen}m-load-done", f"{said}infer 1%", f"{seen}m-infer-done", f"{seen}m-results-[{cut}]", f"{seen}m-ready"]
    return "\r\n".join(lines)


def test_tflite_micro_computes_what_the_reference_kernels_do(kws: Path, spoken: Path, tmp_path: Path) -> None:
    model, recordings = load_classifier(kws), clips(spoken)
    numbers = given(model, recordings)
    (tmp_path / "device.log").write_text(log_of(numbers, by_tflite_micro(model, numbers), relayed=True))
    dump = read_dump(tmp_path / "device.log", LABELS)
    assert dump.inputs is not None
    assert (dump.inputs == numbers.reshape(len(numbers), -1)).all()
    stages = stages_of(model, dump, computed(model, recordings))
    assert [(one.name, one.agrees) for one in stages] == [("features", True), ("outputs", True)], stages


def test_xnnpack_is_named_by_its_kernels(kws: Path, spoken: Path) -> None:
    model = load_classifier(kws)
    recordings = clips(spoken)
    ours, numbers = computed(model, recordings), given(model, recordings)
    outputs = by_litert(model, numbers)
    stages = stages_of(model, Dump(ours.ids, outputs, inputs=numbers.reshape(len(numbers), -1)), ours)
    assert stages[0].agrees
    if not stages[1].agrees:
        assert "with the xnnpack kernels of the same file they agree" in stages[1].says
    again = replace(model, network=replace_kernels(model))
    assert all(one.agrees for one in stages_of(again, Dump(ours.ids, outputs), computed(again, recordings)))


def replace_kernels(model: Classifier) -> TfliteNetwork:
    from robustness.models.formats.tflite import network_of

    assert isinstance(model.network, TfliteNetwork)
    return network_of(model.network.content, "xnnpack", model.frontend, model.output)


def test_a_serial_line_of_a_front_end_with_hop_321_is_named(kws: Path, spoken: Path, tmp_path: Path) -> None:
    model, recordings = load_classifier(kws), clips(spoken)
    other = replace(model, frontend=replace(model.frontend, hop_samples=321))  # type: ignore[type-var]
    numbers = given(other, recordings)
    (tmp_path / "device.log").write_text(log_of(numbers, by_litert(model, numbers)))
    first = stages_of(model, read_log(tmp_path / "device.log", LABELS), computed(model, recordings))[0]
    assert (first.name, first.agrees) == ("features", False)
    assert "hop_samples = 321" in first.says


def test_inputs_that_are_cut_and_not_rounded_are_said_to_be(kws: Path, spoken: Path) -> None:
    model, recordings = load_classifier(kws), clips(spoken)
    assert isinstance(model.network, TfliteNetwork)
    ours, taken = computed(model, recordings), model.network.graph.taken
    features = model.frontend.given(torch.from_numpy(ours.features[:, None]).float()).numpy()
    cut = np.floor(features / taken.scale + taken.zero_point).clip(-128, 127).astype(np.int8)
    stage = stages_of(model, Dump(ours.ids, ours.outputs, inputs=cut.reshape(len(cut), -1)), ours)[0]
    assert stage.says.endswith("they are cut and not rounded")


@pytest.fixture(scope="module")
def digits() -> Classifier:
    return load_classifier(ROOT / "models" / "digits.toml")


@pytest.fixture(scope="module")
def joe(digits: Classifier) -> Computed:
    return computed(digits, shipped("joe")[:6])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"hop_samples": 161}, "hop_samples = 161"),
        ({"window": "hamming"}, 'window = "hamming"'),
        ({"mel_scale": "slaney"}, 'mel_scale = "slaney"'),
        ({"samples": "int16"}, 'samples = "int16"'),
        ({"floor": 1e-3}, "floor = 0.001"),
        ({"center": False}, "center = false"),
    ],
)
def test_features_are_explained_by_one_setting(digits: Classifier, joe: Computed, settings: dict[str, object], words: str) -> None:
    frontend = replace(digits.frontend, **settings)  # type: ignore[type-var]
    features = frontend.features(torch.from_numpy(joe.samples).float())[:, 0].double().numpy()
    first = stages_of(digits, Dump(joe.ids, joe.outputs, features), joe)[0]
    assert (first.name, first.agrees) == ("features", False)
    assert words in first.says


def test_a_state_that_was_not_reset_is_named(digits: Classifier) -> None:
    made = replace(digits, frontend=replace(digits.frontend, center=False, window_at="start"))  # type: ignore[type-var]
    features = made.features(torch.from_numpy(computed(digits, shipped("joe")[:4]).samples).float())[:, 0].double().numpy()
    ours = Computed(tuple("abcd"), computed(digits, shipped("joe")[:4]).samples, features, np.zeros((4, 11)))
    samples = torch.from_numpy(ours.samples).float()
    going_on = made.features(torch.cat([samples[:-1], samples[1:]], dim=1))[:, 0, :, -features.shape[2] :].double().numpy()
    device = np.concatenate([features[:1], going_on])
    first = stages_of(made, Dump(ours.ids, ours.outputs, device), ours)[0]
    assert "with the front-end's state after the clip before it: reset it" in first.says


def test_answers_that_are_one_clip_off_are_named(digits: Classifier, joe: Computed) -> None:
    found = stages_of(digits, Dump(joe.ids, np.roll(joe.outputs, 1, axis=0), joe.features), joe)
    assert [one.agrees for one in found] == [True, False]
    assert "those of the clip before: the dump is one clip off" in found[1].says


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("m-ready\r\n", "holds no line with m-results-"),
        ("m-results-[0.1,0.9\r\nm-ready", "line 1: the answer m-results-.* is cut or damaged"),
        ("m-results-[0.1,0.x9]", "is cut or damaged"),
        ("m-results-[0.1,0.2,0.7]", r"has 3 numbers and the model 2 labels \(yes, no\)"),
        ("m-results-[0.1,nan]", "hold NaN or infinite"),
    ],
)
def test_a_bad_log_is_refused(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "device.log").write_text(text)
    with pytest.raises(UsageError, match=words):
        read_dump(tmp_path / "device.log", ("yes", "no"))


def test_a_log_of_another_network_is_refused(digits: Classifier, joe: Computed) -> None:
    with pytest.raises(UsageError, match="takes floats; give the file that ran"):
        stages_of(digits, Dump(joe.ids, joe.outputs, inputs=np.zeros((6, 490), np.int8)), joe)


def test_a_log_without_loads_has_an_answer_a_clip_and_the_runners_names(tmp_path: Path) -> None:
    names = "[{'file': 'b.bin', 'class': ' 1'}, {'file': 'a.bin', 'class': ' 0'}]"
    (tmp_path / "device.log").write_text(f"m-results-[0.25,0.75]\nm-results-[0.5,0.5]\n{names}\n")
    dump = read_dump(tmp_path / "device.log", ("yes", "no"))
    assert (dump.ids, dump.outputs.tolist(), dump.resolution) == (("b.bin", "a.bin"), [[0.25, 0.75], [0.5, 0.5]], 0.01)
    recordings = [replace(one, id=name) for one, name in zip(shipped("joe"), ("yes/a.flac", "no/b.flac"), strict=False)]
    assert [one.id for one in in_order(dump, recordings)] == ["no/b.flac", "yes/a.flac"]


def test_the_command_reads_a_log(
    kws: Path, spoken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model, recordings = load_classifier(kws), clips(spoken)
    numbers = given(model, recordings)
    outputs = by_litert(model, numbers)
    (tmp_path / "device.log").write_text(log_of(numbers, outputs))
    monkeypatch.setattr(
        sys,
        "argv",
        ["robustness", "parity", "--model", str(kws), "--recordings", str(spoken), "--dump", str(tmp_path / "device.log"), "--json"],
    )
    assert run() in (DONE, RULE_FAILED)
    told = json.loads(capsys.readouterr().out)
    truth = [LABELS.index(one.label or "") for one in recordings]
    assert told["decisions"]["recognised_on_device"]["value"] == pytest.approx(float((outputs.argmax(1) == truth).mean()))
    assert told["decisions"]["false_alarms"]["total"] == 0
