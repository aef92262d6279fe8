"""Where in the network does it stop following the word? Layer by layer, where a recording fails beside where it is right.

The lead where it is right is moved so that the shift is a whole number of every layer's frames, where a right one is near: else a layer
that drops frames is off by their grid alone (Zhang 2019, arXiv:1904.11486).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import lcm
from typing import Final, NamedTuple

import torch
from torch import Tensor

from robustness.errors import UsageError
from robustness.explanations.answering import given_by
from robustness.explanations.equivariance import ActivationPair
from robustness.explanations.layers import Layer, Time, layers_of, paths_of
from robustness.explanations.patching import LayerLoss, Swaps
from robustness.explanations.subject import Subject
from robustness.models.classifier import Classifier
from robustness.run.evidence import LayerError, LayerTracking, PatchedLayer, TrackedLayer
from robustness.sweep.trials import answer_of

FEATURES: Final = "features"  # what the network hears, the first row
NEAR: Final = 3  # leads on each side that are tried for a shift of whole frames, the nearest first


@dataclass(frozen=True, eq=False)
class Moved:
    """A recording that a variant answers wrongly here and rightly there.

    Attributes:
        subject: the recording.
        here_ms: the lead where it fails.
        there_ms: the lead where it is right.
        label: the right answer.
        variant: that answers so.
    """

    subject: Subject
    here_ms: float
    there_ms: float
    label: str
    variant: str


class Lead(NamedTuple):
    """Where the recording is right, and whether the shift is a whole number of every layer's frames."""

    ms: float
    whole: bool


