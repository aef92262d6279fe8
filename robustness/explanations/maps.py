"""Which cells of one window speak for a target? A map by each method on each variant, the same for a card and for `robustness explain`.

A map is [bands frames] of the picture, in logits. A perturbation method runs the variants themselves, those that share what they compute
alike together; a gradient method needs gradients, or a surrogate that has them, and then says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from robustness.analysis.map_cells import top_cells
from robustness.attributions.base import ATTRIBUTIONS, Attribution, Relevance, Target
from robustness.attributions.baselines import BASELINES
from robustness.attributions.masking import Explainable
from robustness.attributions.methods.block_regression import BlockRegression
from robustness.attributions.methods.integrated_gradients import IntegratedGradients
from robustness.attributions.methods.occlusion import Occlusion
from robustness.attributions.methods.shapley import Shapley
from robustness.errors import UsageError
from robustness.models.after_sound import with_nothing_before
from robustness.models.classifier import Classifier
from robustness.models.resynthesis import explainable
from robustness.run.schema import OVER_BANDS, OVER_TIME
from robustness.sweep.inference.preparing import NetworkFamily

SILENT: Final = "silence"
COMPARING: Final = Occlusion()  # the one by which variants are compared: cheap, for it is made of many recordings
ALONE: Final = Occlusion(marginals=False)  # the same, for maps that are compared and not drawn
METHODS: Final[tuple[Attribution, ...]] = (BlockRegression(), COMPARING, IntegratedGradients())  # of a card; the last is a second opinion
USUAL: Final = (*(method.name for method in METHODS), Shapley.name)  # of `explain`: these, and those of segments
Map = npt.NDArray[np.float32]  # [bands frames]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class MapRequest:
    """What is to be explained of one window.

    Attributes:
        window: [time].
        there: the window where the worst variant is good, [time]; None where there is none.
        classifiers: by the name of the variant, each alone.
        gradients: the same, each with the network through which a gradient is quickest.
        families: the same, those together that share what they compute alike.
        targets: by name.
        baseline: the name of the baseline.
    """

    window: Tensor
    there: Tensor | None
    classifiers: Mapping[str, Classifier]
    gradients: Mapping[str, Classifier]
    families: Sequence[NetworkFamily]
    targets: Mapping[str, Target]
    baseline: str = SILENT

    def features_of(self, classifier: Classifier) -> MaskedWindow:
        """The window as a classifier takes it, and the baseline."""
        run = explainable(classifier, self.window)
        features = run.features(self.window[None])
        there = None if self.there is None else with_nothing_before(run).features(self.there[None])
        return MaskedWindow(run, features, BASELINES[self.baseline].make(run, features, there).expand_as(features))


@dataclass(frozen=True, eq=False)
class MaskedWindow:
    """The classifier whose features are a picture, the window's features and the baseline, [1 1 bands frames] each."""

    classifier: Classifier
    features: Tensor
    baseline: Tensor


@dataclass(frozen=True, eq=False)
class RelevanceMap:
    """What one method says of one window, on one variant and for one target.

    Attributes:
        method: with its settings.
        variant: which was explained.
        name: of the target.
        relevance: as the method gave it.
        asked: what was explained, for tests of the map.
    """

    method: Attribution
    variant: str
    name: str
    relevance: Relevance
    asked: Explainable

    @property
    def key(self) -> str:
        """Its name among the maps of all targets."""
        return f"{self.of_variant}/{self.name}"

    @property
    def of_variant(self) -> str:
        """Its name among the maps of one target."""
        return f"{self.method.name}/{self.variant}"

    @property
    def map(self) -> Map:
        """[bands frames], in logits."""
        array: Map = self.relevance.map[0].float().cpu().numpy()
        return array

    @property
    def over_time(self) -> Map:
        """What each frame says, [frames]."""
        array: Map = self.relevance.over_time[0].float().cpu().numpy()
        return array

    @property
    def over_bands(self) -> Map:
        """What each band says, [bands]."""
        array: Map = self.relevance.over_bands[0].float().cpu().numpy()
        return array

    @property
    def arrays(self) -> dict[str, Map]:
        """The map and what each frame and each band says, by the names under which a card stores them."""
        name = self.of_variant
        return {name: self.map, OVER_TIME + name: self.over_time, OVER_BANDS + name: self.over_bands}

    @property
    def top(self) -> npt.NDArray[np.bool_]:
        """The tenth of its cells that say the most, for or against, [bands frames]."""
        return top_cells(self.map)

    @property
    def sounding(self) -> npt.NDArray[np.bool_]:
        """Which cells are not the baseline, [bands frames]."""
        array: npt.NDArray[np.bool_] = sounding(self.asked).numpy()
        return array


