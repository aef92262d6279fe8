"""What do masked clips compute alike? The first convolutions of what masks leave as it was, computed once for all of them.

A cell of a local stage's output sees a few cells of its input and nothing else. So if each mask changes a small box, a stage is run on what
sees the box, and the rest is the clip's own. If masks replace blocks of one grid, a tile of the output depends on the few blocks that it
sees, and is computed once for each way in which these are masked. The layers are the network's own, and a convolution gives a cell the same
bits wherever it lies; that is compared for one mask of each call, and if it is not so, every masked clip is computed whole from then on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn

from robustness.attributions.masking import any_along
from robustness.models.formats.base import Network
from robustness.models.formats.torch_module import TorchNetwork
from robustness.sweep.inference.first_layer import structure_of
from robustness.sweep.inference.folding import ChannelsLast
from robustness.sweep.inference.local_stages import Extent, LocalBeginning, LocalStage, local_beginning

SMALL: Final = 0.5  # of a stage's output: where more of it changes, or must be computed, the whole is computed
FEWEST: Final = 100  # masks for which tiles are looked for
MOST_BLOCKS: Final = 40  # that a tile may see
StageRun = Callable[[Tensor], Tensor]


class ChangedBoxes(NamedTuple):
    """For each mask the box of cells that it changes, [masks] each; the end is the first cell behind it."""

    band: Tensor
    band_end: Tensor
    frame: Tensor
    frame_end: Tensor

    def after(self, stage: LocalStage, shape: torch.Size) -> ChangedBoxes:
        """What changes in the stage's output, for an input of this shape."""
        bands, frames = (
            stage.bands.changed(self.band, self.band_end, shape[-2]),
            stage.frames.changed(self.frame, self.frame_end, shape[-1]),
        )
        return ChangedBoxes(*bands, *frames)

    def part(self, some: slice) -> ChangedBoxes:
        """Those of some masks."""
        return ChangedBoxes(*(one[some] for one in self))

    @property
    def largest(self) -> tuple[int, int]:
        """Bands and frames of a box that holds any of them."""
        return int((self.band_end - self.band).max()), int((self.frame_end - self.frame).max())


def boxes_of(masks: Tensor) -> ChangedBoxes:
    """The boxes of masks [masks bands frames], of which each covers a cell."""
    edges = []
    for axis in (2, 1):
        covered = any_along(masks, axis).int()
        edges += [covered.argmax(1), covered.shape[1] - covered.flip(1).argmax(1)]
    return ChangedBoxes(*edges)


class MaskedClips(NamedTuple):
    """One clip under masks.

    Attributes:
        clip: [1 1 bands frames].
        baseline: what replaces a masked cell, of the same shape.
        masks: [masks bands frames], bool.
        batch: masks at once.
    """

    clip: Tensor
    baseline: Tensor
    masks: Tensor
    batch: int

    @property
    def boxes(self) -> ChangedBoxes:
        """What each mask changes."""
        return boxes_of(self.masks & (self.clip != self.baseline)[0])

    @property
    def batches(self) -> Iterator[slice]:
        """Masks that are asked at once."""
        return (slice(start, start + self.batch) for start in range(0, len(self.masks), self.batch))

    def images(self, some: slice | Tensor, part: tuple[slice, slice] = (slice(None), slice(None))) -> Tensor:
        """A part of the clip, masked in some ways, [masks 1 bands frames]."""
        masks = self.masks[(some, *part)][:, None]
        return torch.where(masks, self.baseline[(..., *part)], self.clip[(..., *part)])


