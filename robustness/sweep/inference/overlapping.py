"""What do windows that overlap compute alike? Columns of the first convolutions, computed once for all windows that hold them.

A stage is a convolution or a pooling, with BatchNorm and ReLU behind it. If it does not pad time, a column of its output sees a few columns
of its input and nothing else. So windows that follow each other every few columns share all of it but the columns that see a window's edge,
if the front-end pads that with something else. Features of each window are compared to the bit with those of the window before it: where a
ceiling or a normalisation of its own changes them, a new stretch begins. A stage that takes steps of several columns is run once for each
remainder that the windows begin at, by its own layers.

A float network may use faster convolutions, whose last bits differ; a variant whose answers are to keep every bit uses its own.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import gcd, prod
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor, nn
from torch.fx import Node
from torch.nn import functional

from robustness.sweep.inference.graphs import replaced
from robustness.sweep.inference.pooling import SlicedMaxPool2d
from robustness.sweep.inference.sharing import part_of, steps_of

WIDEST_EDGE: Final = 4  # columns at each end of a window that the front-end may compute from its edge
LEAST_SHARED: Final = 0.7  # of the columns of windows are computed at most, or sharing is not worth it
EDGE_COST: Final = 4  # shared columns, in the time that a column of a window's own takes
TOLERANCE: Final = 1e-4
RELUS: Final = (torch.relu, functional.relu, "relu", "relu_")


class ColumnStage(NamedTuple):
    """Layers of which one sees more than a column.

    Attributes:
        module: the layers.
        narrow: the same for the few columns at a window's end, where another order of computing is faster.
        reach: how many columns an output column sees.
        stride: how many lie from one to the next.
    """

    module: nn.Module
    narrow: nn.Module
    reach: int
    stride: int


class TurnedLayers(nn.Module):
    """Layers that take bands for frames and frames for bands: a fast convolution runs along its last axis, which is then the longer one.

    Args:
        module: a convolution without groups of bands, with layers behind it that treat all cells alike.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = copy.deepcopy(module)
        for name, layer in list(self.module.named_modules()):
            if type(layer) is nn.Conv2d:
                replaced(self.module, name, _turned(layer))

    def forward(self, columns: Tensor) -> Tensor:
        """[windows channels bands columns] → [windows channels bands columns]."""
        found: Tensor = self.module(columns.transpose(2, 3).contiguous()).transpose(2, 3)
        return found


def _swapped(size: Any) -> tuple[int, int]:
    return size[1], size[0]


def _turned(layer: nn.Conv2d) -> nn.Conv2d:
    kernel, stride, padding, dilation = (_swapped(size) for size in (layer.kernel_size, layer.stride, layer.padding, layer.dilation))
    made = nn.Conv2d(
        layer.in_channels, layer.out_channels, kernel, stride, padding, dilation, layer.groups, padding_mode=layer.padding_mode
    )
    made.weight = nn.Parameter(layer.weight.detach().transpose(2, 3).contiguous(), requires_grad=False)
    made.bias = layer.bias
    return made.eval()


