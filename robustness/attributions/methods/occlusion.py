"""How much the score falls when a patch of the features is replaced by silence.

Each cell gets the mean fall over the patches that cover it, so a map is smooth at the scale of a patch and does not sum to anything.
Patches tile: a patch cut short at the right edge would lie just where right padding begins, so windows are fitted to the
features such that (length − window) is a whole number of strides.
All targets are read off one set of passes, which Captum's Occlusion cannot do; tests hold the maps equal to Captum's.
The time strip and the band bar are asked apart, where they are wanted: whole columns and whole rows of the features are replaced.
Source: Zeiler & Fergus 2014, arXiv:1311.2901; captum.attr.Occlusion.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from robustness.attributions.base import ATTRIBUTIONS, Asked, Attribution, MethodKind, Relevance
from robustness.attributions.masking import BATCH, Masked


class Tiling(NamedTuple):
    """Patches of `window` cells every `stride` cells."""

    window: int
    stride: int


def tiling(length: int, window: int, stride: int) -> Tiling:
    """The window nearest to the one wanted (the larger of two) whose patches end where the features end.

    Args:
        length: of the features along this axis.
        window: the one wanted.
        stride: from one patch to the next; kept.
    """
    if length <= window:
        return Tiling(length, length)
    fitting = range(stride + (length - stride) % stride, length + 1, stride)  # at least a stride, so that no cell is left out
    return Tiling(min(fitting, key=lambda w: (abs(w - window), -w)), stride)


def patches(length: int, tiles: Tiling) -> Tensor:
    """Which cells of an axis each patch covers, [patches length], bool."""
    starts = range(0, length - tiles.window + 1, tiles.stride)
    return torch.tensor([[start <= cell < start + tiles.window for cell in range(length)] for start in starts])


@ATTRIBUTIONS.register
@dataclass(frozen=True)
class Occlusion(Attribution):
    """Patches of 11 frames every 5 and 8 bands every 4, which tile 64 bands × 101 frames; `marginals` are the strip and the bar.

    Many patches go through the network at once; that is right for any variant whose answer to a clip does not depend on its batch-mates.
    """

    name: ClassVar[str] = "occlusion"
    kind: ClassVar[MethodKind] = "perturbation"
    source: ClassVar[str] = "Zeiler & Fergus 2014, arXiv:1311.2901"
    frames: int = 11
    frame_stride: int = 5
    bands: int = 8
    band_stride: int = 4
    batch: int = BATCH
    marginals: bool = True

    @property
    def rough(self) -> Occlusion:
        """Patches every other stride, or next to each other."""
        strides = {"frame_stride": min(2 * self.frame_stride, self.frames), "band_stride": min(2 * self.band_stride, self.bands)}
        return replace(self, marginals=False, **strides)

    def relevances(self, scores: Asked, features: Tensor, baseline: Tensor) -> list[Relevance]:
        """The mean fall of each score over the patches that cover a cell."""
        _, _, bands, frames = features.shape
        in_time, in_bands = tiling(frames, self.frames, self.frame_stride), tiling(bands, self.bands, self.band_stride)
        columns, rows = patches(frames, in_time), patches(bands, in_bands)
        blocks = (rows[:, None, :, None] & columns[None, :, None, :]).flatten(0, 1)  # [patches bands frames]
        with torch.inference_mode():
            masked = Masked(scores, features, baseline, self.batch)
            maps = _mean_fall(masked, blocks)
            apart = _apart(masked, maps, rows, columns) if self.marginals else [(None, None)] * len(maps)
        settings = dict(zip(("bands", "band_stride", "frames", "frame_stride"), (*in_bands, *in_time), strict=True))
        change = (masked.known - masked.replaced).cpu()
        found = zip(maps, change.T, apart, strict=True)
        return [Relevance(m, c, masked.passes, settings, time=strip, band=bar) for m, c, (strip, bar) in found]


def _apart(masked: Masked, maps: Tensor, rows: Tensor, columns: Tensor) -> list[tuple[Tensor, Tensor]]:
    """The time strip and the band bar of each target, [clips frames] and [clips bands]."""
    bands, frames = maps.shape[-2:]
    strips = (maps if len(rows) == 1 else _mean_fall(masked, columns[:, None].expand(-1, bands, -1)))[..., 0, :]
    bars = (maps if len(columns) == 1 else _mean_fall(masked, rows[:, :, None].expand(-1, -1, frames)))[..., 0]
    return list(zip(strips, bars, strict=True))


def _mean_fall(masked: Masked, blocks: Tensor) -> Tensor:
    """How much each score falls on average over the blocks that cover a cell, [targets clips bands frames]."""
    falls = masked.known[None] - masked(blocks)  # [blocks clips targets]
    covers = blocks.flatten(1).to(falls)
    found = torch.einsum("pct,pn->tcn", falls, covers / covers.sum(0))
    return found.reshape(*found.shape[:2], *blocks.shape[1:]).cpu()
