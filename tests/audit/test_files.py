"""Does an audit of two files say what lies in them, and how far their layers are apart?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from robustness.audio.reading import read_recordings
from robustness.audit.arena import arena_of
from robustness.audit.evidence import compared_pairs
from robustness.audit.files import audited_files, paired
from robustness.audit.measurement import Listening
from robustness.models.card import load_classifiers
from robustness.models.classifier import Classifier
from robustness.models.formats.base import FileLayer
from robustness.rendering import reference_windows
from robustness.run.audit_records import VariantAudit
from tests.models.formats.cards import FILES, kws_card


@pytest.fixture(scope="module")
def files(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Classifier]:
    pytest.importorskip("ai_edge_litert")
    contents = {name: (shared / "mlperf_tiny" / file).read_bytes() for name, file in FILES.items()}
    return load_classifiers(kws_card(tmp_path_factory.mktemp("kws"), contents))


@pytest.fixture(scope="module")
def audit(shared: Path, files: Sequence[Classifier]) -> VariantAudit:
    paths = sorted((shared / "speech_commands" / "yes").glob("*.flac"))[:4]
    clips = read_recordings(paths, rate_hz=16_000, longest_samples=16_000).recordings
    ((original, variants),) = compared_pairs({}, files)
    assert (original.variant, [one.variant for one in variants]) == ("float32", ["int8"])
    (found,) = audited_files(original, variants, Listening(original, [replace(one, label="yes") for one in clips], 35.0, 3))
    return found


def test_multiplications_are_those_of_the_published_network(audit: VariantAudit) -> None:
    """DS-CNN (Zhang et al. 2017, as MLPerf Tiny has it): 64 maps of 25 × 5, a first kernel of 10 × 4, four pairs of 3 × 3 and 1 × 1."""
    places = 25 * 5
    wanted = [places * 64 * 10 * 4, *[places * 64 * 9, places * 64 * 64] * 4, 64 * 12]
    assert [layer.multiplications for layer in audit.layers] == wanted
    assert sum(layer.parameters for layer in audit.layers) == audit.parameters
    assert all(layer.quantized for layer in audit.layers)
    assert audit.answers.clips == audit.answers.labelled == 4


def test_a_layers_distance_is_that_of_its_values(shared: Path, files: Sequence[Classifier], audit: VariantAudit) -> None:
    paths = sorted((shared / "speech_commands" / "yes").glob("*.flac"))[:4]
    clips = read_recordings(paths, rate_hz=16_000, longest_samples=16_000).recordings
    features = files[0].features(reference_windows(clips, files[0].frame).samples)
    layer = audit.layers[3]
    wanted, found = (one.activations(features, [layer.name])[layer.name].double() for one in files)
    signal, noise = float((wanted**2).sum()), float(((wanted - found) ** 2).sum())
    assert layer.activations is not None
    assert layer.activations.sqnr_db == pytest.approx(10 * math.log10(signal / noise), abs=1e-3)
    assert layer.activations.of == layer.name
    assert layer.activations.int8_range is not None
    assert layer.activations.int8_range.low <= float(found.min()) <= float(found.max()) <= layer.activations.int8_range.high


def layer(name: str, kind: str, *shape: int) -> FileLayer:
    return FileLayer(name, kind, shape, 1, 1, quantized=False)


@pytest.mark.parametrize(
    ("mine", "others", "wanted"),
    [
        ("a1 b2", "a1 b2", {"a": "a", "b": "b"}),
        ("x1 y2", "a1 b2", {"x": "a", "y": "b"}),
        ("x1 b2", "b2 a1", {"x": "a", "b": "b"}),
        ("x1 y1", "a1 b2", {"x": "a"}),
        ("a2", "a1 c2", {"a": "c"}),
        ("x1 y2", "a2 b1", {"x": "b"}),  # in their order: what lies before a partner is passed over
        ("", "a1", {}),
    ],
)
def test_layers_are_paired_by_name_or_in_order_by_shape(mine: str, others: str, wanted: dict[str, str]) -> None:
    first, second = ([layer(one[0], "CONV_2D", 1, int(one[1])) for one in text.split()] for text in (mine, others))
    assert paired(first, second) == wanted


def test_the_arena_is_one_that_tflite_micro_runs_in(shared: Path) -> None:
    runtime = pytest.importorskip("tflite_micro.python.tflite_micro.runtime")
    content = (shared / "mlperf_tiny" / FILES["int8"]).read_bytes()
    found = arena_of(content)
    assert found.bytes is not None
    assert f"{found.bytes:,} bytes" in found.says
    runtime.Interpreter.from_bytes(content, arena_size=found.bytes + 1024).invoke()  # the allocator's own records
    with pytest.raises(RuntimeError, match="failed to allocate"):
        runtime.Interpreter.from_bytes(content, arena_size=found.bytes - 1024)


def test_a_dynamic_range_file_is_refused_by_tflite_micro(shared: Path) -> None:
    pytest.importorskip("tflite_micro")
    found = arena_of((shared / "mlperf_tiny" / FILES["float32"]).read_bytes())
    assert found.bytes is None
    assert found.says == "TFLite Micro refuses the file (Hybrid models are not supported on TFLite Micro)"


def test_300_windows_are_answered_as_tflite_micro_answers_them(shared: Path, files: Sequence[Classifier]) -> None:
    runtime = pytest.importorskip("tflite_micro.python.tflite_micro.runtime")
    paths = [sorted((shared / "speech_commands" / word).glob("*.flac"))[:25] for word in ("yes", "up", "go", "left", "stop", "bed")]
    clips = [one for some in paths for one in read_recordings(some, rate_hz=16_000, longest_samples=16_000).recordings]
    clean = reference_windows(clips, files[1].frame).samples
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(16)) * clean.square().mean(1, keepdim=True).sqrt() * 0.3
    windows = torch.cat([clean, clean + noise])
    assert len(windows) == 300
    ours = files[1].probabilities(files[1].logits(windows))
    micro = runtime.Interpreter.from_file(str(shared / "mlperf_tiny" / FILES["int8"]))
    taken = micro.get_input_details(0)["quantization_parameters"]
    features = files[1].frontend.given(files[1].features(windows)).numpy()
    numbers = (features / taken["scales"][0]).round() + taken["zero_points"][0]
    levels = []
    for clip in numbers.clip(-128, 127).astype("int8"):
        micro.set_input(clip[None], 0)
        micro.invoke()
        levels.append(torch.from_numpy(micro.get_output(0).astype(int).reshape(-1) + 128))
    theirs = torch.stack(levels)
    own = torch.from_numpy(ours * 256).round().long()
    assert (own.argmax(1) == theirs.argmax(1)).all()
    differ = (own != theirs).any(1)
    assert int(differ.sum()) <= 9  # 8 of 800 were seen to differ
    assert int((own - theirs).abs().max()) <= 12  # levels of 256; 9 were seen in noise
