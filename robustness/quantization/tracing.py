"""What of a network's computation may become int8? Its graph in the plain spelling, without what lies before the first layer with weights.

What lies before is a front-end inside the network, whose arithmetic (a window, mel + 1e-6, a logarithm) no 8 bits hold; it stays in float.
FX has no kernel for some methods that it has for the function of that name: `x.flatten(1)` goes to float and back, `torch.flatten(x, 1)`
does not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final

import torch
from torch import fx, nn
from torch.ao.quantization import QConfigMapping
from torch.ao.quantization.fx.tracer import QuantizationTracer

from robustness.errors import CardError
from robustness.quantization.base import WEIGHTED

NORMALIZING: Final = (nn.BatchNorm1d, nn.BatchNorm2d)
PLAIN: Final[dict[str, Callable[..., Any]]] = {"flatten": torch.flatten, "narrow": torch.narrow}  # what only moves values


def plainly_traced(net: nn.Module) -> fx.GraphModule:
    """The network's graph with functions in place of methods, its modules under their names.

    Raises:
        Exception: whatever the network's own code raises when it is given symbols.
    """
    graph = QuantizationTracer([], []).trace(net)
    for node in methods(graph):
        node.op, node.target = "call_function", PLAIN[str(node.target)]
    traced = fx.GraphModule(net, graph)
    return traced.train(net.training)


def methods(graph: fx.Graph) -> list[fx.Node]:
    """The calls of methods that have a plain spelling."""
    return [node for node in graph.nodes if node.op == "call_method" and node.target in PLAIN]


def front_nodes(traced: fx.GraphModule) -> Iterator[fx.Node]:
    """What is computed before the first layer with weights, on each path."""
    modules, behind = dict(traced.named_modules()), set[fx.Node]()
    for node in traced.graph.nodes:
        if _has_weights(node, modules) or behind.intersection(node.all_input_nodes):
            behind.add(node)
        elif node.op in ("call_function", "call_method", "call_module"):
            yield node


def _has_weights(node: fx.Node, modules: dict[str, nn.Module]) -> bool:
    module = modules.get(str(node.target)) if node.op == "call_module" else None
    return isinstance(module, WEIGHTED) or (isinstance(module, NORMALIZING) and module.affine)


def with_float_front(mapping: QConfigMapping, traced: fx.GraphModule) -> QConfigMapping:
    """The configuration that leaves in float what lies before the first layer with weights."""
    front = set(front_nodes(traced))
    calls: Counter[object] = Counter()
    later = {str(node.target) for node in traced.graph.nodes if node.op == "call_module" and node not in front}
    for node in traced.graph.nodes:
        if node.op == "call_function":
            if node in front:
                mapping.set_module_name_object_type_order("", node.target, calls[node.target], None)
            calls[node.target] += 1
        if node.op == "call_module" and node in front and str(node.target) not in later:
            mapping.set_module_name(str(node.target), None)
    return mapping


def with_affine_norms(net: nn.Module) -> nn.Module:
    """The same network, changed in place: BatchNorm without weights gets those that change nothing, which torch's kernels need.

    Raises:
        CardError: one has no running statistics, so that a clip's answer depends on its batch.
    """
    for name, module in net.named_modules():
        if not isinstance(module, NORMALIZING):
            continue
        if module.running_mean is None:
            raise CardError(
                f"{name} ({type(module).__name__}) has no running statistics: a clip's answer depends on its batch, which no int8 kernel "
                "has; make it with track_running_stats=True"
            )
        if not module.affine:
            module.weight = nn.Parameter(torch.ones_like(module.running_mean))
            module.bias = nn.Parameter(torch.zeros_like(module.running_mean))
            module.affine = True
    return net


def quantized_functions(kernels: fx.GraphModule) -> list[str]:
    """The functions that run in int8, each with how often, such as `add` and `mul (2)`."""
    names = (str(node.target).rpartition(".")[2] for node in kernels.graph.nodes if node.op == "call_function" and _is_kernel(node))
    return [name if count == 1 else f"{name} ({count})" for name, count in sorted(Counter(names).items())]


def _is_kernel(node: fx.Node) -> bool:
    return str(node.target).startswith("quantized.") or "ops.quantized" in str(node.target)
