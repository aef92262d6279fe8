"""Whether each layer's error and what its parts bring back are what they are: against networks in which the place to find is planted.

At 1000 Hz a feature frame is a sample is a millisecond (`tests.explanations.planted`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from robustness.audio.labels import LabelSource
from robustness.audio.placement import trimmed
from robustness.audio.reading import read_recordings
from robustness.errors import UsageError
from robustness.explanations.equivariance import ActivationPair
from robustness.explanations.evidence import write_evidence
from robustness.explanations.layers import Layer, Time, noise_of
from robustness.explanations.patching import LayerLoss, Swaps, answers_with, can_be_short
from robustness.explanations.subject import Subject
from robustness.explanations.word_tracking import Following, Moved
from robustness.models.card import load_classifier
from robustness.models.classifier import Classifier
from robustness.models.formats.torch_module import QUANTIZED, TorchNetwork, module_of
from robustness.quantization.base import quantized
from robustness.quantization.one_by_one import RowByRow
from robustness.run.damage import plain
from robustness.run.evidence import LayerTracking
from tests import builders
from tests.explanations.planted import WINDOW_MS, classifier, recording, run_of

WORD = torch.sin(torch.arange(400) / 7).abs() * 0.25 + 0.05  # no two parts alike


def of(net: nn.Module) -> Classifier:
    return replace(classifier((0, 1)), network=TorchNetwork(net.eval()))


def moved(here_ms: float, there_ms: float) -> Moved:
    one = replace(recording("a.wav"), samples=WORD)
    return Moved(Subject.of(one, classifier((0, 1)).frame), here_ms, there_ms, "yes", "float32")


def followed(net: nn.Module, here_ms: float, there_ms: float, only: tuple[str, ...] = ()) -> dict[str, dict[str, Any]]:
    tracked = Following({"float32": of(net)}, only).of(moved(here_ms, there_ms))
    assert tracked is not None
    found = plain(LayerTracking, tracked)
    return {row["layer"]: row | {"whole": found["whole"], "there_ms": found["there_ms"]} for row in found["layers"]}


def error(row: dict[str, Any]) -> float:
    found: float = row["variants"]["float32"]["error"]
    return found


class Late(nn.Module):
    """Convolutions of given strides; then each place has a weight of its own: the second half says yes, the first says no."""

    def __init__(self, *strides: int) -> None:
        super().__init__()
        rng = torch.Generator().manual_seed(1)
        for i, stride in enumerate(strides):
            conv = nn.Conv1d(1 if i == 0 else 4, 4, 5, stride=stride, bias=False)
            conv.weight.data = torch.rand(conv.weight.shape, generator=rng) - 0.2
            setattr(self, f"conv{i}", conv)
        self.count = len(strides)
        frames = self.hidden(torch.zeros(1, 1, WINDOW_MS)).shape[2]
        self.fc1 = nn.Linear(4 * frames, 3)
        places = torch.where(torch.arange(frames) * math.prod(strides) < 500, -1.0, 1.0)
        self.fc1.weight.data = torch.stack([places.repeat(4), torch.zeros(4 * frames), torch.zeros(4 * frames)])
        self.fc1.bias.data.zero_()
        self.fc2 = nn.Linear(3, 3)
        self.fc2.weight.data, self.fc2.bias.data = torch.eye(3), torch.zeros(3)

    def hidden(self, given: Tensor) -> Tensor:
        for i in range(self.count):
            given = getattr(self, f"conv{i}")(given).relu()
        return given

    def forward(self, features: Tensor) -> Tensor:
        outputs: Tensor = self.fc2(self.fc1(self.hidden(features[:, 0]).flatten(1)))
        return outputs


class Gained(nn.Module):
    """Channels whose gain depends on the place; the loudest moment of each, over all time, says yes."""

    def __init__(self, gains: Tensor) -> None:
        super().__init__()
        self.gains = gains  # [channels time]
        self.split = nn.Conv1d(1, len(gains), 1, bias=False)
        self.split.weight.data.fill_(1.0)
        self.gate = nn.Conv1d(len(gains), len(gains), 1, groups=len(gains), bias=False)
        self.gate.weight.data.fill_(1.0)
        self.answer = nn.Linear(len(gains), 3)
        self.answer.weight.data = torch.stack([torch.full((len(gains),), 10.0), torch.zeros(len(gains)), torch.zeros(len(gains))])
        self.answer.bias.data = torch.tensor([0.0, 2.0 * len(gains), 0.0])

    def forward(self, features: Tensor) -> Tensor:
        outputs: Tensor = self.answer(self.gate(self.split(features[:, 0]) * self.gains).amax(2))
        return outputs


def ramp(channels: int = 1) -> Tensor:
    return torch.linspace(0.2, 1.4, WINDOW_MS).expand(channels, -1)


@pytest.mark.parametrize("strides", [(1,), (1, 1), (2,), (2, 3), (4, 2)])
def test_convolutions_follow_exactly_at_whole_frames_and_the_linear_layer_is_the_first_to_jump(strides: tuple[int, ...]) -> None:
    rows = followed(Late(*strides), 50, 533)
    assert rows["features"]["whole"]
    assert (rows["features"]["there_ms"] - 50) % math.prod(strides) == 0
    assert abs(rows["features"]["there_ms"] - 533) <= math.prod(strides) / 2
    for i in range(len(strides)):
        row = rows[f"conv{i}"]
        assert row["stride_ms"] == math.prod(strides[: i + 1])
        assert error(row) == pytest.approx(0, abs=1e-5)
        assert row["patched"]["all"] == pytest.approx(0, abs=1e-4)  # it has what it gives there already
    assert error(rows["fc1"]) > 0.5
    assert rows["fc1"]["stride_ms"] is None
    assert list(rows) == ["features", *(f"conv{i}" for i in range(len(strides))), "fc1", "fc2"]


def test_where_no_whole_shift_is_right_the_counterpart_stays_and_it_is_said() -> None:
    class Narrow(Late):
        """Right at one lead alone, which is no whole number of frames away."""

        def forward(self, features: Tensor) -> Tensor:
            at = (features[:, 0, 0] > 0).float().argmax(1)
            logits = super().forward(features).clone()
            logits[:, 0] = torch.where(at == 533, 1.0, -1.0)
            return logits

    rows = followed(Narrow(4), 50, 533)
    assert (rows["conv0"]["whole"], rows["conv0"]["there_ms"]) == (False, 533)
    assert error(rows["conv0"]) > 0.01  # the grid's


@pytest.mark.parametrize("shift", [7, -7, 0])
def test_the_error_is_the_formulas_over_the_frames_that_both_have(shift: int) -> None:
    rng = torch.Generator().manual_seed(0)
    here, there, silence, other = torch.randn(4, 3, 20, generator=rng)
    pair = ActivationPair.of(Layer("a", "a", Time(2, 2, 0.0)), torch.stack([here, there, silence, other]), 2 * shift)  # type: ignore[arg-type]
    frames = [t for t in range(20) if 0 <= t + shift < 20]
    off = sum((here[c, t] - there[c, t + shift]) ** 2 for c in range(3) for t in frames)
    word = sum((there[c, t + shift] - silence[c, t + shift]) ** 2 for c in range(3) for t in frames)
    unlike = sum((other[c, t + shift] - there[c, t + shift]) ** 2 for c in range(3) for t in frames)
    assert pair.error == pytest.approx(math.sqrt(off / word), rel=1e-5)
    assert pair.floor == pytest.approx(math.sqrt(unlike / word), rel=1e-5)
    assert pair.lost == pytest.approx(1 - float(word) / float((there - silence).square().sum()), abs=1e-5)
    for t in range(20):
        expected = there[:, t + shift] if t in frames else here[:, t]
        assert torch.equal(pair.moved[:, t], expected)


def test_a_layer_that_says_nothing_of_the_word_has_no_error() -> None:
    silent = torch.zeros(3, 2, 5)
    pair = ActivationPair.of(Layer("a", "a", None), silent, 3)
    assert (pair.error, pair.floor, pair.lost) == (None, None, None)


def test_all_spans_together_bring_back_the_whole_margin_and_the_last_one_most() -> None:
    rows = followed(Gained(ramp()), 100, 500)
    patched = rows["gate"]["patched"]
    assert patched["all"] == pytest.approx(1, abs=1e-5)
    # The loudest moment of a span there, against the loudest of the word here: the formula of the network, moment by moment.
    edges = [80 * i for i in range(6)]
    loud = {lead: [float(WORD[t]) * float(ramp()[0, lead + t]) for t in range(400)] for lead in (100, 500)}
    for span, low, high in zip(patched["spans"], edges, edges[1:], strict=False):
        assert (span["start_ms"], span["end_ms"]) == (100 + low, 100 + high)
        best = max([*loud[500][low:high], *loud[100][:low], *loud[100][high:]])
        assert span["share"] == pytest.approx((best - max(loud[100])) / (max(loud[500]) - max(loud[100])), abs=1e-3)
    assert max(patched["spans"], key=lambda span: span["share"]) == patched["spans"][-1]


def test_the_one_channel_that_is_dead_here_is_named() -> None:
    gains = torch.full((6, WINDOW_MS), 0.7)
    gains[3, :520] = 0
    rows = followed(Gained(gains), 100, 550)
    assert error(rows["split"]) == pytest.approx(0, abs=1e-6)
    patched = rows["gate"]["patched"]
    assert patched["channels"] == [{"channel": 3, "share": pytest.approx(1, abs=1e-5)}]
    assert (patched["tried"], patched["of"]) == (1, 6)
    assert error(rows["gate"]) == pytest.approx(math.sqrt(1 / 6), abs=1e-5)


def test_of_many_channels_those_that_differ_most_are_tried() -> None:
    gains = torch.full((50, WINDOW_MS), 0.7)
    gains[:, :520] = torch.linspace(0.7, 0.2, 50)[:, None]
    patched = followed(Gained(gains), 100, 550)["gate"]["patched"]
    assert (patched["tried"], patched["of"]) == (32, 50)
    assert [one["channel"] for one in patched["channels"]] == [49, 48, 47]


def static() -> Classifier:
    return quantized(builders.classifier(), "static-int8", builders.calibration())


def by_row() -> Classifier:
    model = quantized(builders.classifier(), "dynamic-int8")
    return replace(model, network=TorchNetwork(RowByRow(module_of(model.network))))


@pytest.mark.parametrize(
    ("make", "short"),
    [
        (builders.classifier, True),
        (lambda: quantized(builders.classifier(), "dynamic-int8"), True),
        (static, True),
        (by_row, False),
    ],
)
@pytest.mark.parametrize("layer", ["conv1", "conv2", "fc1"])
def test_a_batch_of_replaced_outputs_is_answered_as_one_at_a_time(make: Callable[[], Classifier], short: bool, layer: str) -> None:
    model = make()
    features = noise_of(model)
    path = next(one.path for one in Following({"a": model}).layers["a"] if one.name == layer)
    other = model.activations(features.roll(10, 3), [path])[path][0]
    given = model.activations(features, [path])[path][0]
    values = torch.stack([given, other, (given + other) / 2] * 12)
    alone = torch.cat([answers_with(model, features, path, value[None]) for value in values])
    assert torch.allclose(answers_with(model, features, path, values), alone, atol=1e-5)
    assert torch.allclose(alone[0], model.logits_from(features)[0], atol=1e-6)
    assert not torch.allclose(alone[1], alone[0], atol=1e-3)
    assert can_be_short(model, features, path, values[:3]) is short
    if short:
        assert torch.allclose(answers_with(model, features, path, values, short=True), alone, atol=1e-5)


def test_what_joins_a_layer_with_what_was_before_is_not_made_short() -> None:
    class Joined(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.part = nn.Linear(WINDOW_MS, 3)
            self.joined = nn.Linear(WINDOW_MS + 3, 3)

        def forward(self, features: Tensor) -> Tensor:
            flat = features.flatten(1)
            outputs: Tensor = self.joined(torch.cat([flat, self.part(flat)], 1))
            return outputs

    model = of(Joined())
    features = torch.rand(1, 1, 1, WINDOW_MS, generator=torch.Generator().manual_seed(0))
    values = torch.tensor([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]])
    assert not can_be_short(model, features, "part", values)
    flat = features.flatten(1).expand(2, -1)
    expected = module_of(model.network).get_submodule("joined")(torch.cat([flat, values], 1))
    assert torch.allclose(answers_with(model, features, "part", values), expected, atol=1e-5)


def test_shares_are_the_same_with_and_without_the_shortcut() -> None:
    model = of(Gained(ramp(3)))
    given = {lead: model.features(moved(100, 500).subject.at([lead]).samples) for lead in (100, 500)}
    clips = torch.cat([given[100], given[500], torch.zeros_like(given[100])])
    layer = next(one for one in Following({"a": model}).layers["a"] if one.name == "gate")
    pair = ActivationPair.of(layer, model.activations(clips, ["gate"])["gate"], 400)
    drop = LayerLoss(given[100], 0, -1.0, 1.0, (100, 500), 1.0)
    quick, slow = Swaps(model), Swaps(model, _short={"gate": False})
    assert quick.of(pair, drop) == slow.of(pair, drop)
    assert quick._short == {"gate": True}


def test_hooks_are_gone_afterwards() -> None:
    model = of(Late(2))
    Following({"float32": model}).of(moved(50, 533))
    assert not any(module._forward_hooks for module in module_of(model.network).modules())


def test_an_unknown_layer_is_refused_with_those_that_exist() -> None:
    with pytest.raises(UsageError, match=r"planted has no layer 'conv9'; it has conv0, fc1, fc2"):
        Following({"float32": of(Late(1))}, ("fc1", "conv9"))


def test_wanted_layers_alone_are_taken_parts_of() -> None:
    rows = followed(Late(1), 50, 533, ("fc1",))
    assert [name for name, row in rows.items() if row["patched"]] == ["fc1"]


def test_a_network_without_weights_has_nothing_to_say() -> None:
    assert Following({"float32": classifier((35, 700))}).of(moved(0, 300)) is None


def test_the_card_of_a_failure_has_it_and_other_words_as_its_floor(tmp_path: Path) -> None:
    models = [of(Late(2)), replace(of(Late(2)), variant="dynamic-int8", network=TorchNetwork(Late(2).eval(), QUANTIZED))]
    words = [replace(recording("a.wav"), samples=WORD), replace(recording("b.wav", "no"), samples=WORD.flip(0))]
    run = run_of(models, words, tmp_path / "run")
    write_evidence(run, models, words, seed=0)
    cards = json.loads((run.evidence / "failures.json").read_text())["failures"]
    found = next(card["following"] for card in cards if card["recording"] == "a.wav")
    assert [row["layer"] for row in found["layers"]] == ["features", "conv0", "fc1", "fc2"]
    for row in found["layers"]:
        assert row["variants"]["float32"] == row["variants"]["dynamic-int8"]
        assert row["variants"]["float32"]["floor"] > 0.1
    assert found["whole"]
    assert all(card["following"] is None for card in cards if card["counterpart"] is None)


def test_the_shipped_network_stops_at_its_first_linear_layer_in_both_variants(root: Path) -> None:
    model = load_classifier(root / "models" / "digits.toml")
    models = {"float32": model, "dynamic-int8": quantized(model, "dynamic-int8")}
    joe = root / "recordings" / "joe"
    read = read_recordings(
        [joe / "synthetic_joe_piper_clean_six_1.wav"],
        rate_hz=model.frame.rate_hz,
        longest_samples=model.frame.samples,
        labels=LabelSource(csv=joe / "spans.csv"),
    )
    six = Subject.of(trimmed(read.recordings[0], model.frame), model.frame)
    tracked = Following(models).of(Moved(six, 0.0, six.lead_ms("center"), "six", "float32"))
    assert tracked is not None
    found = plain(LayerTracking, tracked)
    rows = {row["layer"]: row for row in found["layers"]}
    assert found["whole"]
    assert found["there_ms"] % 20 == 0
    for variant in models:
        errors = {name: row["variants"][variant]["error"] for name, row in rows.items()}
        assert max(errors["features"], errors["conv1"], errors["conv2"]) < 0.03
        assert errors["fc1"] > 0.7
    assert rows["conv2"]["variants"]["float32"]["lost"] > 0.4  # no filter of it can lie before the window
    assert abs(rows["conv2"]["patched"]["all"]) < 0.02
    assert rows["fc1"]["patched"]["channels"][0]["share"] > 0.1
