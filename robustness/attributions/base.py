"""Which cells of the features speak for the right answer and against the wrong one.

The explained score is a logit, or the margin between two, never a softmax probability, which saturates. Features are
[clips 1 bands frames]; a map is [clips bands frames], in logits. The baseline is what silence looks like in each clip, so padding
(where features equal it) gets nothing: a map says what the word's own sound did at this place, not what the place did.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar, Final, Literal, final

from torch import Tensor, nn

from robustness.classifiers.classifier import Classifier, evaluating
from robustness.errors import CannotJudgeError, UsageError
from robustness.registry import Registry

Kind = Literal["perturbation", "gradient"]
Score = Callable[[Tensor], Tensor]  # features [clips 1 bands frames] → [clips]

SILENCE: Final = "silence in this clip"  # the name of the default baseline


@dataclass(frozen=True)
class Target:
    """What is explained, as indices into the classifier's labels: the margin label − rival, or one logit where there is no rival."""

    label: int
    rival: int | None = None

    def score(self, logits: Tensor) -> Tensor:
        """The explained score, [clips labels] → [clips]."""
        return logits[:, self.label] if self.rival is None else logits[:, self.label] - logits[:, self.rival]


@dataclass(frozen=True, eq=False)
class Relevance:
    """One map a clip, and what it cost.

    Attributes:
        map: [clips bands frames], in logits; positive speaks for the label.
        change: f(x) − f(baseline), [clips].
        passes: how often the network was run, counted in clips.
        settings: as used on features of this shape.
        gap: Σ map − change, [clips], where the method claims that this is 0; else None.
        steps: of the path, [clips], where there is one; else None.
    """

    map: Tensor
    change: Tensor
    passes: int
    settings: Mapping[str, object]
    gap: Tensor | None = None
    steps: Tensor | None = None


class Attribution(ABC):
    """A method; settings are the fields of a frozen dataclass.

    The base class owns the checks and the baseline, a method owns the map, on a whole batch of clips.
    """

    name: ClassVar[str]
    kind: ClassVar[Kind]
    source: ClassVar[str]

    @abstractmethod
    def relevance(self, score: Score, features: Tensor, baseline: Tensor) -> Relevance:
        """The maps of features [clips 1 bands frames] against a baseline of the same shape."""

    @final
    def attribute(self, classifier: Classifier, features: Tensor, target: Target, baseline: Tensor | None = None) -> Relevance:
        """The map of each clip.

        Args:
            classifier: the variant to explain; it is run itself, not a stand-in.
            features: [clips 1 bands frames].
            target: the logit or the margin to explain.
            baseline: what a cell is compared with, broadcast to the features; None = silence in each clip.

        Raises:
            UsageError: for a gradient method on a variant without gradients, or a target that is no label.
            CannotJudgeError: where the score or the map is not a number.
        """
        self._check(classifier, features, target)
        clips = features.detach().to(classifier.device).clone()  # a copy outside inference mode, so that gradients can be asked for
        silence = classifier.frontend.silence(clips) if baseline is None else baseline.detach().to(clips).clone()
        with evaluating(classifier.net), frozen(classifier.net):
            found = self.relevance(lambda x: target.score(classifier.forward(x)), clips, silence.expand_as(clips))
        if not bool(found.map.isfinite().all() and found.change.isfinite().all()):
            raise CannotJudgeError(f"{self.name} of {classifier.variant} is not a number; look for NaN in the weights and the recording")
        return found

    def _check(self, classifier: Classifier, features: Tensor, target: Target) -> None:
        if self.kind == "gradient" and not classifier.differentiable:
            raise UsageError(
                f"{self.name} needs gradients and {classifier.variant} has none: its quantized layers detach silently; "
                "take occlusion, which runs the variant itself, or explain float32"
            )
        if features.ndim != 4 or features.shape[1] != 1:
            raise UsageError(f"features are {list(features.shape)} and {self.name} expects [clips 1 bands frames]")
        labels = classifier.labels
        for index in (target.label, target.rival):
            if index is not None and not 0 <= index < len(labels):
                raise UsageError(f"target {index} is no label of {classifier.name}; it has 0 to {len(labels) - 1}: {', '.join(labels)}")


@contextmanager
def frozen(net: nn.Module) -> Iterator[None]:
    """The network's weights without gradients, so that no graph is kept for them; as before afterwards."""
    wanted = [(weight, weight.requires_grad) for weight in net.parameters()]
    try:
        net.requires_grad_(False)
        yield
    finally:
        for weight, flag in wanted:
            weight.requires_grad_(flag)


ATTRIBUTIONS: Registry[Attribution] = Registry("attribution method", "robustness.attributions")
