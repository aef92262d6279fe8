"""How far do two maps agree?

Maps are [bands frames], by one method; only the cells that are not the baseline in either clip count: elsewhere both are 0 by every method,
which is no agreement. A figure means little alone: beside it stand its floor (maps of unrelated recordings) and its ceiling (the same
recording moved by one frame).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import scipy  # its `stats` at their first use: to import them takes half a second
import torch
from torch import Tensor

TOP_SHARE: Final = 0.1  # of the cells, the strongest


class MapAgreement(NamedTuple):
    """Figures of two maps; None where one of them has no such figure.

    Attributes:
        spearman: rank correlation of the signed maps.
        spearman_abs: of their absolute values.
        top_iou: how far the strongest tenths of their cells overlap: intersection over union.
        sign: the share of cells in which both speak for the same side.
        shift_frames: how far the center of the second's |φ| lies later.
        shift_bands: how far it lies higher.
    """

    spearman: float | None
    spearman_abs: float | None
    top_iou: float | None
    sign: float | None
    shift_frames: float | None
    shift_bands: float | None


def agreement(one: Tensor, other: Tensor, cells: Tensor) -> MapAgreement:
    """Two maps over the same cells (bool), each [bands frames]."""
    a, b = one[cells], other[cells]
    shift = center(other) - center(one)
    frames, bands = (None if math.isnan(value) else value for value in shift.tolist())
    return MapAgreement(map_correlation(a, b), map_correlation(a.abs(), b.abs()), _overlap(a.abs(), b.abs()), _sign(a, b), frames, bands)


def map_correlation(a: Tensor, b: Tensor) -> float | None:
    """The rank correlation over the same cells; None where one of them is constant, so that there is none."""
    if min(len(a), len(b)) < 2 or bool((a == a[0]).all()) or bool((b == b[0]).all()):
        return None
    value = float(scipy.stats.spearmanr(a.numpy(), b.numpy()).statistic)
    return value if math.isfinite(value) else None


def center(relevance: Tensor) -> Tensor:
    """The center of |φ| in frames and bands, [2]; NaN where the map is 0."""
    weight = relevance.abs().double()
    places = (torch.arange(weight.shape[1]) * weight.sum(0), torch.arange(weight.shape[0]) * weight.sum(1))
    return torch.stack([place.sum() / weight.sum() for place in places])


def top(strength: Tensor) -> Tensor:
    """Which are the strongest tenth, bool; cells of 0 are never among them."""
    count = max(1, round(TOP_SHARE * strength.numel()))
    least = strength.flatten().topk(min(count, strength.numel())).values[-1]
    return (strength >= least) & (strength > 0)


def _overlap(a: Tensor, b: Tensor) -> float | None:
    if not len(a) or not bool(a.any()) or not bool(b.any()):
        return None
    one, other = top(a), top(b)
    return float((one & other).sum() / (one | other).sum())


def _sign(a: Tensor, b: Tensor) -> float | None:
    speaking = (a != 0) & (b != 0)
    return float((a[speaking].sign() == b[speaking].sign()).double().mean()) if bool(speaking.any()) else None


def mean_of(found: Sequence[MapAgreement]) -> MapAgreement | None:
    """Each figure's mean over several, where it is there; shifts without their sign. None of none."""
    if not found:
        return None
    columns = zip(MapAgreement._fields, zip(*found, strict=True), strict=True)
    return MapAgreement(*(_mean([abs(v) if name.startswith("shift") else v for v in values if v is not None]) for name, values in columns))


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def moved_back(relevance: Tensor, frames: int) -> Tensor:
    """A map [bands frames] that many frames earlier; what comes in is 0."""
    moved = relevance.roll(-frames, 1)
    if frames > 0:
        moved[:, -frames:] = 0
    elif frames < 0:
        moved[:, :-frames] = 0
    return moved