class MaskedPasses:
    """A network's first stages, and the rest of it.

    Args:
        beginning: the stages, and what is behind them.
        channels_last: how the stages take images.

    Attributes:
        able: whether what was put together so far had the bits of what is computed whole.
    """

    def __init__(self, beginning: LocalBeginning, *, channels_last: bool = False) -> None:
        self.beginning, self.able = beginning, True
        self.laid = torch.channels_last if channels_last else torch.contiguous_format

    @property
    def stages(self) -> tuple[LocalStage, ...]:
        """In their order."""
        return self.beginning.stages

    def of(self, net: nn.Module) -> MaskedPasses:
        """The same for another network of the same structure."""
        last = isinstance(net, ChannelsLast)
        return MaskedPasses(self.beginning.of(net.net if isinstance(net, ChannelsLast) else net), channels_last=last)

    def outputs(self, asked: MaskedClips, behind: StageRun) -> Tensor | None:
        """What the network gives, [masks …]; None if these masks leave too little alike, or the bits would be others.

        Args:
            asked: the masked clips, of which each has a cell that changes.
            behind: what is asked with what the rest gives, [masks …] → [masks labels].
        """
        if not self.able or asked.clip.device.type != "cpu":
            return None
        hidden = self._hidden(asked)
        found = None if hidden is None else [behind(self.beginning.rest(images)) for images in self._checked(hidden, asked)]
        return torch.cat(found) if found and self.able else None

    def _hidden(self, asked: MaskedClips) -> Iterator[Tensor] | None:
        """What the rest takes, for each batch of masks."""
        first, boxes = self.stages[0], asked.boxes
        bands, frames = boxes.after(first, asked.clip.shape).largest
        cells = first.bands.outputs(asked.clip.shape[-2]) * first.frames.outputs(asked.clip.shape[-1])
        if bands * frames <= SMALL * cells:
            return self._by_boxes(asked, boxes)
        tiles = None if len(asked.masks) < FEWEST else tiles_of(first, asked.masks)
        return None if tiles is None else self._by_tiles(asked, tiles)

    def _checked(self, hidden: Iterator[Tensor], asked: MaskedClips) -> Iterator[Tensor]:
        """The batches, until one is not what is computed whole."""
        for place, images in enumerate(hidden):
            if place == 0:
                whole = asked.images(slice(0, 1))
                for stage in self.stages:
                    whole = self._run(stage)(whole)
                self.able = torch.equal(images[:1], whole)
            if not self.able:
                return
            yield images

    def _run(self, stage: LocalStage) -> StageRun:
        return lambda images: stage.module(images.contiguous(memory_format=self.laid))

    def _by_boxes(self, asked: MaskedClips, boxes: ChangedBoxes) -> Iterator[Tensor]:
        """Each stage on what sees the box of each mask, put into what the clip gives."""
        own = [asked.clip]
        for stage in self.stages:
            own.append(self._run(stage)(own[-1]))
        for some in asked.batches:
            images, inside = asked.images(some), boxes.part(some)
            for stage, before, after in zip(self.stages, own, own[1:], strict=False):
                inside = inside.after(stage, before.shape)
                images = _pasted(images, after, inside, stage, self._run(stage))
            yield images

    def _by_tiles(self, asked: MaskedClips, tiles: Sequence[Tile]) -> Iterator[Tensor]:
        """Each tile of the first stage's output once for each way in which what it sees is masked."""
        first, *others = (self._run(stage) for stage in self.stages)
        made = [first(asked.images(tile.example, tile.sees)) for tile in tiles]
        table = torch.cat([one.permute(0, 2, 3, 1).flatten(0, 2) for one in made])  # [cells channels]
        shape = first(asked.clip).shape[1:]
        cells = _cells(tiles, shape, len(asked.masks))
        for some in asked.batches:
            found = table.index_select(0, cells[some].flatten()).view(-1, *shape[1:], shape[0])
            images = found.permute(0, 3, 1, 2).contiguous(memory_format=self.laid)
            for other in others:
                images = other(images)
            yield images


def _cells(tiles: Sequence[Tile], shape: torch.Size, masks: int) -> Tensor:
    """For each mask the places in a table of all tiles' cells from which its output is put together, [masks bands × frames]."""
    found = torch.empty(masks, *shape[1:], dtype=torch.long)
    begun = 0
    for tile in tiles:
        bands, frames = (one.stop - one.start for one in tile.gives)
        inside = torch.arange(bands * frames).view(bands, frames)
        found[(slice(None), *tile.gives)] = begun + tile.which[:, None, None] * (bands * frames) + inside
        begun += len(tile.example) * bands * frames
    return found.flatten(1)


def _pasted(images: Tensor, own: Tensor, inside: ChangedBoxes, stage: LocalStage, run: StageRun) -> Tensor:
    """What a stage gives for images that give what the clip gives but inside of their boxes."""
    bands, frames = inside.largest
    rows, columns = inside.band.clamp_max(own.shape[-2] - bands).tolist(), inside.frame.clamp_max(own.shape[-1] - frames).tolist()
    high, wide = (bands - 1) * stage.bands.stride + stage.bands.reach, (frames - 1) * stage.frames.stride + stage.frames.reach
    places = [(row, column, row * stage.bands.stride, column * stage.frames.stride) for row, column in zip(rows, columns, strict=True)]
    made = run(torch.stack([one[:, top : top + high, left : left + wide] for one, (*_, top, left) in zip(images, places, strict=True)]))
    found = own.repeat(len(images), 1, 1, 1) if own.is_contiguous() else own.expand(len(images), -1, -1, -1).clone()
    for new, old, (row, column, *_) in zip(made, found, places, strict=True):
        old[:, row : row + bands, column : column + frames] = new
    return found


