"""What a card and a table say of maps: what was done, what it cost, and how far methods and variants agree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from robustness.attributions import agreement
from robustness.attributions.base import SILENCE, within_bound
from robustness.explanations.maps import COMPARING, Map, RelevanceMap
from robustness.run.evidence import MapCorrelation, MapMethod


@dataclass(frozen=True)
class MapCost:
    """What is known of one map without a test.

    Attributes:
        method: its name.
        variant: which was explained.
        target: its name.
        change: f(x) − f(baseline), in logits.
        sum: over all cells, in logits.
        max_abs: of the strongest cell.
        passes: of the network.
        top_cells: how many cells are the strongest tenth.
        gap: Σ map − change; None where the method does not claim that this is 0.
        complete: whether that is within the bound; likewise.
        steps: of the path, where there is one.
        error: the largest standard error of its parts, where they were sampled.
        surrogate: the variant that was run in place of the one explained.
        logit_gap: how far its logits lie from the variant's.
    """

    method: str
    variant: str
    target: str
    change: float
    sum: float
    max_abs: float
    passes: int
    top_cells: int
    gap: float | None
    complete: bool | None
    steps: int | None
    error: float | None
    surrogate: str | None
    logit_gap: float | None


def cost_of(one: RelevanceMap) -> MapCost:
    """What a row of the table says of a map."""
    found = one.relevance
    return MapCost(
        method=one.method.name,
        variant=one.variant,
        target=one.name,
        change=float(found.change[0]),
        sum=float(one.map.sum(dtype=np.float64)),
        max_abs=float(np.abs(one.map).max()),
        passes=found.passes,
        top_cells=int(one.top.sum()),
        gap=None if found.gap is None else float(found.gap[0]),
        complete=None if found.gap is None else bool(within_bound(found.gap, found.change)[0]),
        steps=None if found.steps is None else int(found.steps[0]),
        error=None if found.errors is None else float(found.errors.max()),
        surrogate=found.surrogate,
        logit_gap=None if found.logit_gap is None else float(found.logit_gap[0]),
    )


def methods_of(maps: Sequence[RelevanceMap]) -> tuple[MapMethod, ...]:
    """What was done, for the page: a perturbation method once for all variants, a gradient method once a variant, with its gap."""
    return tuple(_method_facts(group) for group in _groups(maps))


def _groups(maps: Sequence[RelevanceMap]) -> Iterator[list[RelevanceMap]]:
    """What one line of the page speaks of."""
    shared: dict[str, list[RelevanceMap]] = {}
    for one in maps:
        shared.setdefault(one.method.name if one.relevance.gap is None else one.of_variant, []).append(one)
    yield from shared.values()


def _method_facts(group: list[RelevanceMap]) -> MapMethod:
    method, relevance, cost = group[0].method, group[0].relevance, cost_of(group[0])
    found = MapMethod(
        name=method.name,
        source=method.source,
        variants=tuple(one.variant for one in group),
        baseline=SILENCE,
        settings=dict(relevance.settings),
        passes=max(one.relevance.passes for one in group),
        max_abs={one.variant: float(np.abs(one.map).max()) for one in group},
    )
    if cost.surrogate is not None and cost.logit_gap is not None:
        found = replace(found, surrogate=cost.surrogate, logit_gap=cost.logit_gap)
    if cost.gap is None or cost.steps is None:
        return found
    return replace(found, completeness_gap=cost.gap, score_change=cost.change, within_bound=bool(cost.complete), steps=cost.steps)


def correlations_of(maps: Sequence[RelevanceMap]) -> tuple[MapCorrelation, ...]:
    """Rank correlations of two methods on one variant, and of the first method on two variants."""
    pairs = [(a, b) for i, a in enumerate(maps) for b in maps[i + 1 :] if _comparable(a, b)]
    return tuple(
        MapCorrelation((a.method.name, a.variant), (b.method.name, b.variant), correlation(a, b), int((a.sounding | b.sounding).sum()))
        for a, b in pairs
    )


def _comparable(a: RelevanceMap, b: RelevanceMap) -> bool:
    same_method = a.method.name == b.method.name == COMPARING.name and a.map.shape == b.map.shape
    return a.variant == b.variant or same_method


def correlation(a: RelevanceMap, b: RelevanceMap) -> float | None:
    """The rank correlation of two maps, over the cells where the clip is not the baseline.

    Elsewhere a cell's own contribution is 0 by every method, which is no agreement.
    """
    cells = a.sounding | b.sounding
    return rank_correlation(a.map[cells], b.map[cells])


def rank_correlation(a: Map, b: Map) -> float | None:
    """The rank correlation of two maps over the same cells; None where one of them is constant, so that there is none."""
    return agreement.map_correlation(torch.from_numpy(a), torch.from_numpy(b))


def second_opinion(one: RelevanceMap, maps: Sequence[RelevanceMap]) -> float | None:
    """The rank correlation with the first other method on the same variant and target; None where there is none."""
    same = (m for m in maps if (m.variant, m.name) == (one.variant, one.name) and m.method.name != one.method.name)
    other = next(same, None)
    return None if other is None else correlation(one, other)
