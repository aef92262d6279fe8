"""Does a network that computes once what masked clips share answer what it answers to each masked clip whole?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import pytest
import torch
from torch import Tensor, nn

from robustness.attributions.coalitions import Parts
from robustness.attributions.methods.block_regression import random_coalitions
from robustness.attributions.methods.occlusion import patches, tiling
from robustness.attributions.randomization import forgotten
from robustness.models.architectures import PooledNet, TutorialNet
from robustness.models.formats.torch_module import TorchNetwork, with_module
from robustness.quantization.base import quantized
from robustness.rendering import reference_windows
from robustness.sweep.inference.folding import ChannelsLast, folded
from robustness.sweep.inference.local_stages import Extent, local_beginning
from robustness.sweep.inference.masked_passes import FEWEST, MaskedClips, MaskedNetwork, masked_passes, masking, tiles_of
from robustness.sweep.inference.paired import PairedConv2d, with_paired_columns
from robustness.sweep.inference.pooling import with_sliced_pools
from robustness.sweep.inference.preparing import each_alone, prepared
from tests.builders import FRAME, classifier, recordings
from tests.sweep import networks

BATCH = 16
SHAPE = (64, 101)


class Padded(networks.Small):
    """Its first convolution pads, so that a cell at the edge sees what no cell holds."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 6, (9, 11), padding=(1, 1))
        self.fc = nn.Linear(6 * 14 * 23, 11)