@dataclass(frozen=True)
class Columns:
    """Columns of windows that overlap: those that windows share once, those at the ends of some windows for each of these.

    Attributes:
        long: the columns that windows share, one stretch of them after the other, [1 channels bands columns].
        starts: the column of `long` at which each window begins, [windows].
        own: the windows whose ends are not those of `long`, [some].
        head: the first columns of these, [some channels bands edge].
        tail: their last ones.
        length: columns of a window.
    """

    long: Tensor
    starts: Tensor
    own: Tensor
    head: Tensor
    tail: Tensor
    length: int

    @property
    def edge(self) -> int:
        """Columns at each end that may be a window's own."""
        return self.head.shape[-1]

    def shared(self, starts: Tensor, count: int) -> Tensor:
        """So many shared columns from each of these on, [windows channels bands count]."""
        return self.long[0].unfold(-1, count, 1).index_select(2, starts).permute(2, 0, 1, 3)

    def first(self, count: int) -> Tensor:
        """The first columns of the windows that have their own."""
        if count <= self.edge:
            return self.head[..., :count]
        return torch.cat([self.head, self.shared(self.starts[self.own] + self.edge, count - self.edge)], -1)

    def last(self, count: int) -> Tensor:
        """The last ones."""
        if count <= self.edge:
            return self.tail[..., self.edge - count :]
        return torch.cat([self.shared(self.starts[self.own] + self.length - count, count - self.edge), self.tail], -1)

    def windows(self) -> Tensor:
        """All columns of each window, [windows channels bands columns]."""
        found = self.shared(self.starts, self.length)
        if len(self.own) and self.edge:
            found[self.own, ..., : self.edge] = self.head
            found[self.own, ..., self.length - self.edge :] = self.tail
        return found

    def by_remainder(self, stride: int) -> Iterator[tuple[Tensor, Columns]]:
        """Those windows that begin at each remainder of a stride, by their places, with shared columns that begin at it too."""
        later = self.starts % stride
        for skipped in torch.unique(later).tolist():
            places = (later == skipped).nonzero()[:, 0]
            if len(places) == len(later) and not skipped:
                yield places, self
                return
            among = torch.full_like(later, -1)
            among[places] = torch.arange(len(places), device=places.device)
            own = among[self.own]
            mine = own >= 0
            yield (
                places,
                Columns(self.long[..., skipped:], self.starts[places] - skipped, own[mine], self.head[mine], self.tail[mine], self.length),
            )


def steps_between(windows: Tensor, hops: Sequence[int], edge: int) -> list[int]:
    """Columns from each window to the one after it, the first of `hops` at which both are alike to the bit; 0 if there is none.

    Args:
        windows: [windows channels bands columns].
        hops: that are tried.
        edge: columns at each end of a window that are its own.
    """
    length = windows.shape[-1]
    found = torch.zeros(len(windows) - 1, dtype=torch.long, device=windows.device)
    for hop in hops:
        left = (found == 0).nonzero()[:, 0]
        if not len(left) or length <= 2 * edge + hop:
            continue
        before, after = (windows[:-1], windows[1:]) if len(left) == len(found) else (windows[left], windows[left + 1])
        alike = (after[..., edge : length - edge - hop] == before[..., edge + hop : length - edge]).flatten(1).all(1)
        found[left[alike]] = hop
    steps: list[int] = found.tolist()
    return steps


def columns_of(windows: Tensor, hops: Sequence[int], edge: int, multiple: int) -> Columns:
    """The columns of windows that follow each other, [windows channels bands columns].

    A stretch ends at a window whose columns are not those of the window before it, to the bit.

    Args:
        windows: in order of time.
        hops: columns from one to the next that are tried, the commonest first.
        edge: columns at each end of a window that may be its own.
        multiple: each stretch begins at a multiple of it.
    """
    length, starts = windows.shape[-1], [0] * len(windows)
    sources: list[int] = []
    for place, step in enumerate([0, *steps_between(windows, hops, edge)]):
        if step:
            starts[place] = starts[place - 1] + step
            new = range(length - edge - step, length - edge)
        else:
            sources += range(place * length - edge, place * length) if place else ()  # how the stretch before ends
            sources += [0] * (-len(sources) % multiple)  # columns that nobody looks at
            starts[place] = len(sources)
            new = range(length - edge)
        sources += [place * length + column for column in new]
    sources += range(len(windows) * length - edge, len(windows) * length)
    flat = windows.permute(1, 2, 0, 3).flatten(-2)[None]
    long = flat.index_select(-1, torch.tensor(sources, device=windows.device))
    none = torch.empty(0, dtype=torch.long, device=windows.device)
    made = Columns(long, torch.tensor(starts, device=windows.device), none, windows[:0, ..., :edge], windows[:0, ..., :edge], length)
    return _with_ends(made, windows) if edge else made


def _with_ends(columns: Columns, windows: Tensor) -> Columns:
    """The same with those windows' own ends that are not the shared ones, to the bit."""
    edge, starts = columns.edge, columns.starts
    head, tail = windows[..., :edge], windows[..., columns.length - edge :]
    others = (head != columns.shared(starts, edge)) | (tail != columns.shared(starts + columns.length - edge, edge))
    own = others.flatten(1).any(1).nonzero()[:, 0]
    return replace(columns, own=own, head=head[own], tail=tail[own])


