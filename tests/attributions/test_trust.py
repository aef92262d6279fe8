from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from robustness.attributions.base import Relevance, Target
from robustness.attributions.deletion import DeletionCurves
from robustness.attributions.masking import Explainable
from robustness.attributions.methods.integrated_gradients import IntegratedGradients
from robustness.attributions.methods.occlusion import Occlusion
from robustness.attributions.randomization import cascade, forgotten, weighted
from robustness.attributions.stability import class_sensitivity, infidelity, max_sensitivity
from robustness.attributions.trust import Checks
from robustness.models.formats.torch_module import TorchNetwork, module_of
from robustness.quantization.base import quantized
from robustness.seeds import generator_of
from tests.attributions.networks import LABELS, TARGET, Flat, classifier_of, right_padded, tutorial_like


class Local(nn.Module):
    """A score with curves in it that hears one stretch of the clip, and another for another label."""

    def __init__(self) -> None:
        super().__init__()
        self.loud = nn.Linear(64 * 20, 1)
        self.out = nn.Linear(2, len(LABELS))
        self.loud.weight.data = torch.rand(self.loud.weight.shape, generator=generator_of("loud")) / 640
        self.out.weight.data = torch.tensor([[6.0, 0.0], [0.0, 3.0], [0.0, 0.0]])

    def forward(self, features: Tensor) -> Tensor:
        parts = [torch.tanh(self.loud(features[..., a : a + 20].flatten(1) / 40 + 1)) for a in (10, 40)]
        logits: Tensor = self.out(torch.cat(parts, 1))
        return logits


def case_of(net: nn.Module, target: Target = TARGET) -> Explainable:
    classifier = classifier_of(net)
    return Explainable.of(classifier, right_padded(classifier, 900), target)


def shuffled(found: Relevance) -> Relevance:
    cells = found.map.flatten(1)
    order = torch.randperm(cells.shape[1], generator=generator_of("shuffled"))
    return replace(found, map=cells[:, order].reshape(found.map.shape))


@pytest.mark.parametrize("method", [Occlusion(frame_stride=10, band_stride=8, frames=11), IntegratedGradients()])
def test_a_true_map_passes_and_the_same_map_shuffled_fails(method: Occlusion | IntegratedGradients) -> None:
    case = case_of(Local())
    found = method.attribute(case.classifier, case.features, case.target)
    checks = Checks(case)
    box = checks.of_map(method, found)
    assert box.failed == []
    assert box.passes > found.passes
    broken = checks.of_map(method, shuffled(found))
    assert any("not clearly better than in a random order" in words for words in broken.failed)
    assert broken.gap == pytest.approx(box.gap, abs=1e-3)  # its sum is still right: completeness alone would let it pass


def test_a_map_that_does_not_sum_fails() -> None:
    case = case_of(Local())
    found = IntegratedGradients().attribute(case.classifier, case.features, case.target)
    assert found.gap is not None
    box = Checks(case).of_map(IntegratedGradients(), replace(found, gap=found.gap + 3))
    assert box.failed == ["does not sum to the change of the score"]


