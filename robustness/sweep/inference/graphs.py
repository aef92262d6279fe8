"""What a network computes, as a graph: which module gets its input from which, proven by tracing and not by looking at names.

A network that cannot be traced (its path depends on its input, or on the number of clips) has no graph, and is run as it is.
"""

from __future__ import annotations

import copy
import warnings
from collections import Counter
from collections.abc import Callable
from typing import Final, TypeVar

from torch import nn
from torch.fx import Graph, Node, Tracer

Replaceable = TypeVar("Replaceable", bound=nn.Module)
OURS: Final = ("robustness.quantization", "robustness.sweep.inference")  # modules that loop over clips or choose by layout: one step each


class _Steps(Tracer):
    """Stops at torch's own modules and at ours."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return type(m).__module__.startswith(OURS) or super().is_leaf_module(m, module_qualified_name)


def graph_of(net: nn.Module) -> Graph | None:
    """The network's graph; None where it has none. Tracing runs the network's own code once: give a copy."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what tracing says of a foreign network's code is of no use to anybody
            graph: Graph = _Steps().trace(net)
    except Exception:  # a foreign network's code may raise anything when it is given symbols
        return None
    return graph if sum(node.op == "placeholder" for node in graph.nodes) == 1 else None


def calls(graph: Graph) -> Counter[str]:
    """How often each module is called, by its name."""
    return Counter(str(node.target) for node in graph.nodes if node.op == "call_module")


def called_module(net: nn.Module, node: Node | object) -> nn.Module | None:
    """The module that a node calls; None where it calls none."""
    return net.get_submodule(str(node.target)) if isinstance(node, Node) and node.op == "call_module" else None


def replaced(net: nn.Module, name: str, module: nn.Module) -> None:
    """Puts a module in the place of that name."""
    parent, _, last = name.rpartition(".")
    setattr(net.get_submodule(parent), last, module)


def with_replaced(
    net: nn.Module, kind: type[Replaceable], able: Callable[[Replaceable], bool], make: Callable[[Replaceable], nn.Module]
) -> nn.Module:
    """A copy of a network in evaluation mode with others in place of its layers.

    Args:
        net: the network.
        kind: of the layers; those of a class below it stay.
        able: whether another can stand for a layer.
        make: the other.
    """
    copied = copy.deepcopy(net).eval()
    for name, module in list(copied.named_modules()):
        if name and type(module) is kind and able(module):
            replaced(copied, name, make(module))
    return copied