class Overlapping(nn.Module):
    """A network for windows that follow each other; for others it is the network as it is.

    Args:
        net: the whole network.
        stages: its beginning.
        rest: what is left.
        hops: columns from one window to the next, the commonest first.
        edge: columns at each end that are a window's own.
        tolerance: how far an answer may be from that of the window alone; 0 keeps every bit.
    """

    def __init__(
        self, net: nn.Module, stages: Sequence[ColumnStage], rest: nn.Module, hops: Sequence[int], edge: int, *, tolerance: float
    ) -> None:
        super().__init__()
        self.net, self.rest = net, rest
        self.wide = nn.ModuleList([stage.module for stage in stages])
        self.narrow = nn.ModuleList([stage.narrow for stage in stages])
        self.sizes = [(stage.reach, stage.stride) for stage in stages]
        self.hops, self.edge, self.tolerance = tuple(hops), edge, tolerance
        self.multiple = prod(stage.stride for stage in stages)

    def forward(self, features: Tensor) -> Any:
        """What the network answers, [windows 1 bands columns] → [windows …].

        The last window is computed alone as well. If its answer is another, the network computes all of them as it is: so no answer
        depends on what was asked before.
        """
        if len(features) < 2 or features.shape[-1] <= 2 * self.edge + min(self.hops):
            return self.net(features)
        found: Tensor = self.rest(self._hidden(columns_of(features, self.hops, self.edge, self.multiple)))
        own = self.net(features[-1:])
        return found if bool(((found[-1:] - own).abs() <= self.tolerance).all()) else self.net(features)

    def _hidden(self, columns: Columns) -> Tensor:
        groups = [(torch.arange(len(columns.starts), device=columns.starts.device), columns)]
        for stage in self.stages:
            groups = [(places[some], staged(part, stage)) for places, whole in groups for some, part in whole.by_remainder(stage.stride)]
        if len(groups) == 1:
            return groups[0][1].windows()
        return torch.cat([part.windows() for _, part in groups])[torch.cat([places for places, _ in groups]).argsort()]

    @property
    def stages(self) -> list[ColumnStage]:
        """The layers whose columns are shared."""
        return [ColumnStage(wide, narrow, *size) for wide, narrow, size in zip(self.wide, self.narrow, self.sizes, strict=True)]