class Tile(NamedTuple):
    """A tile of a stage's output, and how the masks cover what it sees.

    Attributes:
        gives: the tile's bands and frames.
        sees: those of the input that it depends on.
        which: for each mask the way in which it covers these, [masks].
        example: a mask for each way.
    """

    gives: tuple[slice, slice]
    sees: tuple[slice, slice]
    which: Tensor
    example: Tensor


class _Group(NamedTuple):
    """Output cells of one axis that see no other blocks than the first of them."""

    gives: slice
    sees: slice
    blocks: slice


def tiles_of(stage: LocalStage, masks: Tensor) -> list[Tile] | None:
    """The tiles of a stage's output; None where most of it would be computed as often as there are masks."""
    rows, columns = (_starts(masks, axis) for axis in (1, 2))
    coarse = masks[:, rows][:, :, columns]
    found, cost = [], 0
    bands, frames = _groups(stage.bands, rows, masks.shape[1]), _groups(stage.frames, columns, masks.shape[2])
    whole = len(masks) * stage.bands.outputs(masks.shape[1]) * stage.frames.outputs(masks.shape[2])
    for band in bands:
        for frame in frames:
            seen = coarse[:, band.blocks, frame.blocks].flatten(1)
            if seen.shape[1] > MOST_BLOCKS:
                return None
            codes = (seen.long() << torch.arange(seen.shape[1])).sum(1)
            values, which = codes.unique(return_inverse=True)
            example = torch.empty_like(values).scatter_(0, which, torch.arange(len(which)))
            cost += len(values) * (band.gives.stop - band.gives.start) * (frame.gives.stop - frame.gives.start)
            if cost > SMALL * whole:
                return None
            found.append(Tile((band.gives, frame.gives), (band.sees, frame.sees), which, example))
    return found


def _starts(masks: Tensor, axis: int) -> Tensor:
    """Where along an axis some mask begins or ends, and 0."""
    moved = masks.transpose(1, axis)
    changes = any_along(any_along(moved[:, 1:] != moved[:, :-1], 0), 1)
    return torch.cat([torch.zeros(1, dtype=torch.long), changes.nonzero()[:, 0] + 1])


def _groups(extent: Extent, starts: Tensor, length: int) -> list[_Group]:
    """Output cells that see no other blocks than the first of them."""
    first = torch.arange(extent.outputs(length)) * extent.stride
    blocks = torch.stack([torch.searchsorted(starts, at, right=True) - 1 for at in (first, first + extent.reach - 1)], 1)
    found, begun = [], 0
    for cell in range(1, len(first) + 1):
        if cell < len(first) and blocks[cell, 1] <= blocks[begun, 1]:
            continue
        low, high = blocks[begun].tolist()
        sees = slice(begun * extent.stride, (cell - 1) * extent.stride + extent.reach)
        found.append(_Group(slice(begun, cell), sees, slice(low, high + 1)))
        begun = cell
    return found


def masked_passes(net: nn.Module) -> MaskedPasses | None:
    """How a network in evaluation mode is asked about masked clips; None if it does not begin with local stages.

    It is traced, which only one thread at a time may do, and while no other runs a network.
    """
    last = isinstance(net, ChannelsLast)
    found = local_beginning(net.net if isinstance(net, ChannelsLast) else net)
    return None if found is None else MaskedPasses(found, channels_last=last)


@dataclass(frozen=True, eq=False)
class MaskedNetwork(TorchNetwork):
    """A torch module that computes once what masked clips share.

    Attributes:
        passes: of the module.
    """

    passes: MaskedPasses | None = None

    def masked(self, clip: Tensor, baseline: Tensor, masks: Tensor, batch: int) -> Tensor:
        """What the module gives for a clip under each mask."""
        found = None if self.passes is None else self.passes.outputs(MaskedClips(clip, baseline, masks, batch), lambda outputs: outputs)
        return super().masked(clip, baseline, masks, batch) if found is None else found

    def of(self, module: nn.Module) -> MaskedNetwork:
        """The same of another module, which shares as this one does if it has the same layers."""
        same = self.passes is not None and structure_of(module) == structure_of(self.module)
        return replace(self, module=module, passes=self.passes.of(module) if self.passes is not None and same else None)


def masking(network: Network) -> Network:
    """The same network, computing once what masked clips share if it is a torch module that can be traced."""
    if not isinstance(network, TorchNetwork) or not (network.can.graph and network.can.modules):
        return network
    passes = masked_passes(network.module)
    return network if passes is None else MaskedNetwork(network.module, network.can, network.kind, passes.of(network.module))
