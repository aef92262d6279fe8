"""What each method says about one failing window, on every variant that it can explain, and how far methods and variants agree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from robustness.attributions import agreement
from robustness.attributions.base import SILENCE, Attribution, Relevance, Target, within_bound
from robustness.attributions.deletion import DeletionCurves
from robustness.attributions.masking import Explainable
from robustness.attributions.methods.integrated_gradients import IntegratedGradients
from robustness.attributions.methods.occlusion import Occlusion
from robustness.attributions.trust import Checks, TrustBox
from robustness.explanations.cases import HERE, Case
from robustness.models.classifier import Classifier
from robustness.models.resynthesis import explainable
from robustness.run.evidence import MapCorrelation, MapForgetting, MapLift, MapMethod, MapTrust
from robustness.run.schema import OVER_BANDS, OVER_TIME
from robustness.sweep.inference.preparing import Family

COMPARING: Final = Occlusion()  # the one by which variants are compared
ALONE: Final = Occlusion(marginals=False)  # the same, for maps that are compared and not drawn
METHODS: Final[tuple[Attribution, ...]] = (COMPARING, IntegratedGradients())
STAGES: Final = {True: 2, False: 1}  # of forgetting, on a card in full: the last layer, and all of them; else all. Each costs a map
Map = npt.NDArray[np.float32]  # [bands frames]


@dataclass(frozen=True, eq=False)
class Explained:
    """One method on one variant."""

    method: Attribution
    variant: str
    classifier: Classifier
    relevance: Relevance
    sounding: npt.NDArray[np.bool_]  # which cells are not silence, [bands frames]

    @property
    def map(self) -> Map:
        """[bands frames], in logits."""
        array: Map = self.relevance.map[0].numpy()
        return array

    @property
    def arrays(self) -> dict[str, Map]:
        """The map, what each frame says and what each band says, by the names under which they are stored."""
        strip, bar = (values[0].float().numpy() for values in (self.relevance.over_time, self.relevance.over_bands))
        return {self.key: self.map, OVER_TIME + self.key: strip, OVER_BANDS + self.key: bar}

    @property
    def key(self) -> str:
        """Under which name the map is stored."""
        return f"{self.method.name}/{self.variant}"


def explain(case: Case) -> list[Explained]:
    """Every method on every variant itself, for one target; what only a surrogate could tell is left to `robustness explain`."""
    found = []
    for method in METHODS:
        if method.kind == "perturbation":
            made = [one for family in case.families for one in _together(method, family, case)]
            found += sorted(made, key=lambda one: list(case.classifiers).index(one.variant))
        else:
            found += [_explained(method, name, one, case) for name, one in case.gradients.items() if one.differentiable]
    return found


def _explained(method: Attribution, variant: str, classifier: Classifier, case: Case) -> Explained:
    asked = seen(classifier, case.heard[HERE].window, case.target)
    return Explained(
        method, variant, asked.classifier, method.attribute(asked.classifier, asked.features, case.target), sounding(asked).numpy()
    )


def _together(method: Attribution, family: Family, case: Case) -> list[Explained]:
    """One perturbation method on variants that share what they compute alike: each masked clip is asked once for all of them."""
    names = list(case.classifiers)
    variants = [names[place] for place in family.places]
    if len(variants) == 1:
        return [_explained(method, variants[0], case.classifiers[variants[0]], case)]
    window, labels = case.heard[HERE].window, len(case.worst.labels)
    asked = seen(family.joint, window, case.target)
    found = method.attribute_all(asked.classifier, asked.features, [case.target.among(place * labels) for place in range(len(variants))])
    alone = [seen(case.classifiers[name], window, case.target).classifier for name in variants]
    return [Explained(method, *each, sounding(asked).numpy()) for each in zip(variants, alone, found, strict=True)]


def seen(classifier: Classifier, window: Tensor, target: Target) -> Explainable:
    """What methods explain of one window [time]: the classifier over its own features, or by resynthesis where it takes samples."""
    run = explainable(classifier, window)
    return Explainable.of(run, run.features(window[None]), target)


def sounding(case: Explainable) -> Tensor:
    """Which cells are not silence, [bands frames]."""
    return (case.features != case.baseline)[0, 0].cpu()


def methods_of(explained: list[Explained]) -> tuple[MapMethod, ...]:
    """What was done, for the page: a perturbation method once for all variants, a gradient method once a variant, with its gap."""
    return tuple(_method_facts(group) for group in _groups(explained))


def _groups(explained: list[Explained]) -> Iterator[list[Explained]]:
    """What one line of the page speaks of."""
    shared: dict[str, list[Explained]] = {}
    for one in explained:
        shared.setdefault(one.method.name if one.relevance.gap is None else one.key, []).append(one)
    yield from shared.values()


def _method_facts(group: list[Explained]) -> MapMethod:
    method, relevance = group[0].method, group[0].relevance
    found = MapMethod(
        name=method.name,
        source=method.source,
        variants=tuple(one.variant for one in group),
        baseline=SILENCE,
        settings=dict(relevance.settings),
        passes=max(one.relevance.passes for one in group),
        max_abs={one.variant: float(np.abs(one.map).max()) for one in group},
    )
    if relevance.surrogate is not None and relevance.logit_gap is not None:
        found = replace(found, surrogate=relevance.surrogate, logit_gap=float(relevance.logit_gap[0]))
    if relevance.gap is None or relevance.steps is None:
        return found
    within = bool(within_bound(relevance.gap, relevance.change)[0])
    gap, change, steps = float(relevance.gap[0]), float(relevance.change[0]), int(relevance.steps[0])
    return replace(found, completeness_gap=gap, score_change=change, within_bound=within, steps=steps)


def correlations_of(explained: list[Explained]) -> tuple[MapCorrelation, ...]:
    """Rank correlations of two methods on one variant, and of the first method on two variants.

    Over the cells where the clip is not silence: elsewhere a cell's own contribution is 0 by every method, which is no agreement.
    """
    pairs = [(a, b) for i, a in enumerate(explained) for b in explained[i + 1 :] if _comparable(a, b)]
    return tuple(_correlation(a, b) for a, b in pairs)


def _comparable(a: Explained, b: Explained) -> bool:
    same_variant = a.variant == b.variant
    same_method = a.method.name == b.method.name == COMPARING.name and a.map.shape == b.map.shape
    return same_variant or same_method


def _correlation(a: Explained, b: Explained) -> MapCorrelation:
    cells = a.sounding | b.sounding
    correlation = rank_correlation(a.map[cells], b.map[cells])
    return MapCorrelation((a.method.name, a.variant), (b.method.name, b.variant), correlation, int(cells.sum()))


def rank_correlation(a: Map, b: Map) -> float | None:
    """The rank correlation of two maps over the same cells; None where one of them is constant, so that there is none."""
    return agreement.map_correlation(torch.from_numpy(a), torch.from_numpy(b))


def trust_of(explained: list[Explained], case: Case, seed: int, *, in_full: bool) -> dict[str, MapTrust]:
    """The trust box of each map, by the name under which the map is stored.

    Args:
        explained: the maps.
        case: what they explain.
        seed: of the random orders and weights.
        in_full: with the network forgetting layer by layer, and not only all at once.
    """
    window = case.heard[HERE].window
    found: dict[str, MapTrust] = {}
    curves: dict[str, DeletionCurves] = {}
    for one in explained:  # the random orders of a variant serve all its maps
        asked = Explainable.of(one.classifier, one.classifier.features(window[None]), case.target)
        checks = Checks(asked, seed, STAGES[in_full], curves.get(one.variant))
        curves[one.variant] = checks.curves
        found[one.key] = _trust(checks.of_map(one.method, one.relevance))
    return found


def _trust(box: TrustBox) -> MapTrust:
    lift = None if box.lift is None else MapLift(box.lift.deletion, box.lift.insertion, box.lift.spread)
    stages = tuple(MapForgetting(stage.layers, stage.of, stage.down_to, stage.spearman) for stage in box.stages)
    return MapTrust(box.gap, box.change, lift, stages, box.seed, box.passes, tuple(box.failed))
