from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from robustness.attributions.base import Target, within_bound
from robustness.attributions.methods.integrated_gradients import IntegratedGradients
from robustness.models.formats.torch_module import TorchNetwork
from robustness.seeds import generator_of
from tests.attributions.networks import TARGET, Flat, classifier_of, right_padded, tutorial_like


def test_linear_network_gives_the_closed_form() -> None:
    net = Flat(64, 101)
    classifier = classifier_of(net)
    features = torch.randn(3, 1, 64, 101, generator=generator_of("features")) * 20 - 40
    found = IntegratedGradients().attribute(classifier, features, TARGET)
    own = net.margin_weight(TARGET, 64) * (features - classifier.frontend.silence(features))[:, 0]
    torch.testing.assert_close(found.map, own, rtol=1e-4, atol=1e-4)
    assert found.steps is not None
    assert found.steps.tolist() == [50, 50, 50]


def test_sums_to_the_change_of_the_score() -> None:
    classifier = tutorial_like()
    features = right_padded(classifier)
    found = IntegratedGradients().attribute(classifier, features, TARGET)
    assert found.gap is not None
    silence = classifier.frontend.silence(features).expand_as(features)
    change = TARGET.score(classifier.logits_from(features)) - TARGET.score(classifier.logits_from(silence))
    torch.testing.assert_close(found.change, change, rtol=0, atol=1e-4)
    torch.testing.assert_close(found.map.sum((1, 2)) - change, found.gap, rtol=0, atol=1e-3)
    assert bool(within_bound(found.gap, found.change).all())


class Steep(nn.Module):
    """A score that jumps by 8 part of the way from silence (−40 dB) to −10 dB."""

    def forward(self, features: Tensor) -> Tensor:
        jump = 8 * torch.sigmoid(3 * (features.mean((1, 2, 3)) + 20))
        return torch.stack([jump, 0 * jump, 0 * jump], 1)


@pytest.mark.parametrize(("steps", "used", "suffices"), [((2, 50), 50, True), ((2,), 2, False), ((50, 100), 50, True)])
def test_more_steps_where_the_gap_is_too_large(steps: tuple[int, ...], used: int, *, suffices: bool) -> None:
    features = torch.full((1, 1, 64, 101), -10.0)
    found = IntegratedGradients(steps).attribute(classifier_of(Steep()), features, TARGET, baseline=torch.tensor(-40.0))
    assert found.steps is not None
    assert found.gap is not None
    assert found.steps.tolist() == [used]
    assert bool(within_bound(found.gap, found.change)) == suffices


@pytest.mark.parametrize(
    ("gap", "change", "small"),
    [(0.05, 0.0, True), (0.051, 0.0, False), (-0.05, 0.4, True), (0.5, 10.0, True), (-0.51, 10.0, False), (0.4, -10.0, True)],
)
def test_bound_of_the_gap(gap: float, change: float, *, small: bool) -> None:
    assert bool(within_bound(torch.tensor([gap]), torch.tensor([change]))) == small


def test_margin_is_the_difference_of_two_logits() -> None:
    classifier = tutorial_like()
    features = right_padded(classifier)
    method = IntegratedGradients(steps=(50,))
    margin, label, rival = (method.attribute(classifier, features, target).map for target in (TARGET, Target(0), Target(2)))
    assert margin.abs().max() > 1e-3
    torch.testing.assert_close(margin, label - rival, rtol=0, atol=1e-5)


def test_padding_gets_exactly_zero() -> None:
    classifier = tutorial_like()
    features = right_padded(classifier)
    silent = (features == classifier.frontend.silence(features))[0, 0]
    found = IntegratedGradients().attribute(classifier, features, TARGET).map[0]
    assert silent.sum() > 1000
    assert (found[silent] == 0).all()
    assert (found[~silent] != 0).any()


def test_batch_changes_nothing() -> None:
    classifier = tutorial_like()
    features = torch.cat([right_padded(classifier), right_padded(classifier, 300) + 12.0])
    together = IntegratedGradients(batch=64).attribute(classifier, features, TARGET).map
    alone = [IntegratedGradients(batch=1).attribute(classifier, clip, TARGET).map for clip in features.split(1)]
    torch.testing.assert_close(together, torch.cat(alone), rtol=0, atol=1e-4)


def test_targets_that_share_their_passes_get_what_each_gets_alone() -> None:
    classifier = tutorial_like()
    features = torch.cat([right_padded(classifier), right_padded(classifier, 300) + 12.0])
    targets, method = [TARGET, Target(0), Target(2)], IntegratedGradients(steps=(3, 50, 100))
    together = method.attribute_all(classifier, features, targets)
    for target, found in zip(targets, together, strict=True):
        alone = method.attribute(classifier, features, target)
        assert found.steps is not None
        assert alone.steps is not None
        assert found.steps.tolist() == alone.steps.tolist()
        torch.testing.assert_close(found.map, alone.map, rtol=0, atol=1e-4)
    assert together[0].passes < sum(method.attribute(classifier, features, target).passes for target in targets)


class Alone(nn.Module):
    """Cannot be copied, and says who asked it."""

    def __init__(self) -> None:
        super().__init__()
        self.own, self.asked_by = threading.Lock(), set[int]()
        self.net = Flat(64, 101)

    def forward(self, features: Tensor) -> Tensor:
        self.asked_by.add(threading.get_ident())
        found: Tensor = self.net(features)
        return found


@pytest.mark.parametrize("targets", [(TARGET,), (TARGET, Target(0), Target(1))])
def test_in_two_threads_it_is_the_same_map(threads: Callable[[int], None], targets: tuple[Target, ...]) -> None:
    classifier = tutorial_like()
    features = right_padded(classifier)
    found = []
    for count in (1, 2):
        threads(count)
        found.append(IntegratedGradients().attribute_all(classifier, features, targets))
        assert torch.get_num_threads() == count
    for one, two in zip(*found, strict=True):
        torch.testing.assert_close(two.map, one.map, rtol=0, atol=1e-5)
        assert one.passes == two.passes


def test_a_network_that_cannot_be_copied_is_asked_by_one_thread(threads: Callable[[int], None]) -> None:
    threads(2)
    net = Alone()
    features = torch.randn(1, 1, 64, 101, generator=generator_of("alone"))
    classifier = replace(classifier_of(net), network=TorchNetwork(net).tried(features))
    net.asked_by.clear()
    IntegratedGradients().attribute(classifier, features, TARGET)
    assert net.asked_by == {threading.get_ident()}


@pytest.fixture
def threads() -> Iterator[Callable[[int], None]]:
    """Sets how many threads torch has; as many as before afterwards."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)
