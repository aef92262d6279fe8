"""Which hidden features do windows share that lie whole frames apart? A trunk of plain convolutions, run once over long features.

Window q of the long features begins at their frame q. A convolution or pooling without padding in time gives window q what it gives the
long features from frame q on, so each layer runs once, at stride 1 in time; where it has stride k, its outputs are dealt to k sequences,
one for each remainder. After strides that multiply to S, window q is the sequence of q mod S from place ⌊q / S⌋ on. The layers are the
network's own but for their stride, and every number is computed from the same inputs; whoever uses it compares answers first.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.fx import Node

from robustness.sweep.inference.folding import folded
from robustness.sweep.inference.graphs import called_module
from robustness.sweep.inference.pooling import with_sliced_pools
from robustness.sweep.inference.sharing import part_of, steps_of

POINTWISE: Final = (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.SiLU, nn.GELU, nn.Hardswish, nn.Tanh, nn.Sigmoid, nn.Identity, nn.Dropout)
NORMS: Final = (nn.BatchNorm2d, nn.Dropout2d)
FUNCTIONS: Final = (torch.relu, nn.functional.relu, nn.functional.relu6)


@dataclass(frozen=True, eq=False)
class TrunkLayer:
    """A layer at stride 1 in time, and the stride that it has in the network."""

    module: nn.Module
    stride: int = 1


@dataclass(frozen=True, eq=False)
class ShiftedTrunk:
    """A network of plain convolutions up to its first other step, and the rest of it.

    Attributes:
        layers: in their order.
        tail: hidden → outputs, of one window a clip.
        frames: of the hidden features of a window.
    """

    layers: tuple[TrunkLayer, ...]
    tail: nn.Module
    frames: int

    def outputs(self, long: Tensor, count: int) -> Tensor:
        """What the network gives for windows that begin at each of the first frames.

        Args:
            long: features, [clips 1 bands frames].
            count: of windows.

        Returns:
            [clips windows labels].
        """
        sequences = self.hidden(long)
        stride, clips = len(sequences), len(long)
        found: list[Tensor | None] = [None] * count
        for first, sequence in enumerate(sequences[:count]):
            there = -(-(count - first) // stride)
            windows = sequence.unfold(-1, self.frames, 1)[..., :there, :].permute(0, 3, 1, 2, 4)  # [clips windows channels bands frames]
            given = self.tail(windows.reshape(-1, *windows.shape[2:])).unflatten(0, (clips, there))
            found[first::stride] = given.unbind(1)
        return torch.stack([one for one in found if one is not None], 1)

    def hidden(self, long: Tensor) -> list[Tensor]:
        """The hidden features, a sequence for each remainder of the stride."""
        sequences = [long]
        for layer in self.layers:
            dense = [layer.module(sequence) for sequence in sequences]
            sequences = [one[..., first :: layer.stride].contiguous() for first in range(layer.stride) for one in dense]
        return sequences


def shifted_trunk(net: nn.Module, features: Tensor) -> ShiftedTrunk | None:
    """The trunk of a float network that windows can share; None if its first layers are none of plain convolutions.

    Args:
        net: in evaluation mode; it is copied.
        features: of one window, [1 1 bands frames].
    """
    steps = steps_of(with_sliced_pools(folded(net)))
    if steps is None:
        return None
    layers: list[TrunkLayer] = []
    before = steps.nodes[0]
    for node in steps.nodes[1:]:
        layer = _dense(steps.net, node)
        if layer is None or node.args[:1] != (before,) or len(before.users) > 1:
            break
        layers.append(layer)
        before = node
    if not any(isinstance(layer.module, nn.Conv2d) for layer in layers):
        return None
    tail = part_of(steps, 1 + len(layers), len(steps.nodes))
    with torch.inference_mode():
        hidden = features
        for layer in layers:
            hidden = layer.module(hidden)[..., :: layer.stride]
    return ShiftedTrunk(tuple(layers), tail, hidden.shape[-1])


def _dense(net: nn.Module, node: Node) -> TrunkLayer | None:
    """A step at stride 1 in time; None if it is no layer that windows share."""
    if node.op == "call_function" and node.target in FUNCTIONS:
        return TrunkLayer(nn.ReLU6() if node.target is nn.functional.relu6 else nn.ReLU())
    module = called_module(net, node)
    if module is None or module._forward_hooks or module._forward_pre_hooks:
        return None
    if type(module) in POINTWISE or type(module) in NORMS:
        return TrunkLayer(module)
    if type(module) is nn.Conv2d:
        return None if module.padding_mode != "zeros" or not isinstance(module.padding, tuple) or module.padding[1] else _strided(module)
    inner: Any = getattr(module, "pool", module)
    if type(inner) not in (nn.MaxPool2d, nn.AvgPool2d) or inner.ceil_mode or getattr(inner, "return_indices", False):
        return None
    return None if _pair(inner.padding)[1] else _strided(inner)


def _strided(module: nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d) -> TrunkLayer:
    dense: Any = copy.deepcopy(module)
    bands, frames = _pair(dense.stride)
    dense.stride = (bands, 1)
    sliced: Any = with_sliced_pools(nn.Sequential(dense))
    return TrunkLayer(sliced[0], frames)


def _pair(setting: int | Sequence[int]) -> tuple[int, int]:
    return (setting, setting) if isinstance(setting, int) else (setting[0], setting[-1])