def own_columns(length: int, edge: int, stage: ColumnStage) -> tuple[int, int]:
    """Columns of a stage's output: of a window, and at each end those that see its edge."""
    there = (length - stage.reach) // stage.stride + 1
    last = (length - edge - stage.reach) // stage.stride
    return there, max(-(-edge // stage.stride), there - 1 - last)


def staged(columns: Columns, stage: ColumnStage) -> Columns:
    """The columns after a stage whose stride divides the start of each window."""
    length, edge = own_columns(columns.length, columns.edge, stage)
    long = stage.module(columns.long)
    if edge and len(columns.own):
        head, tail = _ends(columns, stage, length, edge)
    else:
        head = tail = long[..., :edge].expand(len(columns.own), -1, -1, -1)
    return Columns(long, columns.starts // stage.stride, columns.own, head, tail, length)


def _ends(columns: Columns, stage: ColumnStage, length: int, edge: int) -> tuple[Tensor, Tensor]:
    seen = (edge - 1) * stage.stride + stage.reach
    behind = columns.length - ((length - 1) * stage.stride + stage.reach)  # columns that no output column sees
    both = torch.cat([columns.first(seen), columns.last(seen + behind)[..., :seen]])
    head, tail = stage.narrow(both).split(len(columns.own))
    return head, tail


def overlapping(net: nn.Module, hops: Sequence[int], edge: int, length: int, *, exact: bool = False) -> Overlapping | None:
    """A network that computes shared columns once; None if it does not begin with layers that see a few columns alone.

    Args:
        net: in evaluation mode, [windows 1 bands columns] → outputs.
        hops: columns from one window to the next, the commonest first.
        edge: columns at each end of a window that are its own.
        length: columns of a window.
        exact: whether each layer is the network's own, so that an answer keeps every bit.
    """
    steps = steps_of(net)
    if steps is None:
        return None
    stages: list[ColumnStage] = []
    start = 0
    for end, size in _cuts(steps.net, steps.nodes):
        made = _stage(part_of(steps, start, end), size, exact=exact)
        if not _shares([*stages, made], hops[0], edge, length):
            break
        stages.append(made)
        start = end
    rest = part_of(steps, start, len(steps.nodes))
    return Overlapping(net, stages, rest, hops, edge, tolerance=0.0 if exact else TOLERANCE) if stages else None


def _stage(module: nn.Module, size: _Size, *, exact: bool) -> ColumnStage:
    if exact or not size.convolution:
        return ColumnStage(module, module, size.reach, size.stride)
    wide = copy.deepcopy(module).to(memory_format=torch.channels_last)  # several times as fast for one channel of many columns
    return ColumnStage(wide, TurnedLayers(module), size.reach, size.stride)


def _shares(stages: Sequence[ColumnStage], hop: int, edge: int, length: int) -> bool:
    """Whether the last of these stages computes fewer columns a window than it has, those for each remainder of all steps together."""
    size, own, stride = length, edge, 1
    for stage in stages:
        size, own = own_columns(size, own, stage)
        stride *= stage.stride
    return size > 2 * own + hop // gcd(hop, stride)


def _cuts(net: nn.Module, nodes: Sequence[Node]) -> Iterator[tuple[int, _Size]]:
    """After which step each stage ends, with what it sees."""
    held: _Size | None = None
    for at, node in enumerate(nodes[1:], 1):
        size = _size(net, node, nodes[at - 1])
        if held is not None and (size is None or size.reach > 1 or size.stride > 1):
            yield at, held
            held = None
        if size is None:
            return
        held = size if held is None else held


class _Size(NamedTuple):
    reach: int
    stride: int
    convolution: bool = False


def _size(net: nn.Module, node: Node, before: Node) -> _Size | None:
    """What a step sees of time; None if it is not one that sees a few columns alone, or takes something else than the step before."""
    if list(node.all_input_nodes) != [before] or len(before.users) != 1:
        return None
    if node.op in ("call_function", "call_method"):
        return _Size(1, 1) if node.target in RELUS else None
    return _module_size(net.get_submodule(str(node.target))) if node.op == "call_module" else None


def _module_size(module: nn.Module) -> _Size | None:
    if type(module) in (nn.BatchNorm2d, nn.ReLU, nn.Identity):
        return _Size(1, 1)
    if type(module) is nn.Conv2d:
        padded = isinstance(module.padding, str) or module.padding[1]
        return None if padded else _Size((module.kernel_size[1] - 1) * module.dilation[1] + 1, module.stride[1], convolution=True)
    pool: Any = module.pool if isinstance(module, SlicedMaxPool2d) else module
    if type(pool) not in (nn.MaxPool2d, nn.AvgPool2d) or pool.ceil_mode or _last(pool.padding) or _last(getattr(pool, "dilation", 1)) != 1:
        return None
    return _Size(_last(pool.kernel_size), _last(pool.stride))


def _last(setting: int | tuple[int, ...]) -> int:
    return setting if isinstance(setting, int) else setting[-1]


def edge_of(features: Tensor, hops: Sequence[int]) -> int | None:
    """How many columns at each end of windows are their own, [windows 1 bands columns]; None if hardly a window shares the rest."""
    costs, (count, length) = {}, (len(features), features.shape[-1])
    for edge in range(WIDEST_EDGE + 1):
        if count > 1 and length > 2 * edge + min(hops):
            columns = columns_of(features, hops, edge, 1)
            shared = columns.long.shape[-1]
            if shared < LEAST_SHARED * count * length:
                costs[edge] = shared + EDGE_COST * 2 * edge * len(columns.own)
    return min(costs, key=costs.__getitem__, default=None)


def once_a_column(net: nn.Module, features: Tensor, hops: Sequence[int], *, exact: bool = False) -> Overlapping | None:
    """A network that computes shared columns once; None if these windows share few, or the network does not begin so.

    Args:
        net: in evaluation mode.
        features: of windows that follow each other, [windows 1 bands columns].
        hops: columns from one window to the next, the commonest first.
        exact: whether each layer is the network's own, so that an answer keeps every bit.
    """
    edge = edge_of(features, hops)
    return None if edge is None else overlapping(net, hops, edge, features.shape[-1], exact=exact)
