"""BatchNorm behind the max-pooling that follows it: the same bits, of a quarter of the numbers.

In evaluation a BatchNorm multiplies each channel by a number and adds another. Where the first is not negative, that keeps the order of any
two values, so the largest of them comes out the same before and after. Where it is negative, the convolution before it gives the opposite
of that channel and the BatchNorm takes the opposite: a sign rounds nothing.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn
from torch.fx import GraphModule, Node

from robustness.sweep.inference.graphs import called_module, calls, replaced
from robustness.sweep.inference.paired import PairedConv2d
from robustness.sweep.inference.pooling import SlicedMaxPool2d
from robustness.sweep.inference.sharing import Steps, steps_of


def with_late_norms(net: nn.Module) -> nn.Module:
    """A network in evaluation mode whose BatchNorms between a convolution and a max-pooling stand behind it, if it can be traced."""
    steps = steps_of(net)
    if steps is None:
        return net
    once = calls(steps.graph)
    for pool in [node for node in steps.nodes if _is_pool(called_module(steps.net, node))]:
        norm = _only_input(pool)
        convolution = None if norm is None else _only_input(norm)
        if norm is None or convolution is None or not _fit(steps, convolution, norm):
            continue
        if once[str(norm.target)] > 1 or once[str(convolution.target)] > 1:
            continue
        _make_rising(steps.net, str(convolution.target), str(norm.target))
        pool.replace_all_uses_with(norm)
        norm.update_arg(0, pool)
        pool.update_arg(0, convolution)
        pool.append(norm)
    return GraphModule(steps.net, steps.graph).eval()


def _is_pool(module: nn.Module | None) -> bool:
    if isinstance(module, SlicedMaxPool2d):
        return True
    plain = type(module) is nn.MaxPool2d and not (module._forward_hooks or module._forward_pre_hooks)
    return plain and not getattr(module, "return_indices", False)


def _only_input(node: Node) -> Node | None:
    """What a node alone takes and nobody else does."""
    inputs = node.all_input_nodes
    alone = len(inputs) == 1 and len(inputs[0].users) == 1 and list(node.args) == inputs and not node.kwargs
    return inputs[0] if alone else None


def _fit(steps: Steps, convolution: Node, norm: Node) -> bool:
    """Whether these are torch's own layers, unhooked, and the norm has a scale and statistics of its own."""
    first, second = called_module(steps.net, convolution), called_module(steps.net, norm)
    hooked = any(m._forward_hooks or m._forward_pre_hooks for m in (first, second) if m is not None)
    known = type(second) is nn.BatchNorm2d and second.running_mean is not None and second.affine
    return type(first) in (nn.Conv2d, PairedConv2d) and known and not hooked


def _make_rising(net: nn.Module, convolution: str, norm: str) -> None:
    """Turns the sign of each channel whose scale is negative, in both layers."""
    first: Any = copy.deepcopy(net.get_submodule(convolution))
    second: Any = copy.deepcopy(net.get_submodule(norm))
    with torch.no_grad():
        sign = torch.where(second.weight < 0, -1.0, 1.0).to(second.weight)
        first.weight.mul_(sign[:, None, None, None])
        if first.bias is not None:
            first.bias.mul_(sign)
        second.weight.mul_(sign)
        second.running_mean.mul_(sign)
    replaced(net, convolution, first)
    replaced(net, norm, second)
