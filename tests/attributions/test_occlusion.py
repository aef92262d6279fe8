from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch
from torch import nn

from robustness.attributions.base import Target
from robustness.attributions.methods.occlusion import Occlusion, tiling
from robustness.models.formats.torch_module import TorchNetwork, module_of
from robustness.quantization.base import quantized
from robustness.quantization.one_by_one import RowByRow
from robustness.seeds import generator_of
from tests.attributions.networks import TARGET, Flat, classifier_of, occluded_by_hand, right_padded, tutorial_like


@pytest.mark.parametrize(
    ("length", "window", "stride", "expected"),
    [
        (101, 11, 5, (11, 5)),
        (64, 8, 4, (8, 4)),
        (100, 10, 10, (10, 10)),
        (101, 10, 10, (11, 10)),
        (98, 11, 5, (13, 5)),
        (50, 11, 5, (10, 5)),
        (97, 11, 5, (12, 5)),
        (40, 8, 4, (8, 4)),
        (42, 8, 4, (10, 4)),
        (11, 11, 5, (11, 11)),
        (7, 11, 5, (7, 7)),
        (1, 8, 4, (1, 1)),
    ],
)
def test_patches_tile(length: int, window: int, stride: int, expected: tuple[int, int]) -> None:
    assert tiling(length, window, stride) == expected


@pytest.mark.parametrize("length", range(1, 130))
def test_every_cell_is_covered_by_whole_patches(length: int) -> None:
    window, stride = tiling(length, 11, 5)
    assert (length - window) % stride == 0
    assert stride <= window <= length


@pytest.mark.parametrize(
    ("bands", "frames", "band", "time"), [(64, 101, (8, 4), (11, 5)), (40, 98, (8, 4), (13, 5)), (13, 7, (9, 4), (7, 7))]
)
def test_linear_network_gives_the_closed_form(bands: int, frames: int, band: tuple[int, int], time: tuple[int, int]) -> None:
    net = Flat(bands, frames)
    features = torch.randn(2, 1, bands, frames, generator=generator_of("features")) * 20 - 40
    classifier = classifier_of(net)
    relevance = Occlusion().attribute(classifier, features, TARGET)
    found = relevance.map
    assert relevance.settings == {"bands": band[0], "band_stride": band[1], "frames": time[0], "frame_stride": time[1]}
    # For w·x + v a patch costs the sum of w (x − b) inside it; a cell gets the mean over its patches.
    own = net.margin_weight(TARGET, bands) * (features - classifier.frontend.silence(features))[:, 0]
    cost = nn.functional.avg_pool2d(own[:, None], (band[0], time[0]), (band[1], time[1])) * band[0] * time[0]
    spread = nn.functional.fold
    ones = torch.ones(1, band[0] * time[0], 1)
    total = spread(cost.flatten(2) * ones, (bands, frames), (band[0], time[0]), stride=(band[1], time[1]))
    count = spread(torch.ones_like(cost).flatten(2) * ones, (bands, frames), (band[0], time[0]), stride=(band[1], time[1]))
    torch.testing.assert_close(found, (total / count)[:, 0], rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("scheme", ["float32", "dynamic-int8"])
def test_equals_one_patch_at_a_time_by_hand(scheme: str) -> None:
    classifier = quantized(tutorial_like(), scheme)
    features = right_padded(classifier)
    found = Occlusion().attribute(classifier, features, TARGET)
    by_hand = occluded_by_hand(classifier, features, TARGET, (8, 4), (11, 5))
    assert by_hand.abs().max() > 0.1
    torch.testing.assert_close(found.map[0], by_hand, rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize("scheme", ["float32", "dynamic-int8"])
def test_batched_equals_unbatched(scheme: str) -> None:
    classifier = quantized(tutorial_like(), scheme)
    features = torch.cat([right_padded(classifier, 250), right_padded(classifier) + 12.0])
    together = Occlusion(frame_stride=10, band_stride=8).attribute(classifier, features, TARGET).map
    alone = [Occlusion(frame_stride=10, band_stride=8, batch=1).attribute(classifier, clip, TARGET).map for clip in features.split(1)]
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-5, atol=1e-5)


def test_batching_moves_the_map_of_int8_layers_that_share_a_scale() -> None:
    classifier = quantized(tutorial_like(), "dynamic-int8")
    shared = copy.deepcopy(module_of(classifier.network))
    for name, child in list(shared.named_children()):
        if isinstance(child, RowByRow):
            setattr(shared, name, child.one_row)
    unguarded = replace(classifier, network=TorchNetwork(shared))
    features = right_padded(classifier)
    moved = Occlusion().attribute(unguarded, features, TARGET).map - Occlusion(batch=1).attribute(unguarded, features, TARGET).map
    assert moved.abs().max() > 1e-3


def test_difference_of_two_variants_is_the_map_of_their_difference() -> None:
    one = tutorial_like()
    other = quantized(one, "dynamic-int8")
    features = right_padded(one)

    class Difference(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            difference: torch.Tensor = other.forward(x) - one.forward(x)
            return difference

    maps = [Occlusion().attribute(c, features, TARGET).map for c in (other, one, replace(one, network=TorchNetwork(Difference())))]
    torch.testing.assert_close(maps[0] - maps[1], maps[2], rtol=0, atol=1e-4)


@pytest.mark.parametrize("scheme", ["float32", "dynamic-int8"])
def test_padding_gets_exactly_zero_and_is_not_run(scheme: str) -> None:
    classifier = quantized(tutorial_like(), scheme)
    features = right_padded(classifier, 500)
    sounding = (features != classifier.frontend.silence(features))[0, 0]
    last = int(sounding.any(0).nonzero().max())
    assert last < 60
    found = Occlusion().attribute(classifier, features, TARGET)
    assert (found.map[0][:, last + 11 :] == 0).all()
    assert (found.map[0][:, :last] != 0).any()
    assert found.passes < 15 * 19 * 0.75
    assert found.gap is None


def test_one_logit_is_a_target_too() -> None:
    classifier = tutorial_like()
    features = right_padded(classifier)
    margin, label, rival = (Occlusion().attribute(classifier, features, target).map for target in (TARGET, Target(0), Target(2)))
    torch.testing.assert_close(margin, label - rival, rtol=0, atol=1e-4)
