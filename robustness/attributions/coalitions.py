"""How is a change of the score shared among a few parts of a clip?

Parts are blocks of segments × bands; a coalition is the set of parts that are kept, the others are replaced by the baseline. A part in
which the clip equals the baseline changes nothing in any coalition: its value is exactly 0, and it costs no pass.
Source: Shapley 1953, "A value for n-person games"; Castro et al. 2009, doi:10.1016/j.cor.2008.04.004 (permutations).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from robustness.attributions.base import Relevance
from robustness.attributions.masking import Masked


@dataclass(frozen=True)
class Parts:
    """A grid of blocks; edges are in cells, the last one is the length."""

    band_edges: tuple[int, ...]
    frame_edges: tuple[int, ...]

    @classmethod
    def of(cls, features: Tensor, bands: int, segments: int) -> Parts:
        """Nearly equal blocks of features [clips 1 bands frames]; no more than there are cells."""
        return cls(*(_edges(length, count) for length, count in zip(features.shape[-2:], (bands, segments), strict=True)))

    @property
    def shape(self) -> tuple[int, int]:
        """How many bands and segments."""
        return len(self.band_edges) - 1, len(self.frame_edges) - 1

    def blocks(self) -> Tensor:
        """Which cells are in each part, [parts bands frames]; segments are the faster axis."""
        rows, columns = (_covers(edges) for edges in (self.band_edges, self.frame_edges))
        return (rows[:, None, :, None] & columns[None, :, None, :]).flatten(0, 1)


def _edges(length: int, count: int) -> tuple[int, ...]:
    count = min(count, length)
    return tuple(i * length // count for i in range(count + 1))


def _covers(edges: tuple[int, ...]) -> Tensor:
    cells = torch.arange(edges[-1])
    return torch.stack([(cells >= low) & (cells < high) for low, high in pairwise(edges)])


def coalition_scores(masked: Masked, blocks: Tensor, kept: Tensor) -> Tensor:
    """The scores of one clip where only some parts are kept: kept [coalitions parts] bool → [coalitions targets].

    Args:
        masked: the clip.
        blocks: the parts, of which no cell is in two, [parts bands frames], bool.
        kept: which of them are.
    """
    count = blocks[0].numel()
    owners, cells = np.divmod(np.flatnonzero(blocks.cpu().numpy()), count)
    owner = np.full(count, len(blocks))  # what is in no part is left as it is
    owner[cells] = owners
    removed = np.pad(~kept.cpu().numpy(), ((0, 0), (0, 1)))
    return masked(torch.from_numpy(removed.take(owner, 1)).unflatten(1, blocks.shape[1:]))[:, 0]


def exact_values(scores: Tensor, players: int) -> Tensor:
    """Shapley values from the scores of all coalitions.

    Args:
        scores: [2^players targets]; bit i of the index says whether player i is in.
        players: how many.

    Returns:
        [players targets].
    """
    index = torch.arange(2**players)
    sizes = torch.stack([(index >> i) & 1 for i in range(players)]).sum(0) if players else index
    values = []
    for i in range(players):
        without = index[(index >> i) & 1 == 0]
        weights = torch.tensor([1 / (players * math.comb(players - 1, int(size))) for size in sizes[without]], dtype=torch.float64)
        gain = scores[without | (1 << i)].double() - scores[without].double()
        values.append((weights[:, None] * gain).sum(0))
    return torch.stack(values) if values else scores.new_zeros(0, scores.shape[1]).double()


def spread(values: Tensor, blocks: Tensor, differs: Tensor) -> Tensor:
    """A map in which the cells of a part share its value, those alone that differ from the baseline.

    Args:
        values: [parts targets].
        blocks: [parts bands frames].
        differs: [bands frames].

    Returns:
        [targets bands frames].
    """
    mine = (blocks & differs).flatten(1).double()
    shares = mine / mine.sum(1, keepdim=True).clamp_min(1.0)
    maps: Tensor = values.T.double() @ shares
    return maps.float().reshape(-1, *differs.shape)


@dataclass(frozen=True, eq=False)
class SharedScore:
    """One clip's values: [parts targets], and their standard errors where they were sampled."""

    values: Tensor
    maps: Tensor
    change: Tensor
    passes: int
    errors: Tensor | None = None


def relevances_of(found: list[SharedScore], parts: Parts, settings: dict[str, object]) -> list[Relevance]:
    """What was found clip by clip, as one Relevance a target."""
    edges = {"band_edges": list(parts.band_edges), "frame_edges": list(parts.frame_edges)}
    passes = sum(one.passes for one in found)
    targets = found[0].change.shape[0]
    return [_relevance(found, t, parts.shape, passes, {**settings, **edges}) for t in range(targets)]


def _relevance(found: list[SharedScore], t: int, shape: tuple[int, int], passes: int, settings: dict[str, object]) -> Relevance:
    def grid(parts: list[Tensor]) -> Tensor:
        return torch.stack([one[:, t].float().unflatten(0, shape).T for one in parts]).cpu()  # [clips segments bands]

    values, change = grid([one.values for one in found]), torch.stack([one.change[t] for one in found]).cpu()
    errors = [one.errors for one in found if one.errors is not None]
    gap = torch.stack([one.values[:, t].sum() for one in found]).cpu().float() - change
    maps = torch.stack([one.maps[t] for one in found]).cpu()
    return Relevance(maps, change, passes, settings, gap, parts=values, errors=grid(errors) if errors else None)
