"""Does the inspection of a model say what is true of it, above all whether a batch changes its answers?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from robustness.models.classifier import Classifier
from robustness.models.formats.torch_module import TorchNetwork, module_of
from robustness.models.inspection import Independence, independence, inspect, logit_spread
from robustness.quantization.base import quantized
from tests.builders import LABELS, RATE_HZ, classifier, recording, recordings


class Shifted(nn.Module):
    """Log-probabilities of features less something that the whole batch decides."""

    def __init__(self, of_batch: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.linear = nn.Linear(64, 11)
        self.of_batch = of_batch

    def forward(self, features: Tensor) -> Tensor:
        logits: Tensor = self.linear(features.mean(dim=(1, 3))) / 100 + self.of_batch(features)
        return logits.log_softmax(1)


def with_net(net: nn.Module) -> Classifier:
    return quantized(replace(classifier(), network=TorchNetwork(net.eval())), "float32")


@pytest.mark.parametrize(
    ("of_batch", "holds"),
    [
        (lambda features: torch.zeros(11), True),
        (lambda features: features.mean() * torch.arange(11), False),
        (lambda features: features.amax() * torch.arange(11) * 1e-3, False),
        (lambda features: torch.full((11,), torch.nan) if len(features) > 1 else torch.zeros(11), False),
    ],
)
def test_a_network_that_mixes_its_batch_is_told_from_one_that_does_not(of_batch: Callable[[Tensor], Tensor], *, holds: bool) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = with_net(Shifted(of_batch))
    windows = torch.randn(3, RATE_HZ, generator=torch.Generator().manual_seed(1)) * 0.01
    assert independence(made, windows).holds == holds


@pytest.mark.parametrize(("gap", "allowed", "holds"), [(0.0, 0.0, True), (1e-9, 0.0, False), (1e-4, 1e-4, True), (2e-4, 1e-4, False)])
def test_int8_may_not_move_at_all_and_float_by_rounding(gap: float, allowed: float, *, holds: bool) -> None:
    assert Independence(gap, allowed).holds == holds


def test_what_is_said_of_the_variants_is_what_they_are() -> None:
    found = inspect([quantized(classifier(), name) for name in ("float32", "dynamic-int8")])
    float32, int8 = found.variants
    assert found.parameters == sum(value.numel() for value in module_of(classifier().network).parameters())
    assert (float32.about["quantized_layers"], int8.about["quantized_layers"]) == ([], ["fc1", "fc2"])
    assert (float32.independence.allowed, int8.independence) == (1e-4, Independence(0.0, 0.0))
    assert found.measured_on == "4 windows of noise"
    assert found.answered == ()


def test_ranges_are_those_of_the_recordings() -> None:
    words = recordings(3)
    made = quantized(classifier(), "float32")
    found = inspect([made], words)
    padded = [nn.functional.pad(one.samples, (n // 2, n - n // 2)) for one in words for n in [RATE_HZ - len(one.samples)]]
    features, outputs = made.features(torch.stack(padded)), made.logits(torch.stack(padded))
    assert (found.features.bands, found.features.frames) == (64, 101)
    assert (found.features.lowest, found.features.highest) == pytest.approx((float(features.min()), float(features.max())))
    assert found.features.silence == pytest.approx(-100.0)
    assert (found.output.lowest, found.output.highest) == pytest.approx((float(outputs.min()), float(outputs.max())), abs=1e-4)
    assert found.output.sum_gap < 1e-5
    predicted = [LABELS[int(best)] for best in outputs.argmax(1)]
    assert [one.answers[0].predicted for one in found.answered] == predicted
    assert [one.answers[0].right for one in found.answered] == [p == one.label for p, one in zip(predicted, words, strict=True)]


def test_an_answer_without_a_truth_is_neither_right_nor_wrong() -> None:
    closed = replace(classifier(), unknown=None)
    words = [recording("a", label=None), recording("b", label="tree")]
    assert [one.answers[0].right for one in inspect([quantized(closed, "float32")], words).answered] == [None, None]


class Level(nn.Module):
    """A sigmoid for one command: how loud the features are."""

    def forward(self, features: Tensor) -> Tensor:
        return torch.sigmoid(features.mean(dim=(1, 2, 3)))[:, None]


@pytest.mark.parametrize(
    ("threshold", "label", "answer", "outcome"),
    [
        (1e-9, "up", "up", "accepted right"),
        (1e-9, "tree", "up", "falsely accepted"),
        (0.999, "up", "nothing", "missed"),
        (0.999, "tree", "nothing", "left alone"),
    ],
)
def test_a_single_command_is_judged_by_what_the_device_does(threshold: float, label: str, answer: str, outcome: str) -> None:
    made = replace(with_net(Level()), labels=("up",), unknown=None, output="sigmoids", threshold=threshold)
    (found,) = inspect([made], [recording("a", label=label)]).answered
    assert (found.answers[0].predicted, found.answers[0].outcome) == (answer, outcome)
    assert found.answers[0].right == (outcome in ("accepted right", "left alone"))


@pytest.mark.parametrize(("count", "ids"), [(1, [0]), (2, [0, 5]), (4, [0, 2, 5, 7]), (10, range(10)), (99, range(10))])
def test_a_few_are_taken_evenly(count: int, ids: list[int]) -> None:
    words = [recording(str(i)) for i in range(10)]
    assert [one.id for one in logit_spread(words, count)] == [str(i) for i in ids]
