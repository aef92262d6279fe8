"""Do prepared networks answer what the networks themselves answer to one clip at a time?"""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from robustness.audio.placement import batch_of, place
from robustness.models.architectures import PooledNet, TutorialNet
from robustness.models.classifier import Classifier
from robustness.models.formats.torch_module import TorchNetwork, module_of
from robustness.quantization.base import quantized
from robustness.sweep.inference.folding import FoldedPair, foldable_pairs, folded
from robustness.sweep.inference.pooling import SlicedMaxPool2d, with_sliced_pools
from robustness.sweep.inference.preparing import AS_IT_IS, ONE_AT_A_TIME, TOLERANCE, NetworkFamily, for_gradients, prepared
from robustness.sweep.inference.sharing import shared
from tests.builders import FRAME, classifier, recordings
from tests.sweep import networks

SMALL = [FoldedPair("conv", "bn")]


@pytest.fixture(scope="module")
def windows() -> Tensor:
    """Words of five lengths, at the start of the window."""
    return place(batch_of(recordings(5)), torch.zeros(5, dtype=torch.long), FRAME).samples


@pytest.fixture(scope="module")
def features(windows: Tensor) -> Tensor:
    return classifier().features(windows)


def with_net(make: type[nn.Module], variant: str = "float32") -> Classifier:
    return quantized(replace(classifier(), network=TorchNetwork(networks.seeded(make)), output="logits"), variant)


def alone(made: Classifier, windows: Tensor) -> Tensor:
    return torch.cat([made.logits(window[None]) for window in windows])


def logits_of(families: list[NetworkFamily], windows: Tensor) -> list[Tensor]:
    found: dict[int, Tensor] = {}
    for family in families:
        found.update(zip(family.places, family.logits(family.heads[0].features(windows)), strict=True))
    return [found[place] for place in sorted(found)]


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (TutorialNet, [FoldedPair("conv1", "bn1"), FoldedPair("conv2", "bn2")]),
        (PooledNet, [FoldedPair("conv1", "bn1"), FoldedPair("conv2", "bn2"), FoldedPair("conv3", "bn3")]),
        (networks.Small, SMALL),
        (networks.InPlace, SMALL),
        (networks.InTurn, [FoldedPair("body.0", "body.1")]),
        (networks.NormAfterPool, []),
        (networks.FunctionalNorm, []),
        (networks.SharedNorm, []),
        (networks.SeenTwice, []),
        (networks.NoNorm, []),
        (networks.Hooked, []),
        (networks.Branching, []),
        (networks.Recurrent, []),
    ],
)
def test_a_norm_is_folded_only_where_it_alone_sees_the_convolution(
    make: type[nn.Module], expected: list[FoldedPair], features: Tensor
) -> None:
    net = networks.seeded(make)
    assert foldable_pairs(net) == expected
    before = {name: value.clone() for name, value in net.state_dict().items()}
    lean = folded(net)
    with torch.inference_mode():
        assert torch.allclose(lean(features), net(features), atol=TOLERANCE, rtol=0)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert sum(isinstance(module, nn.BatchNorm2d) for module in lean.modules()) == sum(
        isinstance(module, nn.BatchNorm2d) for module in net.modules()
    ) - len(expected)


@pytest.mark.parametrize(
    "make", [networks.Small, networks.NormAfterPool, networks.SharedNorm, networks.Recurrent, networks.Viewing, networks.LayoutAware]
)
def test_a_float_network_keeps_its_answers_whatever_it_is(make: type[nn.Module], windows: Tensor) -> None:
    made = with_net(make)
    (found,) = logits_of(prepared([made], windows), windows)
    assert (found - alone(made, windows)).abs().max() <= TOLERANCE


@pytest.mark.parametrize(
    ("make", "how"),
    [
        (networks.Small, "BatchNorm folded, channels last"),
        (networks.Viewing, "BatchNorm folded"),
        (networks.LayoutAware, "BatchNorm folded"),
        (networks.Recurrent, "BatchNorm folded"),
        (networks.Centering, ONE_AT_A_TIME),
    ],
)
def test_the_fastest_way_that_keeps_the_answers_is_taken(make: type[nn.Module], how: str, windows: Tensor) -> None:
    (family,) = prepared([with_net(make)], windows)
    assert family.how == (how,)


def test_a_gradient_through_a_folded_network_is_the_same_gradient(windows: Tensor, features: Tensor) -> None:
    made, int8 = with_net(networks.Small), with_net(networks.Small, "dynamic-int8")
    smooth, same = for_gradients([made, int8], windows)
    assert same is int8
    assert not any(isinstance(module, nn.BatchNorm2d) for module in module_of(smooth.network).modules())
    asked = [features.clone().requires_grad_() for _ in range(2)]
    for one, x in zip((made, smooth), asked, strict=True):
        one.forward(x)[:, 0].sum().backward()
    plain, folded_too = (x.grad for x in asked)
    assert plain is not None
    torch.testing.assert_close(folded_too, plain, atol=1e-5, rtol=1e-3)


