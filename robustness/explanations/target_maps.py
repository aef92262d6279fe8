"""The map of each target, by each method, on each variant, and what each map cost and keeps.

A map is [bands frames] of the picture, in logits. A variant without gradients is explained by perturbation methods; by a gradient method
only through its surrogate, and then says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from robustness.analysis.map_cells import top_cells
from robustness.attributions.base import ATTRIBUTIONS, Attribution, Relevance, Target, within_bound
from robustness.attributions.baselines import BASELINES
from robustness.attributions.methods.block_regression import BlockRegression
from robustness.attributions.methods.shapley import Shapley
from robustness.errors import UsageError
from robustness.explanations.maps import METHODS, Map
from robustness.explanations.question import Question
from robustness.models.classifier import Classifier
from robustness.models.resynthesis import explainable

USUAL: Final = (BlockRegression.name, *(method.name for method in METHODS), Shapley.name)  # and those of a card, and of segments
SEGMENT_MS: Final = 100.0
SEGMENTS: Final = 10  # 1,024 passes
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class TargetMap:
    """One map.

    Attributes:
        method: its name.
        variant: which was explained.
        target: its name.
        relevance: as the method gave it.
        classifier: as it was explained, for tests of the map.
        features: of the window, [1 1 bands frames].
        baseline: of the same shape.
    """

    method: str
    variant: str
    target: str
    relevance: Relevance
    classifier: Classifier
    features: Tensor
    baseline: Tensor

    @property
    def key(self) -> str:
        """Under which name the map is stored."""
        return f"{self.method}/{self.variant}/{self.target}"

    @property
    def map(self) -> Map:
        """[bands frames], in logits."""
        array: Map = self.relevance.map[0].float().cpu().numpy()
        return array

    @property
    def top(self) -> npt.NDArray[np.bool_]:
        """The tenth of its cells that say the most, for or against, [bands frames]."""
        return top_cells(self.map)

    def row(self) -> dict[str, Any]:
        """What is known of the map, as a row of a table."""
        found, strongest = self.relevance, np.abs(self.map)
        row: dict[str, Any] = {"method": self.method, "variant": self.variant, "target": self.target}
        row |= {"change": float(found.change[0]), "sum": float(self.map.sum(dtype=np.float64)), "max_abs": float(strongest.max())}
        row |= {"passes": found.passes, "top_cells": int(self.top.sum())}
        row["gap"] = None if found.gap is None else float(found.gap[0])
        row["complete"] = None if found.gap is None else bool(within_bound(found.gap, found.change)[0])
        row["steps"] = None if found.steps is None else int(found.steps[0])
        row["error"] = None if found.errors is None else float(found.errors.max())
        row["surrogate"] = found.surrogate
        row["logit_gap"] = None if found.logit_gap is None else float(found.logit_gap[0])
        return row


def target_methods(names: Sequence[str], classifiers: Sequence[Classifier]) -> list[Attribution]:
    """The methods of these names; by default a few that are quick enough to wait for.

    Raises:
        UsageError: an unknown name, or one that can explain none of the variants; the message names the remedy.
    """
    found = [ATTRIBUTIONS[name]() for name in dict.fromkeys(names or USUAL)]
    for method in found:
        if names and not any(method.explains(classifier) for classifier in classifiers):
            method.attribute(classifiers[0], torch.zeros(1, 1, 1, 1), Target(0))  # says why
    return found


def maps_of(question: Question, names: Sequence[str], progress: Progress = lambda doing, done, total: None) -> list[TargetMap]:
    """Every map that can be made, all targets of a method and variant together."""
    methods = target_methods(names, list(question.classifiers.values()))
    todo = [(method, variant) for method in methods for variant, one in question.classifiers.items() if method.explains(one)]
    if not todo:
        raise UsageError("no method can explain these variants; take occlusion, which runs any of them")
    found: list[TargetMap] = []
    for done, (method, variant) in enumerate(todo):
        progress(f"map: {method.name}, {variant}", done, len(todo))
        found += _mapped(question, method, variant)
    return found


def _mapped(question: Question, method: Attribution, variant: str) -> list[TargetMap]:
    among = question.classifiers if method.kind == "perturbation" else question.gradients
    run = explainable(among[variant], question.here.window)
    features, baseline = features_of(question, run)
    relevances = method.attribute_all(run, features, list(question.targets.values()), baseline)
    named = zip(question.targets, relevances, strict=True)
    return [TargetMap(method.name, variant, target, one, run, features, baseline) for target, one in named]


def features_of(question: Question, run: Classifier) -> tuple[Tensor, Tensor]:
    """What was heard, and the baseline, [1 1 bands frames] each."""
    features = run.features(question.here.window[None])
    donor = None if question.counterpart is None else run.features(question.counterpart.window[None])
    return features, BASELINES[question.baseline].make(run, features, donor).expand_as(features)


def segments_of(question: Question, maps: Sequence[TargetMap]) -> list[dict[str, Any]]:
    """From f(baseline) to f(x) in segments of 100 ms (longer ones in a long window): exact Shapley values, as rows.

    Args:
        question: what is explained.
        maps: those by the same method over as many segments are not made again.
    """
    window_ms = question.first.frame.samples * 1000 / question.first.frame.rate_hz
    count = max(1, min(SEGMENTS, round(window_ms / SEGMENT_MS)))
    method: Any = Shapley
    made = {(one.variant, one.target): one.relevance for one in maps if one.method == method.name}
    rows: list[dict[str, Any]] = []
    for variant, classifier in question.classifiers.items():
        run = explainable(classifier, question.here.window)
        features, baseline = features_of(question, run)
        targets = list(question.targets.values())
        start, end = (torch.stack([target.score(run.logits_from(x)) for target in targets], 1)[0] for x in (baseline, features))
        known = [found for name in question.targets if (found := made.get((variant, name))) and found.settings["segments"] == count]
        every = known if len(known) == len(targets) else method(segments=count).attribute_all(run, features, targets, baseline)
        for i, (name, found) in enumerate(zip(question.targets, every, strict=True)):
            where = {"variant": variant, "target": name, "baseline": float(start[i]), "value": float(end[i])}
            rows += _rows(found, where, window_ms, run.frontend.hop_ms)
    return rows


def _rows(found: Relevance, where: dict[str, Any], window_ms: float, hop_ms: float) -> list[dict[str, Any]]:
    if found.parts is None:
        return []
    inner: Any = found.settings["frame_edges"]
    edges = [*(edge * hop_ms for edge in inner[:-1]), window_ms]
    shares = found.parts[0].sum(1).tolist()
    return [where | {"start_ms": a, "end_ms": b, "share": s} for a, b, s in zip(edges, edges[1:], shares, strict=False)]
