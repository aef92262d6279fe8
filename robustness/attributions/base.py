"""Which cells of the features speak for the right answer and against the wrong one.

The explained score is a logit, or the margin between two, never a softmax probability, which saturates. Features are
[clips 1 bands frames]; a map is [clips bands frames], in logits. The baseline is what silence looks like in each clip, so padding
(where features equal it) gets nothing: a map says what the word's own sound did at this place, not what the place did.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from queue import SimpleQueue
from typing import ClassVar, Final, Literal, final

import torch
from torch import Tensor

from robustness.errors import CannotJudgeError, UsageError
from robustness.models.classifier import Classifier
from robustness.registry import Registry

MethodKind = Literal["perturbation", "gradient"]
ScoreFunction = Callable[[Tensor], Tensor]  # features [clips 1 bands frames] → [clips targets]

SILENCE: Final = "silence in this clip"  # the name of the default baseline
GAP_SHARE: Final = 0.05  # of the change of the score
GAP_LOGITS: Final = 0.05  # below this a gap is nothing, however small the change


class Asked:
    """The scores of features [clips 1 bands frames], of each target: [clips targets]. As many threads as there are runs may ask at once.

    Args:
        runs: the classifier, and copies of it.
        targets: what is read off their logits.

    Attributes:
        workers: how many runs there are.
        first_layer: of the network, if it is affine and what is behind it can be asked apart; else None.
    """

    def __init__(self, runs: Sequence[Classifier], targets: Sequence[Target]) -> None:
        self.targets, self.workers = targets, len(runs)
        self.first_layer = runs[0].network.first_layer
        self._free: SimpleQueue[Classifier] = SimpleQueue()
        for run in runs:
            self._free.put(run)

    def __call__(self, features: Tensor) -> Tensor:
        """One after the other where more ask than there are runs."""
        return self._read(lambda run: run.forward(features))

    def behind_first(self, hidden: Tensor) -> Tensor:
        """The same where the first layer gives this, [clips …] → [clips targets]."""
        return self._read(lambda run: run.behind_first(hidden))

    def masked(self, clip: Tensor, baseline: Tensor, masks: Tensor, batch: int) -> Tensor:
        """The scores of one clip [1 1 bands frames] in which the cells of each mask are the baseline's, [masks targets]."""
        return self._read(lambda run: run.masked(clip, baseline, masks, batch))

    def _read(self, ask: Callable[[Classifier], Tensor]) -> Tensor:
        run = self._free.get()
        try:
            logits = ask(run)
        finally:
            self._free.put(run)
        return torch.stack([target.score(logits) for target in self.targets], 1)


def within_bound(gap: Tensor, change: Tensor) -> Tensor:
    """Whether the completeness gap is small enough, [clips], [clips] → [clips]."""
    return gap.abs() <= (GAP_SHARE * change.abs()).clamp_min(GAP_LOGITS)


@dataclass(frozen=True)
class Target:
    """What is explained, as indices into the classifier's labels: the margin label − rival, or one logit where there is no rival."""

    label: int
    rival: int | None = None

    @classmethod
    def named(cls, text: str, labels: Sequence[str]) -> Target:
        """The target that a text names: `up` is a logit, `up-unknown` the margin of the first to the second.

        Raises:
            UsageError: where it names no label, or the margin of one to itself; the message lists those that exist.
        """
        if text in labels:
            return cls(labels.index(text))
        found = [(i, j) for i, one in enumerate(labels) for j, other in enumerate(labels) if f"{one}-{other}" == text and i != j]
        if not found:
            known = ", ".join(labels)
            raise UsageError(f"there is no target {text!r}; give a label, or two with a dash for their margin, out of {known}")
        return cls(*found[0])

    def among(self, first: int) -> Target:
        """The same labels where they begin at `first` among the labels of several networks."""
        return Target(self.label + first, None if self.rival is None else self.rival + first)

    def score(self, logits: Tensor) -> Tensor:
        """The explained score, [clips labels] → [clips]."""
        return logits[:, self.label] if self.rival is None else logits[:, self.label] - logits[:, self.rival]


@dataclass(frozen=True, eq=False)
class Relevance:
    """One map a clip, and what it cost.

    Attributes:
        map: [clips bands frames], in logits; positive speaks for the label.
        change: f(x) − f(baseline), [clips].
        passes: how often the network was run, counted in clips; where several targets were explained together, for all of them.
        settings: as used on features of this shape.
        gap: Σ map − change, [clips], where the method claims that this is 0; else None.
        steps: of the path, [clips], where there is one; else None.
        time: what each frame says over all bands, [clips frames]; the sum over bands where the method does not ask it apart.
        band: what each band says over all frames, [clips bands]; likewise.
        parts: where a map is made of few large parts: the value of each, [clips segments bands]; their edges are in the settings.
        errors: the standard error of each part, where it was sampled.
        surrogate: the variant that was run, where it is not the one explained; its map is an approximation.
        logit_gap: the largest distance of the surrogate's logits from the variant's on these clips, [clips].
    """

    map: Tensor
    change: Tensor
    passes: int
    settings: Mapping[str, object]
    gap: Tensor | None = None
    steps: Tensor | None = None
    time: Tensor | None = None
    band: Tensor | None = None
    parts: Tensor | None = None
    errors: Tensor | None = None
    surrogate: str | None = None
    logit_gap: Tensor | None = None

    @property
    def over_time(self) -> Tensor:
        """The time strip, [clips frames]."""
        return self.map.sum(1) if self.time is None else self.time

    @property
    def over_bands(self) -> Tensor:
        """The band bar, [clips bands]."""
        return self.map.sum(2) if self.band is None else self.band