class Following:
    """The layers of some variants, and how each follows a recording that moves.

    Args:
        classifiers: by the name of the variant, as they were given: the layers have the user's names.
        only: names of the layers to show and to take parts of; none = all. Errors are those of all layers: where one stops is said of all.

    Raises:
        UsageError: where no variant has a layer that is wanted.
    """

    def __init__(self, classifiers: Mapping[str, Classifier], only: Collection[str] = ()) -> None:
        self.classifiers = classifiers
        self.only = only
        known = list(dict.fromkeys(name for classifier in classifiers.values() for name in paths_of(classifier)))
        absent = [name for name in only if name not in known]
        if absent:
            model = next(iter(classifiers.values())).name
            raise UsageError(f"{model} has no layer {', '.join(map(repr, absent))}; it has {', '.join(known) or 'none with weights'}")

    @cached_property
    def layers(self) -> dict[str, tuple[Layer, ...]]:
        """The layers of each variant in the order they run, all of them."""
        return {name: layers_of(classifier) for name, classifier in self.classifiers.items()}

    @cached_property
    def _swaps(self) -> dict[str, Swaps]:
        return {name: Swaps(classifier, len(self.only) or len(self.layers[name]) - 1) for name, classifier in self.classifiers.items()}

    def of(self, moved: Moved, others: Sequence[Subject] = ()) -> LayerTracking | None:
        """What is known of each layer; None where no layer has weights.

        Args:
            moved: the recording.
            others: recordings of other words, for the floor.
        """
        if not any(self.layers.values()):
            return None
        lead = self._lead(moved)
        stride_ms: dict[str, float | None] = {}
        errors: dict[str, dict[str, LayerError]] = {}
        for name, classifier in self.classifiers.items():
            for pair in self._pairs(name, self._features(classifier, moved, lead, others), moved, lead):
                layer = pair.layer.name
                stride_ms[layer] = stride_ms.get(layer) or _stride_ms(pair.layer, classifier)
                errors.setdefault(layer, {})[name] = LayerError(pair.error, pair.floor, pair.lost)
        patched = self._patched(moved, lead)
        return LayerTracking(
            variant=moved.variant,
            here_ms=moved.here_ms,
            there_ms=lead.ms,
            whole=lead.whole,
            wanted=tuple(self.only),
            layers=tuple(TrackedLayer(name, stride_ms[name], each, patched.get(name)) for name, each in errors.items()),
        )

    def _lead(self, moved: Moved) -> Lead:
        """The nearest lead to the one where it is right that is a whole number of all layers' frames away, and right."""
        frame, rate = moved.subject.frame, moved.subject.frame.rate_hz
        here, there = (round(ms * rate / 1000) for ms in (moved.here_ms, moved.there_ms))
        step = lcm(*(self._step(name) for name in self.classifiers))
        nearest = round((there - here) / step)
        turns = sorted(set(range(nearest - NEAR, nearest + NEAR + 1)) - {0}, key=lambda k: (abs(here + k * step - there), k))
        last = max(frame.samples - moved.subject.length, there)
        for lead in [here + k * step for k in turns if min(0, there) <= here + k * step <= last]:
            if self._good(moved, lead * 1000 / rate):
                return Lead(lead * 1000 / rate, whole=True)
        return Lead(moved.there_ms, whole=False)

    def _step(self, variant: str) -> int:
        """The samples after which every layer of a variant has moved by whole frames."""
        strides = [layer.time.stride.numerator for layer in self.layers[variant] if layer.time is not None]
        return self.classifiers[variant].frontend.hop_samples * lcm(1, *strides)

    def _good(self, moved: Moved, lead_ms: float) -> bool:
        """Whether the variant that fails is good at a lead."""
        classifier = self.classifiers[moved.variant]
        return given_by(classifier, classifier.logits(moved.subject.at([lead_ms]).samples), [moved.label])[0].good

    def _margins(self, moved: Moved, leads_ms: Sequence[float]) -> list[float]:
        """The margins of the variant that fails, at leads."""
        classifier = self.classifiers[moved.variant]
        logits = classifier.logits(moved.subject.at(leads_ms).samples)
        return answer_of(logits, torch.full((len(logits),), classifier.labels.index(moved.label))).margin.tolist()

    def _features(self, classifier: Classifier, moved: Moved, lead: Lead, others: Sequence[Subject] = ()) -> Tensor:
        """Of the recording here and there, of silence, and of other words there, [clips 1 bands frames]."""
        windows = [moved.subject.at([moved.here_ms, lead.ms]).samples, *(other.at([lead.ms]).samples for other in others)]
        features = classifier.features(torch.cat(windows))
        silence = classifier.frontend.silence(features)[1:2].expand_as(features[1:2])
        return torch.cat([features[:2], silence, features[2:]])

    def _pairs(self, variant: str, features: Tensor, moved: Moved, lead: Lead) -> list[ActivationPair]:
        """The features, then what each layer gives, here and there."""
        classifier = self.classifiers[variant]
        layers = self.layers[variant]
        given = classifier.activations(features, [layer.path for layer in layers])
        hears = Layer(FEATURES, FEATURES, Time(features.ndim - 1, Fraction(1), 0.0))
        frames = (lead.ms - moved.here_ms) / classifier.frontend.hop_ms
        return [ActivationPair.of(layer, given.get(layer.path, features.float().cpu()), frames) for layer in (hears, *layers)]

    def _patched(self, moved: Moved, lead: Lead) -> dict[str, PatchedLayer]:
        """What parts of each layer bring back in the variant that fails; the last layer's outputs are the answer itself."""
        classifier, last = self.classifiers[moved.variant], self.layers[moved.variant][-1:]
        features = self._features(classifier, moved, lead)
        span = moved.subject.speech_ms(moved.here_ms)
        here, there = self._margins(moved, [moved.here_ms, lead.ms])
        if not there > here or not classifier.network.can.modules:
            return {}
        label = classifier.labels.index(moved.label)
        drop = LayerLoss(features[:1], label, here, there, span, classifier.frontend.hop_ms)
        pairs = self._pairs(moved.variant, features, moved, lead)[1:]
        swaps = self._swaps[moved.variant]
        wanted = [pair for pair in pairs if pair.layer not in last and (not self.only or pair.layer.name in self.only)]
        return {pair.layer.name: swaps.of(pair, drop) for pair in wanted}


def _stride_ms(layer: Layer, classifier: Classifier) -> float | None:
    return None if layer.time is None else float(layer.time.stride) * classifier.frontend.hop_ms
