"""What several variants of a model compute alike, computed once: a trunk, and a tail for each.

Two networks share a step where both graphs do the same there: the same function, or modules of one type with bit-equal weights and
settings. The trunk is the longest common beginning after which a single tensor is alive; it runs the variants' own unaltered modules, so
their answers keep every bit. (`quantize_dynamic` leaves the tutorial's convolutions in float: 99.4 % of the multiplications are shared.)
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor, nn
from torch.fx import Graph, GraphModule, Interpreter, Node

from robustness.sweep.inference.graphs import called_module, graph_of

LEAST_SHARE: Final = 0.5  # of the multiplications: a float network gives up its folding for no less


class Shared(NamedTuple):
    """A trunk, features → hidden, and for each variant the rest, hidden → outputs; a tail may change its input in place."""

    trunk: nn.Module
    tails: tuple[nn.Module, ...]


class Steps(NamedTuple):
    """A copy of a network, and what it does step by step."""

    net: nn.Module
    graph: Graph
    nodes: tuple[Node, ...]


def shared(nets: Sequence[nn.Module], features: Tensor) -> Shared | None:
    """The longest trunk of these networks; None where it would hold less than half of the work of the first, a float one.

    Args:
        nets: in evaluation mode.
        features: some, from which the work of each step is counted.
    """
    traced = [steps_of(net) for net in nets]
    steps = [found for found in traced if found is not None]
    if len(nets) < 2 or len(steps) < len(nets):
        return None
    length = min(_alike(steps[0], other) for other in steps[1:])
    cut = next((at for at in range(length, 1, -1) if all(_alive(one, at) is not None for one in steps)), 0)
    if not cut or _work(steps[0], features, cut) < LEAST_SHARE:
        return None
    return Shared(part_of(steps[0], 0, cut), tuple(part_of(one, cut, len(one.nodes)) for one in steps))


def steps_of(net: nn.Module) -> Steps | None:
    """The steps of a network in evaluation mode; None where it cannot be traced."""
    copied = copy.deepcopy(net)
    graph = graph_of(copied)
    return None if graph is None else Steps(copied, graph, tuple(graph.nodes))


def _alike(one: Steps, other: Steps) -> int:
    """How many steps from the beginning do the same."""
    twins: dict[Node, Node] = {}
    for count, (a, b) in enumerate(zip(one.nodes, other.nodes, strict=False)):
        same_inputs = torch.fx.node.map_arg((b.args, b.kwargs), twins.get) == (a.args, a.kwargs)
        if a.op != b.op or not same_inputs or not _same_step(one, other, a, b):
            return count
        twins[b] = a
    return min(len(one.nodes), len(other.nodes))


def _same_step(one: Steps, other: Steps, a: Node, b: Node) -> bool:
    first, second = called_module(one.net, a), called_module(other.net, b)
    if first is not None and second is not None:
        return _same_module(first, second)
    if a.op == "placeholder":
        return True
    return a.op in {"call_function", "call_method"} and a.target == b.target


def _same_module(first: nn.Module, second: nn.Module) -> bool:
    """Whether two modules compute the same bits; one that holds more than tensors and settings counts as different."""
    hooked = any(m._forward_hooks or m._forward_pre_hooks for module in (first, second) for m in module.modules())
    if hooked or type(first) is not type(second) or repr(first) != repr(second):
        return False
    ours, theirs = first.state_dict(), second.state_dict()
    tensors = all(isinstance(value, Tensor) for value in [*ours.values(), *theirs.values()])
    return tensors and ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours)


def _alive(steps: Steps, cut: int) -> Node | None:
    """The one node before a cut that is needed after it; None where there is none or several."""
    before, after = steps.nodes[:cut], set(steps.nodes[cut:])
    needed = [node for node in before if after & node.users.keys()]
    return needed[0] if len(needed) == 1 and needed[0].op != "placeholder" else None


def part_of(steps: Steps, start: int, end: int) -> GraphModule:
    """The network from one step up to another: what is alive before it goes in, what is alive after it comes out."""
    graph = Graph()
    copies: dict[Node, Node] = {}
    if start and (entry := _alive(steps, start)) is not None:
        copies[entry] = graph.placeholder("hidden")
    for node in steps.nodes[start:end]:
        copies[node] = graph.node_copy(node, copies.__getitem__)
    if end < len(steps.nodes) and (leaving := _alive(steps, end)) is not None:
        graph.output(copies[leaving])
    return GraphModule(steps.net, graph)


def _work(steps: Steps, features: Tensor, cut: int) -> float:
    """The share of the multiplications that the first steps have."""
    counted: dict[str, int] = {}
    with torch.inference_mode():
        _Counting(steps, counted).run(features[:1])
    first = {node.name for node in steps.nodes[:cut]}
    total = sum(counted.values())
    return sum(value for name, value in counted.items() if name in first) / total if total else 0.0


class _Counting(Interpreter):
    """Runs a graph and notes how many multiplications each step with weights took."""

    def __init__(self, steps: Steps, counted: dict[str, int]) -> None:
        super().__init__(GraphModule(steps.net, steps.graph))
        self.net, self.counted = steps.net, counted

    def run_node(self, n: Node) -> Any:
        result = super().run_node(n)
        output = result[0] if isinstance(result, tuple) else result
        module = called_module(self.net, n)
        if module is not None and isinstance(output, Tensor):
            weights = sum(p.numel() for name, p in module.named_parameters() if "weight" in name and p.ndim > 1)
            self.counted[n.name] = weights * output.numel() // max(1, output.shape[1])
        return result