def named_methods(names: Sequence[str], classifiers: Sequence[Classifier]) -> list[Attribution]:
    """The methods of these names; by default a few that are quick enough to wait for.

    Raises:
        UsageError: an unknown name, or one that can explain none of the variants; the message names the remedy.
    """
    found = [ATTRIBUTIONS[name]() for name in dict.fromkeys(names or USUAL)]
    for method in found:
        if names and not any(method.explains(classifier) for classifier in classifiers):
            method.attribute(classifiers[0], torch.zeros(1, 1, 1, 1), Target(0))  # says why
    return found


def maps_of(
    request: MapRequest,
    methods: Sequence[Attribution] = METHODS,
    *,
    surrogates: bool = False,
    progress: Progress = lambda doing, done, total: None,
) -> list[RelevanceMap]:
    """Every map that can be made, by method, variant and target in their order.

    Args:
        request: what is explained.
        methods: by which.
        surrogates: whether a gradient method may run what stands in for a variant without gradients.
        progress: told which method is at work.

    Raises:
        UsageError: none can explain any of the variants.
    """
    found: list[RelevanceMap] = []
    for done, method in enumerate(methods):
        progress(f"map: {method.name}", done, len(methods))
        made = {one: maps for group in _groups(request, method, surrogates=surrogates) for one, maps in _mapped(request, method, group)}
        found += [one for variant in request.classifiers for one in made.get(variant, ())]
    if methods and not found:
        raise UsageError("no method can explain these variants; take occlusion, which runs any of them")
    return found


def _groups(request: MapRequest, method: Attribution, *, surrogates: bool) -> Iterator[tuple[list[str], Classifier]]:
    """The variants that are asked together, and the classifier that answers for them."""
    if method.kind == "perturbation":
        names = list(request.classifiers)
        for family in request.families:
            variants = [names[place] for place in family.places]
            yield variants, request.classifiers[variants[0]] if len(variants) == 1 else family.joint
        return
    for variant, one in request.gradients.items():
        if method.explains(one) if surrogates else one.differentiable:
            yield [variant], one


def _mapped(request: MapRequest, method: Attribution, group: tuple[list[str], Classifier]) -> Iterator[tuple[str, list[RelevanceMap]]]:
    """The maps of each variant of a group, for every target; a perturbation method asks each masked clip once for all of them."""
    variants, joint = group
    asked, labels = request.features_of(joint), len(next(iter(request.classifiers.values())).labels)
    targets = [target.among(place * labels) for place in range(len(variants)) for target in request.targets.values()]
    found = iter(method.attribute_all(asked.classifier, asked.features, targets, asked.baseline))
    for variant in variants:
        run = asked.classifier if len(variants) == 1 else explainable(request.classifiers[variant], request.window)
        each = [
            RelevanceMap(method, variant, name, next(found), Explainable.of(run, asked.features, target, asked.baseline))
            for name, target in request.targets.items()
        ]
        yield variant, each


def seen(classifier: Classifier, window: Tensor, target: Target) -> Explainable:
    """What methods explain of one window [time]: the classifier over its own features, or by resynthesis where it takes samples."""
    run = explainable(classifier, window)
    return Explainable.of(run, run.features(window[None]), target)


def sounding(case: Explainable) -> Tensor:
    """Which cells are not silence, [bands frames]."""
    return (case.features != case.baseline)[0, 0].cpu()