def test_variants_that_share_a_trunk_answer_together_as_apart(windows: Tensor, features: Tensor) -> None:
    made = with_net(networks.Small)
    int8 = quantized(made, "dynamic-int8")
    (family,) = prepared([made, int8], windows)
    together = family.joint
    assert len(together.labels) == 2 * len(made.labels)
    logits = together.logits_from(features)
    apart = torch.cat([made.logits_from(features), int8.logits_from(features)], 1)
    assert torch.equal(logits[:, len(made.labels) :], apart[:, len(made.labels) :])
    torch.testing.assert_close(logits, apart, atol=TOLERANCE, rtol=0)


def test_a_folding_that_changes_answers_is_seen_and_not_used(windows: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folded as if the BatchNorm had another mean: every answer is off, and the network as it is stands in."""

    def wrong(net: nn.Module) -> nn.Module:
        lean = folded(net)
        with torch.no_grad():
            lean.get_parameter("fc.bias").add_(0.001)
        return lean

    monkeypatch.setattr("robustness.sweep.inference.preparing.folded", wrong)
    made = with_net(networks.Small)
    (smooth,) = for_gradients([made], windows)
    assert module_of(smooth.network) is module_of(made.network)
    (family,) = prepared([made], windows)
    assert "folded" not in family.how[0]
    assert (logits_of([family], windows)[0] - alone(made, windows)).abs().max() <= TOLERANCE


def test_a_network_that_cannot_be_copied_is_run_as_it_is(windows: Tensor) -> None:
    class Uncopied(networks.Small):
        def __deepcopy__(self, memo: object) -> None:
            raise TypeError("no")

    (family,) = prepared([with_net(Uncopied)], windows)
    assert family.how == (AS_IT_IS,)


@pytest.mark.parametrize("make", [TutorialNet, PooledNet, networks.Small, networks.InPlace, networks.Recurrent, networks.Branching])
def test_int8_keeps_every_bit_beside_float_and_alone(make: type[nn.Module], windows: Tensor) -> None:
    pair = [with_net(make, variant) for variant in ("float32", "dynamic-int8")]
    expected = [alone(made, windows) for made in pair]
    for some in (pair, pair[::-1], pair[1:]):
        found = logits_of(prepared(some, windows), windows)
        for made, logits in zip(some, found, strict=True):
            if made.variant == "float32":
                assert (logits - expected[0]).abs().max() <= TOLERANCE
            else:
                assert torch.equal(logits, expected[1])


def test_variants_share_their_trunk_and_not_more(features: Tensor) -> None:
    nets = [module_of(with_net(networks.Small, variant).network) for variant in ("float32", "dynamic-int8")]
    parts = shared(nets, features)
    assert parts is not None
    assert [name for name, _ in parts.trunk.named_children()] == ["conv", "bn", "pool"]
    with torch.inference_mode():
        hidden = parts.trunk(features)
        for tail, net in zip(parts.tails, nets, strict=True):
            assert torch.equal(tail(hidden.clone()), net(features))


def test_networks_of_other_weights_share_nothing(features: Tensor) -> None:
    first, second = networks.seeded(networks.Small), networks.seeded(networks.Small)
    with torch.no_grad():
        second.get_parameter("conv.weight")[3] *= 1.001
    assert shared([first, second], features) is None, "less than half of the work is alike"


def test_models_of_one_run_share_nothing_across(windows: Tensor) -> None:
    pair = [with_net(networks.Small), replace(with_net(networks.Small, "dynamic-int8"), name="other")]
    assert [family.places for family in prepared(pair, windows)] == [(0,), (1,)]


@pytest.mark.parametrize("shape", [(3, 4, 57, 83), (1, 1, 5, 4), (2, 3, 8, 8)])
@pytest.mark.parametrize(("kernel", "stride"), [(2, 2), (2, (2, 1)), (3, 2), ((3, 1), (1, 2)), (4, 1), ((1, 2), (1, 2))])
def test_sliced_pools_give_the_bits_of_torch(shape: tuple[int, ...], kernel: int, stride: int) -> None:
    images = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    images[0, 0, 2, 2], images[0, 0, 0, 1] = torch.nan, torch.inf
    pool = nn.MaxPool2d(kernel, stride)
    for laid in (images, images.contiguous(memory_format=torch.channels_last)):
        assert torch.equal(SlicedMaxPool2d(pool)(laid).nan_to_num(7.0), pool(laid).nan_to_num(7.0))


@pytest.mark.parametrize(
    "pool", [nn.MaxPool2d(2, padding=1), nn.MaxPool2d(2, ceil_mode=True), nn.MaxPool2d(2, dilation=2), nn.MaxPool2d(7)]
)
def test_other_pools_stay(pool: nn.MaxPool2d) -> None:
    assert isinstance(with_sliced_pools(nn.Sequential(pool))[0], nn.MaxPool2d)  # type: ignore[index]