class Loudness(nn.Module):
    """A score that is the clip's own level, whatever the weights say."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Linear(1, 1)

    def forward(self, features: Tensor) -> Tensor:
        level = features.mean((1, 2, 3)) / 10
        level = level + 0 * self.weight(level[:, None])[:, 0]
        return torch.stack([level, 0 * level, 0 * level], 1)


def test_a_map_that_ignores_the_weights_fails() -> None:
    case = case_of(Loudness())
    found = Occlusion().attribute(case.classifier, case.features, case.target)
    box = Checks(case).of_map(Occlusion(), found)
    assert box.stages[-1].spearman == pytest.approx(1.0)
    assert "much the same with random weights" in box.failed


def test_lift_of_a_linear_score_is_the_closed_form() -> None:
    net = Flat(64, 101)
    case = case_of(net)
    own = net.margin_weight(TARGET, 64) * (case.features - case.baseline)[0, 0]
    with torch.inference_mode():
        curves = DeletionCurves(case)
        lift, worst = curves.lift(own), curves.lift(-own)
        sums = (curves.blocks.float().flatten(1) @ own.flatten()).sort(descending=True).values
    assert lift is not None
    assert worst is not None
    whole = TARGET.score(case.classifier.logits_from(case.features)) - sums.cumsum(0).new_zeros(1)
    path = [float(whole - sums[: round(step * len(sums) / 8)].sum()) for step in range(9)]
    area = (sum(path) - (path[0] + path[-1]) / 2) / 8
    assert float(curves._random.mean()) - area == pytest.approx(lift.deletion, rel=1e-3)
    assert lift.deletion > 0 > worst.deletion
    assert lift.insertion > 0 > worst.insertion


def test_there_is_no_order_in_a_clip_that_is_silent() -> None:
    classifier = tutorial_like()
    silent = torch.full((1, 1, 64, 101), -100.0)
    case = Explainable.of(classifier, silent, TARGET)
    box = Checks(case).of_map(Occlusion(), Occlusion().attribute(classifier, silent, TARGET))
    assert box.lift is None
    assert box.failed == []


@pytest.mark.parametrize("scheme", ["float32", "dynamic-int8"])
def test_the_network_forgets_from_the_last_layer_down_in_a_copy(scheme: str) -> None:
    classifier = quantized(tutorial_like(), scheme)
    features = right_padded(classifier, 300)
    before = classifier.logits_from(features)
    names = weighted(module_of(classifier.network))
    assert [name.partition(".")[0] for name in names] == ["conv1", "conv2", "fc1", "fc2"]
    case = Explainable.of(classifier, features, TARGET)
    method = Occlusion(frames=20, frame_stride=20, bands=16, band_stride=16)
    stages, passes = cascade(method, case)
    assert passes == 4 * method.rough.attribute(classifier, features, TARGET).passes
    assert [(stage.layers, stage.of, stage.down_to) for stage in stages] == [(1, 4, "fc2"), (2, 4, "fc1"), (4, 4, "conv1")]
    assert all(stage.spearman is not None and abs(stage.spearman) < 0.999 for stage in stages)
    assert torch.equal(classifier.logits_from(features), before)
    one, again = (
        replace(classifier, network=TorchNetwork(forgotten(module_of(classifier.network), names[-1:], 3))).logits_from(features)
        for _ in range(2)
    )
    assert torch.equal(one, again)
    assert not torch.allclose(one, before)


def test_a_network_whose_weights_cannot_be_reached_is_not_judged_by_them() -> None:
    case = case_of(nn.Sequential(nn.AdaptiveAvgPool2d((1, 3)), nn.Flatten()))
    assert cascade(Occlusion(), case) == ([], 0)


def test_infidelity_is_none_of_a_linear_score_and_all_of_a_constant_map() -> None:
    net = Flat(64, 101)
    case = case_of(net)
    own = net.margin_weight(TARGET, 64) * (case.features - case.baseline)[0, 0]
    assert infidelity(case, own) == pytest.approx(0.0, abs=1e-5)
    assert infidelity(case, 7 * own) == pytest.approx(0.0, abs=1e-5)  # the best scale is taken
    assert infidelity(case, torch.zeros_like(own)) == pytest.approx(1.0)
    deaf = copy.deepcopy(net)
    deaf.linear.weight.data.zero_()
    assert infidelity(case_of(deaf), own) is None


def test_max_sensitivity_is_small_for_a_linear_score_and_nan_where_the_answer_flips() -> None:
    case = case_of(Flat(64, 101))
    method = IntegratedGradients(steps=(50,))
    found = method.attribute(case.classifier, case.features, TARGET).map[0]
    assert 0 < max_sensitivity(case, method, found) < 0.2  # by a tenth of each band's spread at most

    class Edge(nn.Module):
        def forward(self, features: Tensor) -> Tensor:
            away = 100 * (features.mean((1, 2, 3)) - case.features.mean()).abs() - 1e-3
            return torch.stack([-away, away, 0 * away - 1e6], 1)

    edge = case_of(Edge())
    map_there = method.attribute(edge.classifier, edge.features, TARGET).map[0]
    assert max_sensitivity(edge, method, map_there) != max_sensitivity(edge, method, map_there)


def test_class_sensitivity_tells_maps_of_one_class_from_maps_of_all() -> None:
    same = class_sensitivity(case_of(Loudness()), Occlusion())
    assert same == {"no": None, "unknown": None}  # constant maps of the other logits
    assert list(class_sensitivity(case_of(Loudness()), Occlusion(), 1)) == ["no"]  # the likeliest of the other labels
    own = class_sensitivity(case_of(Local()), Occlusion())
    assert own["no"] is not None
    assert own["no"] < 0.5
