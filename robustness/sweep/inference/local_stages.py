"""Which layers does a network begin with whose cells see a few cells of the features and nothing else?

A stage is a convolution with the BatchNorm, ReLU and pooling behind it, up to the next convolution; none of them pads. The layers are the
network's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor, nn
from torch.fx import GraphModule, Node
from torch.nn import functional

from robustness.sweep.inference.graphs import called_module
from robustness.sweep.inference.paired import PairedConv2d
from robustness.sweep.inference.pooling import SlicedMaxPool2d
from robustness.sweep.inference.sharing import part_of, steps_of

RELUS: Final = (torch.relu, functional.relu, "relu", "relu_")
ALIKE: Final = (nn.BatchNorm2d, nn.ReLU, nn.Identity, nn.Dropout, nn.Dropout2d)  # treat all cells alike
CONVOLUTIONS: Final = (nn.Conv2d, PairedConv2d)


class Extent(NamedTuple):
    """Along one axis: how many cells of the input an output cell sees, and how many lie from one to the next."""

    reach: int
    stride: int

    def then(self, other: Extent) -> Extent:
        """With another layer behind it."""
        return Extent(self.reach + (other.reach - 1) * self.stride, self.stride * other.stride)

    def outputs(self, length: int) -> int:
        """Cells of the output for an input of this length."""
        return (length - self.reach) // self.stride + 1

    def changed(self, low: Tensor, high: Tensor, length: int) -> tuple[Tensor, Tensor]:
        """Which output cells see inputs from `low` to before `high`: first and end, for an input of this length."""
        first = (low - self.reach + self.stride).div(self.stride, rounding_mode="floor").clamp_min(0)
        return first, ((high - 1).div(self.stride, rounding_mode="floor") + 1).clamp_max(self.outputs(length))


POINT: Final = Extent(1, 1)


class LocalStage(NamedTuple):
    """A convolution and what is behind it, up to the next; what a cell sees along bands and along frames."""

    module: GraphModule
    bands: Extent
    frames: Extent


class LocalBeginning(NamedTuple):
    """The stages that a network begins with, and the rest of it."""

    stages: tuple[LocalStage, ...]
    rest: GraphModule

    def of(self, net: nn.Module) -> LocalBeginning:
        """The same steps with the layers of another network of the same structure; any thread may do so, because nothing is traced."""
        stages = tuple(stage._replace(module=_with_layers_of(net, stage.module)) for stage in self.stages)
        return LocalBeginning(stages, _with_layers_of(net, self.rest))


def _with_layers_of(net: nn.Module, steps: GraphModule) -> GraphModule:
    return GraphModule(net, steps.graph)


def local_beginning(net: nn.Module) -> LocalBeginning | None:
    """The stages of a network in evaluation mode; None if it does not begin with a convolution that sees a few cells alone."""
    steps = steps_of(net)
    if steps is None:
        return None
    stages: list[LocalStage] = []
    start = 0
    for end, bands, frames in _cuts(steps.net, steps.nodes):
        stages.append(LocalStage(part_of(steps, start, end), bands, frames))
        start = end
    return LocalBeginning(tuple(stages), part_of(steps, start, len(steps.nodes))) if stages else None


def _cuts(net: nn.Module, nodes: Sequence[Node]) -> Iterator[tuple[int, Extent, Extent]]:
    """After which step each stage ends, and what a cell of its output sees along bands and along frames."""
    bands = frames = POINT
    convolved = False
    for at, node in enumerate(nodes[1:], 1):
        extents = _extents(net, node, nodes[at - 1])
        again = convolved and type(called_module(net, node)) in CONVOLUTIONS
        if convolved and (extents is None or again):
            yield at, bands, frames
            bands = frames = POINT
        if extents is None:
            return
        bands, frames = bands.then(extents[0]), frames.then(extents[1])
        convolved = convolved or type(called_module(net, node)) in CONVOLUTIONS


def _extents(net: nn.Module, node: Node, before: Node) -> tuple[Extent, Extent] | None:
    """What a step sees along bands and along frames; None where it sees all, pads, or takes something else than the step before."""
    if list(node.all_input_nodes) != [before] or len(before.users) != 1:
        return None
    if node.op in ("call_function", "call_method"):
        return (POINT, POINT) if node.target in RELUS else None
    module = called_module(net, node)
    return None if module is None else _module_extents(module)


def _module_extents(module: nn.Module) -> tuple[Extent, Extent] | None:
    if module._forward_hooks or module._forward_pre_hooks:
        return None
    if type(module) in ALIKE:
        return POINT, POINT
    layer: Any = module.pool if isinstance(module, SlicedMaxPool2d) else module
    plain = type(layer) in CONVOLUTIONS or (type(layer) in (nn.MaxPool2d, nn.AvgPool2d) and not layer.ceil_mode)
    padded = not plain or _pair(layer.padding) != (0, 0)
    if padded or _pair(getattr(layer, "dilation", 1)) != (1, 1) or getattr(layer, "return_indices", False):
        return None
    bands, frames = (Extent(*one) for one in zip(_pair(layer.kernel_size), _pair(layer.stride), strict=True))
    return bands, frames


def _pair(setting: Any) -> Any:
    return setting if isinstance(setting, (tuple, str)) else (setting, setting)