class Attribution(ABC):
    """A method; settings are the fields of a frozen dataclass.

    The base class owns the checks and the baseline, a method owns the maps, on a whole batch of clips and for any number of targets.
    """

    name: ClassVar[str]
    kind: ClassVar[MethodKind]
    source: ClassVar[str]

    @abstractmethod
    def relevances(self, scores: Asked, features: Tensor, baseline: Tensor) -> list[Relevance]:
        """For each target the maps of features [clips 1 bands frames] against a baseline of the same shape."""

    @final
    def attribute(self, classifier: Classifier, features: Tensor, target: Target, baseline: Tensor | None = None) -> Relevance:
        """The map of each clip.

        Args:
            classifier: the variant to explain; it is run itself, save where a gradient method needs its surrogate, and then says so.
            features: [clips 1 bands frames].
            target: the logit or the margin to explain.
            baseline: what a cell is compared with, broadcast to the features; None = silence in each clip.

        Raises:
            UsageError: for a gradient method on a variant without gradients, or a target that is no label.
            CannotJudgeError: where the score or the map is not a number.
        """
        return self.attribute_all(classifier, features, [target], baseline)[0]

    @final
    def attribute_all(
        self, classifier: Classifier, features: Tensor, targets: Sequence[Target], baseline: Tensor | None = None
    ) -> list[Relevance]:
        """The map of each clip for each target; a method that only asks for answers asks once for all targets."""
        self._check(classifier, features, targets)
        run = self._run(classifier)
        clips = features.detach().to(run.device).clone()  # a copy outside inference mode, so that gradients can be asked for
        reference = classifier.frontend.silence(clips) if baseline is None else baseline.detach().to(clips).clone()

        with run.network.evaluating(), run.network.frozen():
            found = self.relevances(Asked(self._runs(run), targets), clips, reference.expand_as(clips))
        for one in found:
            if not bool(one.map.isfinite().all() and one.change.isfinite().all()):
                raise CannotJudgeError(
                    f"{self.name} of {classifier.variant} is not a number; look for NaN in the weights and the recording"
                )
        return found if run is classifier else [_stood_in(one, classifier, run, clips) for one in found]

    def _run(self, classifier: Classifier) -> Classifier:
        """The variant itself, or what stands in for it where gradients are needed that it has not."""
        if self.kind == "perturbation" or classifier.differentiable:
            return classifier
        if classifier.surrogate is None and classifier.deployed:
            why = classifier.network.without("gradients")
            raise UsageError(
                f"{self.name} needs gradients and {classifier.variant} has none: {why}; take occlusion, which runs the file itself, "
                "or give the same graph as a .pt2, which torch can differentiate"
            )
        if classifier.surrogate is None:
            quantized = bool(classifier.about.get("quantized_layers")) or classifier.variant != "float32"
            why = "its quantized layers detach silently" if quantized else classifier.network.without("gradients")
            raise UsageError(
                f"{self.name} needs gradients and {classifier.variant} has none: {why}; take occlusion, which runs the variant itself"
                f"{', or explain float32' if classifier.variant != 'float32' else ''}"
            )
        return classifier.surrogate

    @property
    def rough(self) -> Attribution:
        """The same at a coarser grain, for what compares many maps of one clip; the method itself where it has none."""
        return self

    def _runs(self, run: Classifier) -> list[Classifier]:
        """The classifier, with a copy for each other thread of torch where gradients are asked for on the CPU and it can be copied."""
        alone = self.kind != "gradient" or run.device.type != "cpu" or not run.network.can.copies
        threads = 1 if alone else torch.get_num_threads()
        return [run, *(replace(run, network=run.network.copied()) for _ in range(threads - 1))]

    def explains(self, classifier: Classifier) -> bool:
        """Whether this method has what it needs of the variant."""
        return self.kind == "perturbation" or classifier.differentiable or classifier.surrogate is not None

    def _check(self, classifier: Classifier, features: Tensor, targets: Sequence[Target]) -> None:
        self._run(classifier)
        if features.ndim != 4 or features.shape[1] != 1:
            raise UsageError(f"features are {list(features.shape)} and {self.name} expects [clips 1 bands frames]")
        labels = classifier.labels
        for index in (index for target in targets for index in (target.label, target.rival)):
            if index is not None and not 0 <= index < len(labels):
                raise UsageError(f"target {index} is no label of {classifier.name}; it has 0 to {len(labels) - 1}: {', '.join(labels)}")


def _stood_in(found: Relevance, classifier: Classifier, surrogate: Classifier, clips: Tensor) -> Relevance:
    """The same, labelled as a surrogate's, with the distance of its logits from the variant's."""
    gap = (surrogate.logits_from(clips) - classifier.logits_from(clips)).abs().amax(1)
    return replace(found, surrogate=surrogate.variant, logit_gap=gap)


ATTRIBUTIONS: Registry[Attribution] = Registry("attribution method", "robustness.attributions.methods")