def grid(bands: int, segments: int, count: int) -> Tensor:
    """Random coalitions of blocks, as masks."""
    blocks = Parts.of(torch.zeros(1, 1, *SHAPE), bands, segments).blocks()
    kept = random_coalitions(torch.ones(len(blocks), dtype=torch.bool), count // 2, torch.Generator().manual_seed(1))
    masked: Tensor = ((~kept).float() @ blocks.flatten(1).float() > 0).unflatten(1, SHAPE)
    return masked


def boxes(frames: int, bands: int) -> Tensor:
    """The patches of occlusion."""
    rows, columns = patches(SHAPE[0], tiling(SHAPE[0], bands, 4)), patches(SHAPE[1], tiling(SHAPE[1], frames, 5))
    return (rows[:, None, :, None] & columns[None, :, None, :]).flatten(0, 1)


def clip_of(seed: int = 0) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(1, 1, *SHAPE, generator=rng), torch.full((1, 1, *SHAPE), -2.0)


def whole(net: nn.Module, clip: Tensor, baseline: Tensor, masks: Tensor) -> Tensor:
    return torch.cat([net(torch.where(some[:, None], baseline, clip)) for some in masks.split(BATCH)])


NETS: Final[dict[str, Callable[[], nn.Module]]] = {
    "own layers": lambda: with_sliced_pools(networks.seeded(TutorialNet)),
    "two columns at once": lambda: with_paired_columns(with_sliced_pools(networks.seeded(TutorialNet))),
    "folded": lambda: with_sliced_pools(folded(networks.seeded(TutorialNet))),
    "channels last": lambda: ChannelsLast(with_paired_columns(folded(networks.seeded(TutorialNet)))),
}
MASKS: Final[dict[str, Callable[[], Tensor]]] = {
    "random coalitions": lambda: grid(8, 10, 128),
    "coalitions of segments": lambda: grid(1, 10, 100),
    "patches": lambda: boxes(11, 8)[::15],
    "columns": lambda: boxes(11, SHAPE[0]),
    "a cell": lambda: torch.eye(SHAPE[0] * SHAPE[1], dtype=torch.bool)[[0, 100, 3000, 6463]].unflatten(1, SHAPE),
}


@pytest.mark.parametrize("masks", MASKS)
@pytest.mark.parametrize("net", NETS)
def test_every_bit_is_that_of_the_whole_clip_and_all_but_the_last_ones_where_channels_come_last(net: str, masks: str) -> None:
    (clip, baseline), asked, made = clip_of(), MASKS[masks](), NETS[net]()
    passes = masked_passes(made)
    assert passes is not None
    with torch.inference_mode():
        found = passes.outputs(MaskedClips(clip, baseline, asked, BATCH), lambda outputs: outputs)
        assert found is not None
        expected = whole(made, clip, baseline, asked)
        assert torch.equal(found, expected) or (isinstance(made, ChannelsLast) and float((found - expected).abs().max()) < 1e-5)


def test_the_first_convolution_is_asked_for_less_than_half() -> None:
    (clip, baseline), made = clip_of(), with_sliced_pools(networks.seeded(TutorialNet))
    for masks in (grid(8, 10, 400), boxes(11, 8)):
        network = masking(TorchNetwork(made))
        assert isinstance(network, MaskedNetwork)
        passes = network.passes
        assert passes is not None
        first = passes.stages[0].module
        seen: list[int] = []
        first.register_forward_hook(lambda module, inputs, output, seen=seen: seen.append(output[:, 0].numel()))
        with torch.inference_mode():
            network.masked(clip, baseline, masks, BATCH)
        assert sum(seen) < 0.5 * len(masks) * 28 * 41


def test_masks_that_leave_nothing_alike_are_asked_whole() -> None:
    (clip, baseline), made = clip_of(), masking(TorchNetwork(networks.seeded(TutorialNet)))
    assert isinstance(made, MaskedNetwork)
    masks = torch.rand(FEWEST + 20, *SHAPE, generator=torch.Generator().manual_seed(2)) > 0.5
    passes = made.passes
    assert passes is not None
    with torch.inference_mode():
        assert passes.outputs(MaskedClips(clip, baseline, masks, BATCH), lambda outputs: outputs) is None
        assert torch.equal(made.masked(clip, baseline, masks, BATCH), whole(made.module, clip, baseline, masks))


@pytest.mark.parametrize("make", [Padded, networks.Recurrent, networks.Viewing, PooledNet])
def test_a_network_that_does_not_begin_so_is_asked_whole(make: type[nn.Module]) -> None:
    (clip, baseline), masks = clip_of(), boxes(11, 8)[::40]
    net = networks.seeded(make)
    with torch.inference_mode():
        assert torch.equal(masking(TorchNetwork(net)).masked(clip, baseline, masks, BATCH), whole(net, clip, baseline, masks))


def test_a_layer_with_other_bits_at_another_place_is_found_out() -> None:
    class Placed(nn.Conv2d):
        """Adds where a cell lies in the image that it is given."""

        def forward(self, input: Tensor) -> Tensor:
            made = super().forward(input)
            return made + torch.arange(made.shape[-1])

    (clip, baseline), masks, net = clip_of(), boxes(11, 8)[50:60], networks.seeded(TutorialNet)
    passes = masked_passes(net)
    assert passes is not None
    placed = Placed(1, 32, (8, 20)).eval()
    passes.stages[0].module.add_module("conv1", placed)
    with torch.inference_mode():
        assert passes.outputs(MaskedClips(clip, baseline, masks, BATCH), lambda outputs: outputs) is None
        assert not passes.able


@pytest.mark.parametrize("length", range(20, 40))
@pytest.mark.parametrize("extent", [Extent(3, 1), Extent(4, 2), Extent(9, 2), Extent(5, 3)])
def test_what_changes_of_an_output_is_what_sees_a_changed_input(extent: Extent, length: int) -> None:
    for low in range(length):
        high = min(low + 3, length)
        seen = [
            cell
            for cell in range(extent.outputs(length))
            if set(range(cell * extent.stride, cell * extent.stride + extent.reach)) & set(range(low, high))
        ]
        first, end = (int(one) for one in extent.changed(torch.tensor(low), torch.tensor(high), length))
        assert list(range(first, end)) == seen


def test_a_tile_is_computed_once_for_each_way_in_which_what_it_sees_is_masked() -> None:
    begun = local_beginning(networks.seeded(TutorialNet))
    assert begun is not None
    masks = grid(8, 10, 400)
    tiles = tiles_of(begun.stages[0], masks)
    assert tiles is not None
    for tile in tiles:
        ways = {masks[(mask, *tile.sees)].numpy().tobytes() for mask in range(len(masks))}
        assert len(tile.example) == len(ways) <= 64
        for mask, way in enumerate(tile.which.tolist()):
            assert torch.equal(masks[(mask, *tile.sees)], masks[(int(tile.example[way]), *tile.sees)])


def test_the_variants_of_a_report_answer_to_masked_clips_as_they_do_to_whole_ones() -> None:
    windows = reference_windows(recordings(4), FRAME).samples
    net = replace(classifier(), network=TorchNetwork(networks.seeded(TutorialNet)))
    variants = [net, quantized(net, "dynamic-int8")]
    masks, probes = grid(8, 10, 120), windows
    clip = net.features(windows[:1])
    baseline = net.frontend.silence(clip).expand_as(clip)
    images = torch.where(masks[:, None], baseline, clip)
    (family,) = prepared(variants, probes)
    joint = family.joint
    with torch.inference_mode():
        apart = torch.cat([each.forward(images) for each in variants], 1)
        together = joint.masked(clip, baseline, masks, BATCH)
        assert float((together - apart).abs().max()) < 1e-4
        assert torch.equal(together[:, len(net.labels) :], apart[:, len(net.labels) :])
        for one, each in zip(each_alone(variants, probes), variants, strict=True):
            assert isinstance(one.network, MaskedNetwork)
            assert float((one.masked(clip, baseline, masks, BATCH) - each.forward(images)).abs().max()) < 1e-4


def test_a_network_that_forgets_and_one_of_another_structure_are_asked_by_their_own_layers() -> None:
    (clip, baseline), masks = clip_of(), boxes(11, 8)[::40]
    network = masking(TorchNetwork(ChannelsLast(folded(networks.seeded(TutorialNet)))))
    assert isinstance(network, MaskedNetwork)
    forgets, other = forgotten(network.module, ["net.conv1", "net.fc2"], 3), with_sliced_pools(networks.seeded(TutorialNet))
    with torch.inference_mode():
        for net in (forgets, other):
            found = with_module(network, net).masked(clip, baseline, masks, BATCH)
            assert float((found - whole(net, clip, baseline, masks)).abs().max()) < 1e-5
        copied = network.copied()
        assert isinstance(copied, MaskedNetwork)
        assert copied.passes is not None
        assert not {id(p) for p in copied.passes.beginning.rest.parameters()} & {id(p) for p in network.module.parameters()}


@pytest.mark.parametrize("columns", [40, 41])
@pytest.mark.parametrize("laid", [torch.contiguous_format, torch.channels_last])
def test_two_columns_at_once_are_each_column(laid: torch.memory_format, columns: int) -> None:
    net = nn.Sequential(nn.Conv2d(32, 8, (4, 10)), nn.Conv2d(8, 3, (2, 3), bias=False)).eval().to(memory_format=laid)
    images = torch.randn(5, 32, 28, columns, generator=torch.Generator().manual_seed(3)).contiguous(memory_format=laid)
    paired = with_paired_columns(net)
    assert all(isinstance(layer, PairedConv2d) for layer in paired.children())
    with torch.inference_mode():
        assert float((paired(images) - net(images)).abs().max()) < 1e-5


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(32, 9, (4, 10)),
        nn.Conv2d(32, 8, (4, 10), stride=2),
        nn.Conv2d(32, 8, (4, 10), padding=1),
        nn.Conv2d(32, 8, (4, 10), groups=2),
        nn.Conv2d(1, 8, (4, 10)),
    ],
)
def test_other_convolutions_stay_what_they_are(layer: nn.Conv2d) -> None:
    assert type(with_paired_columns(nn.Sequential(layer)).get_submodule("0")) is nn.Conv2d
