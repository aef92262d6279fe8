"""Are a TensorFlow Lite file's answers the file's own, by the kernels that are said, and is each mistake a sentence?"""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import softmax

from robustness.audio.placement import Frame
from robustness.audio.reading import read_recordings
from robustness.errors import CardError, UsageError
from robustness.models.card import load_classifier, load_classifiers
from robustness.models.classifier import SMALLEST_PROBABILITY, Classifier
from robustness.models.formats.tflite import TfliteNetwork, interpreter_of, within_steps
from robustness.quantization.variants import variants_of
from robustness.rendering import reference_windows
from robustness.seeds import generator_of
from tests.models.formats.cards import FILES, LABELS, kws_card

STEP = 1 / 256
LOWEST_FLOAT = math.log(SMALLEST_PROBABILITY)


@pytest.fixture(scope="session")
def contents(shared: Path) -> dict[str, bytes]:
    pytest.importorskip("ai_edge_litert")
    return {name: (shared / "mlperf_tiny" / file).read_bytes() for name, file in FILES.items()}


@pytest.fixture(scope="session")
def card(contents: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kws_card(tmp_path_factory.mktemp("kws"), contents)


@pytest.fixture(scope="session")
def windows(shared: Path) -> torch.Tensor:
    noise = torch.randn(2, 16_000, generator=generator_of("tflite test")) * torch.tensor([[0.01], [0.9]])
    words = sorted((shared / "speech_commands" / "yes").glob("*.flac"))[:3]
    clips = read_recordings(words, rate_hz=16_000, longest_samples=16_000).recordings
    return torch.cat([noise, reference_windows(clips, Frame(16_000, 16_000)).samples])


def network_in(classifier: Classifier) -> TfliteNetwork:
    assert isinstance(classifier.network, TfliteNetwork)
    return classifier.network


@pytest.mark.parametrize(("variant", "allowed"), [("float32", 2e-3), ("int8", 2 * STEP)])
def test_240_clips_get_the_answers_of_expected_csv(
    shared: Path, contents: dict[str, bytes], tmp_path: Path, variant: str, allowed: float
) -> None:
    expected = pd.read_csv(shared / "mlperf_tiny" / "expected.csv").query("variant == @variant")
    assert len(expected) == 240
    card = kws_card(tmp_path, {variant: contents[variant]}, kernels="xnnpack")
    card.write_text(f'{card.read_text()}placement = "start"\n')  # what is short was padded at its end
    classifier = load_classifier(card)
    paths = [shared / "speech_commands" / path for path in expected["path"]]
    clips = {one.path: one for path in paths for one in read_recordings([path], rate_hz=16_000, longest_samples=16_000).recordings}
    samples = reference_windows([clips[path] for path in paths], classifier.frame).samples
    found = classifier.probabilities(classifier.logits(samples))
    wanted = expected[LABELS].to_numpy()
    assert np.abs(found - wanted).max() <= allowed + 1e-6
    top = np.sort(wanted, axis=1)
    clear = top[:, -1] - top[:, -2] > 2 * allowed
    assert clear.sum() > 200
    assert (found.argmax(1) == wanted.argmax(1))[clear].all()


@pytest.mark.parametrize("kernels", ["reference", "xnnpack"])
def test_outcomes_are_the_files_own_and_margins_those_before_its_softmax(
    contents: dict[str, bytes], tmp_path: Path, windows: torch.Tensor, kernels: Any
) -> None:
    classifier = load_classifier(kws_card(tmp_path, {"int8": contents["int8"]}, kernels=kernels))
    graph = network_in(classifier).graph
    assert graph.before is not None
    logits = classifier.logits(windows)
    alone = interpreter_of(contents["int8"], kernels, keep=True)
    features = classifier.frontend.given(classifier.features(windows)).numpy()
    for row, values in enumerate(features):
        alone.set_tensor(graph.taken.index, graph.taken.numbers(values[None]))
        alone.invoke()
        own = (alone.get_tensor(graph.given.index)[0].astype(int) + 128) * STEP
        assert classifier.probabilities(logits[row : row + 1])[0] == pytest.approx(own, abs=0)
        before = graph.before.values(alone.get_tensor(graph.before.index))[0]
        gaps, wanted = logits[row] - logits[row].max(), before - before.max()
        middle = wanted > np.log(STEP) - 20
        assert gaps.numpy()[middle] == pytest.approx(wanted[middle], abs=0.01)
        low = wanted < np.log(STEP / 4)  # where the file says 0 and the margin goes on
        assert low.any()
        assert gaps.numpy()[low] == pytest.approx(wanted[low], abs=0.01)


def test_scores_round_to_every_level() -> None:
    counts = np.arange(0, 257)[None]
    logits = np.zeros((1, 257))
    found = within_steps(logits, counts, STEP, "sigmoids").astype(np.float32)
    kept = np.exp(np.log(np.clip(found, 1e-30, None)).astype(np.float64))
    assert (np.ceil(kept / STEP - 0.501) == counts).all()


def test_scores_that_round_rightly_are_left_as_they_are() -> None:
    logits = np.array([[3.0, 1.0, -2.0, -9.0]])
    p = softmax(logits, axis=1)
    assert within_steps(logits, np.ceil(p / STEP - 0.501).astype(np.int64), STEP, "probabilities") == pytest.approx(p, rel=0.02)


def test_kernels_follow_the_file(card: Path) -> None:
    float32, int8 = load_classifiers(card)
    assert (network_in(float32).kernels, network_in(int8).kernels) == ("xnnpack", "reference")
    assert float32.about["type"] == "dynamic-range int8"
    assert "TFLite Micro refuses" in float32.about["notes"][0]
    assert int8.about["quantized_share"] == 1.0
    assert not int8.about["float_layers"]
    assert int8.probability_step == STEP
    assert float32.probability_step is None


def test_layers_hold_what_their_tensors_hold(card: Path, windows: torch.Tensor) -> None:
    for classifier in load_classifiers(card):
        graph = network_in(classifier).graph
        last = graph.layers[-1]
        found = classifier.activations(classifier.features(windows), [last.name])[last.name]
        wanted = classifier.logits(windows)
        gaps = (found - found.max(1, keepdim=True).values).clamp_min(LOWEST_FLOAT if classifier.variant == "float32" else -100)
        assert found.shape == (5, 12)
        assert classifier.network.layer_names()[-1] == last.name
        assert classifier.activations(classifier.features(windows), []) == {}
        assert (gaps - (wanted - wanted.max(1, keepdim=True).values)).abs().max() < 0.01
        with pytest.raises(UsageError, match="has no layer 'nowhere'; it has "):
            classifier.activations(classifier.features(windows), ["nowhere"])


def test_a_copy_answers_the_same_and_no_clip_depends_on_its_batch(card: Path, windows: torch.Tensor) -> None:
    for classifier in load_classifiers(card):
        features = classifier.features(windows)
        together = classifier.network(features)
        assert torch.equal(classifier.network.copied()(features), together)
        assert torch.equal(torch.cat([classifier.network(one[None]) for one in features]), together)


def test_variants_are_chosen_by_name(card: Path) -> None:
    loaded = load_classifiers(card)
    assert [one.variant for one in variants_of(loaded, ["float32", "dynamic-int8"]).made] == ["float32", "int8"]
    assert [one.variant for one in variants_of(loaded, ["int8"]).made] == ["int8"]
    with pytest.raises(UsageError, match="there is no variant 'int9'; the cards give float32, int8"):
        variants_of(loaded, ["int9"])
    with pytest.raises(UsageError, match="no variant of static-int8 is there; the cards give float32, int8"):
        variants_of(loaded, ["static-int8"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda content: b"", "is no TensorFlow Lite model"),
        (lambda content: content[: len(content) // 2], "it is truncated or damaged"),
        (lambda content: b"RIFF" + bytes(500), "is no TensorFlow Lite model"),
    ],
)
def test_other_files_are_refused(contents: dict[str, bytes], tmp_path: Path, change: Any, words: str) -> None:
    with pytest.raises(CardError, match=words):
        load_classifier(kws_card(tmp_path, {"int8": change(contents["int8"])}))


def test_a_dynamic_range_file_has_no_reference_kernels(contents: dict[str, bytes], tmp_path: Path) -> None:
    with pytest.raises(CardError, match=r'kernels = "reference" does not go with it.*write kernels = "xnnpack"'):
        load_classifier(kws_card(tmp_path, {"float32": contents["float32"]}, kernels="reference"))


def test_a_wrong_label_count_is_refused(contents: dict[str, bytes], tmp_path: Path) -> None:
    with pytest.raises(CardError, match=r"gives \[1, 12\] for 1 clips.*has 13 labels"):
        load_classifier(kws_card(tmp_path, {"int8": contents["int8"]}, labels=[*LABELS, "more"]))


def test_another_front_end_is_refused_with_both_shapes(contents: dict[str, bytes], tmp_path: Path) -> None:
    card = kws_card(tmp_path, {"int8": contents["int8"]})
    card.write_text(card.read_text().replace("duration_ms = 1000", "duration_ms = 900"))
    with pytest.raises(CardError, match=r"takes \[1 49 10 1\] int8 and the front-end gives \[1 44 10 1\]"):
        load_classifier(card)


def test_a_variant_of_other_labels_is_named(shared: Path, contents: dict[str, bytes], tmp_path: Path) -> None:
    other = (shared / "mlperf_tiny" / "str_ww_ref_model.tflite").read_bytes()
    with pytest.raises(CardError, match=r"kws\.toml: variants\.other: the graph takes \[1 30 1 40\] int8 and the front-end gives"):
        load_classifiers(kws_card(tmp_path, {"int8": contents["int8"], "other": other}))


@pytest.mark.parametrize("said", ["logits", "log-probabilities"])
def test_outputs_that_are_probabilities_are_not_taken_for_others(contents: dict[str, bytes], tmp_path: Path, said: str) -> None:
    card = kws_card(tmp_path, {"int8": contents["int8"]})
    card.write_text(card.read_text().replace('output = "probabilities"', f'output = "{said}"'))
    with pytest.raises(CardError, match=rf'ends in SOFTMAX, and output = "{said}"; write output = "probabilities"'):
        load_classifier(card)


def test_an_input_scale_of_0_is_refused(contents: dict[str, bytes], tmp_path: Path) -> None:
    scale = np.float32(0.5847029089927673).tobytes()
    assert contents["int8"].count(scale) == 1
    with pytest.raises(CardError, match="its input input_1 is int8 with a scale of 0"):
        load_classifier(kws_card(tmp_path, {"int8": contents["int8"].replace(scale, bytes(4))}))


def test_an_operator_that_litert_lacks_is_named(contents: dict[str, bytes], tmp_path: Path) -> None:
    from ai_edge_litert import schema_py_generated as schema
    from flatbuffers import Builder

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(bytearray(contents["int8"])))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for code in model.operatorCodes:
            if code.deprecatedBuiltinCode == schema.BuiltinOperator.SOFTMAX:
                code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
                code.customCode = b"HouseSoftmax"
        model.subgraphs[0].operators[-1].builtinOptions, model.subgraphs[0].operators[-1].builtinOptionsType = None, 0
        builder = Builder(1024)
        builder.Finish(model.Pack(builder), b"TFL3")
    with pytest.raises(CardError, match=r"has an operator that LiteRT lacks .*HouseSoftmax"):
        load_classifier(kws_card(tmp_path, {"int8": bytes(builder.Output())}))


def test_a_missing_extra_says_what_to_install(card: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(CardError, match=r"needs LiteRT; pip install 'speech-robustness\[tflite\]'"):
        load_classifier(card)
