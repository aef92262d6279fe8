"""Whether an explanation says what is so: targets, sums, masks, sounds, and a sentence for each mistake."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import robustness
from robustness.analysis.map_cells import top_cells
from robustness.attributions.trust import TrustBox
from robustness.errors import CannotJudgeError, RecordingError, UsageError
from robustness.explanations.explanation import Explanation, MapRow, explain
from robustness.explanations.map_checks import CheckedMap, MapTests
from robustness.explanations.map_records import MapCost
from robustness.explanations.sounds import HEARD
from robustness.inspector.figure import figure_of
from robustness.inspector.page import scales_of
from robustness.inspector.wording import map_verdict
from robustness.models.classifier import Classifier
from robustness.models.formats.torch_module import TorchNetwork
from tests.builders import classifier, recording

PLACED = {"placement": "start", "tested": False}


@pytest.fixture(scope="module")
def variants() -> list[Classifier]:
    return [classifier(), robustness.quantized(classifier(), "dynamic-int8")]


@pytest.fixture(scope="module")
def found(variants: list[Classifier]) -> Explanation:
    return explain(variants, recording("up.wav"), placement="start", methods=("occlusion", "shapley"), tested=False)


def test_segments_go_from_the_baseline_to_the_score(found: Explanation) -> None:
    ends = found.segments.groupby(["variant", "target"])
    for _, rows in ends:
        assert rows["share"].sum() == pytest.approx(rows["value"].iloc[0] - rows["baseline"].iloc[0], abs=1e-4)
        assert list(rows["start_ms"]) == [100.0 * i for i in range(10)]
        assert rows["end_ms"].iloc[-1] == 1000


def test_the_default_target_is_the_margin_of_the_truth_to_its_strongest_rival(found: Explanation) -> None:
    first = next(iter(found.question.targets.values()))
    logits = found.question.here.logits["float32"].clone()
    labels = found.question.first.labels
    assert labels[first.label] == "up"
    logits[first.label] = -torch.inf
    assert first.rival == int(logits.argmax())


def test_padding_says_nothing_and_a_map_is_of_the_picture(found: Explanation) -> None:
    shape = found.arrays["log_mel"].shape
    assert all(array.shape == shape for array in found.arrays.values())
    assert not np.abs(found.arrays[next(key for key in found.arrays if key != "log_mel")][:, 65:]).any()


def test_each_sound_is_fed_back_to_every_variant(found: Explanation) -> None:
    for sound in found.sounds:
        for variant, model in found.question.classifiers.items():
            again = model.logits(sound.samples[None])[0]
            assert sound.answers[variant].predicted == model.labels[int(again.argmax())]
    assert torch.equal(found.sounds[0].samples, found.question.here.window)
    assert found.sounds[0].key == HEARD


def test_the_tenth_and_the_rest_make_the_whole(found: Explanation) -> None:
    sounds = {sound.key: sound.samples for sound in found.sounds}
    key = str(found.table["method"][0]) + "/float32/" + str(found.table["target"][0])
    whole = sounds[f"only/{key}"] + sounds[f"without/{key}"]
    assert torch.allclose(whole, sounds[HEARD], atol=1e-5)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([[0.0, 0.0]], [[False, False]]),
        ([[0.0, -3.0]], [[False, True]]),
        ([[float(i) for i in range(21)]], [[i >= 19 for i in range(21)]]),
        ([[2.0, 2.0, 1.0, 0.0]], [[True, True, False, False]]),
    ],
)
def test_the_strongest_tenth(values: list[list[float]], expected: list[list[bool]]) -> None:
    assert top_cells(np.array(values, dtype=np.float32)).tolist() == expected


def test_one_scale_holds_every_map_and_difference_of_a_method(found: Explanation) -> None:
    for method, scale in scales_of(found).items():
        maps = [array for key, array in found.arrays.items() if key.startswith(f"{method}/")]
        assert scale["map"] >= max(float(np.abs(array).max()) for array in maps)
        targets = found.question.targets
        gaps = [np.abs(found.arrays[f"{method}/dynamic-int8/{t}"] - found.arrays[f"{method}/float32/{t}"]).max() for t in targets]
        assert scale["map"] >= max(gaps)


def test_the_python_door_gives_arrays_a_table_and_a_figure(found: Explanation) -> None:
    assert robustness.explain is explain
    assert len(found.table) == 2 * 2 * 3
    assert len(figure_of(found).data) == 2
    assert "logits" in str(figure_of(found).layout.title.text)


def test_a_model_alone_at_a_lead_with_an_unknown_word_is_explained() -> None:
    seen = explain(classifier(), replace(recording("x.wav"), label=None), offset_ms=-20, methods=("occlusion",), tested=False)
    assert seen.question.truth is None
    assert seen.question.label == seen.question.answer("float32")
    assert seen.question.here.lead_ms == -20
    assert seen.sounds[0].answers["float32"].margin is None


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"methods": ("lime",)}, "no attribution method 'lime'.*occlusion"),
        ({"targets": ("sideways",)}, "no target 'sideways'.*unknown"),
        ({"targets": ("up-up",)}, "no target 'up-up'"),
        ({"baseline": "pink"}, "no baseline 'pink'.*silence, band-mean, floor, counterpart"),
        ({"placement": "left"}, "no placement 'left'.*start, center, end"),
        ({"placement": "start", "offset_ms": 3.0}, "two places"),
        ({"offset_ms": 1000.0}, "leaves nothing"),
    ],
)
def test_a_mistake_is_said_with_what_exists(given: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=re.compile(words, re.DOTALL)):
        explain(classifier(), recording("up.wav"), **given)  # type: ignore[arg-type]


def test_a_gradient_method_alone_on_int8_names_the_remedy(variants: list[Classifier]) -> None:
    with pytest.raises(UsageError, match="take occlusion"):
        explain(replace(variants[1], surrogate=None), recording("up.wav"), methods=("integrated-gradients",))


def test_a_surrogate_gives_gradients_and_is_labelled(variants: list[Classifier]) -> None:
    stand_in = replace(variants[0], variant="fake-quantized")
    seen = explain(replace(variants[1], surrogate=stand_in), recording("up.wav"), methods=("integrated-gradients",), tested=False)
    assert set(seen.table["surrogate"]) == {"fake-quantized"}
    assert (seen.table["logit_gap"] >= 0).all()


class Broken(nn.Module):
    """Answers with what it is told to."""

    def __init__(self, value: float, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.value, self.shape = value, shape

    def forward(self, features: Tensor) -> Tensor:
        return torch.full((len(features), *self.shape), self.value)


@pytest.mark.parametrize(
    ("value", "shape", "error", "words"),
    [
        (0.0, (11, 3), UsageError, r"gives \[1, 11, 3\].*expected \[clips labels\]"),
        (0.0, (7,), UsageError, r"gives \[1, 7\]"),
        (float("nan"), (11,), CannotJudgeError, "NaN"),
    ],
)
def test_outputs_that_explain_nothing_are_refused(value: float, shape: tuple[int, ...], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        explain(replace(classifier(), network=TorchNetwork(Broken(value, shape)), output="logits"), recording("up.wav"))


def test_a_recording_that_does_not_fit_is_refused() -> None:
    with pytest.raises(RecordingError, match="robustness segment"):
        explain(classifier(), recording("up.wav", ms=1200))
    with pytest.raises(RecordingError, match="8000 Hz"):
        explain(classifier(), replace(recording("up.wav"), rate_hz=8000))


def test_a_map_that_fails_says_so() -> None:
    def row(failed: list[str] | None, **cost: Any) -> MapRow:
        known = {"gap": 0.0, "complete": True, "steps": None, "error": None, "surrogate": None, "logit_gap": None}
        box = None if failed is None else TrustBox(0.0, 1.0, None, [], 0, 10, failed)
        tests = None if box is None else MapTests(box, None, 0.0, {})
        made = MapCost("occlusion", "float32", "up", 1.0, 1.0, 1.0, 10, 3, **(known | cost))
        return MapRow(made, CheckedMap(None, tests))

    said = "This map fails its checks: deletion no better than in a random order."
    assert map_verdict(row(["deletion no better than in a random order"])) == (said, True)
    assert map_verdict(row([])) == ("This map passes its checks.", False)
    assert map_verdict(row(None, complete=False))[1]


def test_the_example_in_the_documentation_runs(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (root / "docs" / "explain.md").read_text(encoding="utf-8")
    code = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    monkeypatch.chdir(root)
    scope: dict[str, object] = {}
    exec(compile("\n".join(code), "docs/explain.md", "exec"), scope)
    seen = scope["found"]
    assert isinstance(seen, Explanation)
    assert scope["largest"] == str(seen.segments["start_ms"].to_numpy()[seen.segments["share"].abs().to_numpy().argmax()])
