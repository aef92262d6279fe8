"""The same float network with less work: BatchNorm folded into the convolution before it, and activations laid out channels-last.

Folding multiplies a convolution's weights by γ / √(σ² + ε) of the BatchNorm behind it; answers differ in the last bits, so it is for float
only, and whoever uses it compares answers first. It is done where the graph proves it right: nothing but the BatchNorm sees the
convolution's output, and each of the two is used once. Where a network has no graph, neighbours in an `nn.Sequential` are taken.
Source: Jacob et al. (2018), arXiv:1712.05877, section 3.2.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor, nn
from torch.fx import Node
from torch.nn.utils.fusion import fuse_conv_bn_eval

from robustness.sweep.inference.graphs import called_module, calls, graph_of, replaced

NORMS: Final[dict[type[nn.Module], type[nn.Module]]] = {
    nn.Conv1d: nn.BatchNorm1d,
    nn.Conv2d: nn.BatchNorm2d,
    nn.Conv3d: nn.BatchNorm3d,
}


class FoldedPair(NamedTuple):
    """The names of a convolution and of the BatchNorm that alone sees its output."""

    convolution: str
    norm: str


class ChannelsLast(nn.Module):
    """A network whose images lie in memory with their channels side by side, which is how the fast kernels take them."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net: Any = net.to(memory_format=torch.channels_last)

    def forward(self, features: Tensor) -> Tensor:
        """What the network answers, [clips …] → [clips …]."""
        laid = features.contiguous(memory_format=torch.channels_last) if features.ndim == 4 else features
        outputs: Tensor = self.net(laid)
        return outputs


def folded(net: nn.Module) -> nn.Module:
    """A copy of a network in evaluation mode, with every BatchNorm folded that can be."""
    lean = copy.deepcopy(net).eval()
    for convolution, norm in foldable_pairs(lean):
        fused = fuse_conv_bn_eval(lean.get_submodule(convolution), lean.get_submodule(norm))  # type: ignore[type-var, arg-type]
        replaced(lean, convolution, fused)
        replaced(lean, norm, nn.Identity())
    return lean


def foldable_pairs(net: nn.Module) -> list[FoldedPair]:
    """Which BatchNorms can be folded into which convolutions."""
    graph = graph_of(copy.deepcopy(net))
    if graph is None:
        return list(_neighbours(net))
    once = calls(graph)
    found = []
    for node in graph.nodes:
        before = node.args[0] if node.args else None
        convolution, norm = called_module(net, before), called_module(net, node)
        if not isinstance(before, Node) or convolution is None or norm is None or not _fit(convolution, norm):
            continue
        pair = FoldedPair(str(before.target), str(node.target))
        if len(before.users) == 1 and once[pair.convolution] == once[pair.norm] == 1:
            found.append(pair)
    return found


def _neighbours(net: nn.Module) -> Iterator[FoldedPair]:
    """Pairs that stand behind one another in an `nn.Sequential`, and nowhere else."""
    uses = Counter(id(module) for _, module in net.named_modules(remove_duplicate=False))
    for name, parent in net.named_modules():
        if type(parent) is not nn.Sequential:
            continue
        for (first, convolution), (second, norm) in pairwise(parent.named_children()):
            if _fit(convolution, norm) and uses[id(convolution)] == uses[id(norm)] == 1:
                yield FoldedPair(f"{name}.{first}".lstrip("."), f"{name}.{second}".lstrip("."))


def _fit(convolution: nn.Module, norm: nn.Module) -> bool:
    """Whether these are torch's own, unhooked, and the norm has statistics of its own; a subclass may compute anything."""
    hooked = any(m._forward_hooks or m._forward_pre_hooks for m in (convolution, norm))
    return NORMS.get(type(convolution)) is type(norm) and not hooked and norm.running_mean is not None
