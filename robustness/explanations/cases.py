"""What is known of one failing recording: its answers where it fails and at every place, what restores it, where it is right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import torch
from torch import Tensor

from robustness.attributions.base import Target
from robustness.audio.levels import SPEECH_THRESHOLD_DB
from robustness.audio.placement import Frame, batch_of, lead_of, place
from robustness.audio.recordings import Recording
from robustness.audio.streaming import by_id, known
from robustness.conditions import Condition
from robustness.explanations.counterpart import Counterpart, counterpart_of
from robustness.explanations.failures import PLACES, Failure, placed_trials
from robustness.explanations.movable import Added, Movable
from robustness.explanations.places import Atlases, LeadAtlas, Restored, asked, restore
from robustness.models.classifier import Classifier
from robustness.perturbations.base import Perturbation
from robustness.perturbations.noise import AdditiveNoise
from robustness.run.folder import Run
from robustness.sweep.engine import Engine
from robustness.sweep.inference.preparing import Family, each_alone, for_gradients

HERE: Final = "here"
COUNTERPART: Final = "counterpart"
PROBES: Final = 8  # recordings on which it is tried whether a faster network answers the same
FLOAT: Final = "float32"  # the variant that is not quantized


@dataclass(frozen=True, eq=False)
class Heard:
    """What the model heard at one lead, and what each variant answered.

    Attributes:
        lead_ms: where the recording lay.
        window: [time].
        logits: [labels], by variant.
    """

    lead_ms: float
    window: Tensor
    logits: Mapping[str, Tensor]


@dataclass(frozen=True, eq=False)
class Case:
    """One failure with all that is needed to explain it.

    Attributes:
        failure: what went wrong.
        recording: as the sweep heard it.
        movable: the same, to be placed, in the noise in which it fails.
        classifiers: by the name of the variant, each with the fastest network that answers the same.
        gradients: the same, each with the network through which a gradient is quickest.
        families: the same, those together that share what they compute alike.
        heard: `here` (where it fails), at the three places in the same noise, and at the `counterpart` in silence, where there is one.
        atlases: right or wrong by lead, by variant.
        restored: the nearest right place of each variant that is wrong here; None for the others, and where there is none.
        counterpart: where the worst variant is right; None where nowhere.
    """

    failure: Failure
    recording: Recording
    movable: Movable
    classifiers: Mapping[str, Classifier]
    gradients: Mapping[str, Classifier]
    families: Sequence[Family]
    heard: Mapping[str, Heard]
    atlases: Mapping[str, LeadAtlas]
    restored: Mapping[str, Restored | None]
    counterpart: Counterpart | None

    @property
    def in_noise(self) -> bool:
        """Whether it fails in noise alone: where it is right, it lies at the same place in silence."""
        return self.movable.added is not None

    @property
    def worst(self) -> Classifier:
        """The variant with the worst margin."""
        return self.classifiers[self.failure.variant]

    @property
    def target(self) -> Target:
        """The margin of the label to the worst variant's wrong answer: one pair of classes for all variants."""
        labels = self.worst.labels
        return Target(labels.index(self.failure.label), labels.index(self.failure.rival))


class Cases:
    """The cases of a run; its tables are read once.

    Attributes:
        recordings: by their ids, each read when it is asked for.
        known: what is known of each recording without reading it.
        classifiers: by the name of the variant, each alone; `given` as they were given; `gradients` for these.
        engine: what asks all of them at once.

    Args:
        run: the run.
        classifiers: the variants that made its trials.
        recordings: as the sweep heard them.
        seed: of the run.
        perturbations: of its plan; those that add noise are done again.
    """

    def __init__(
        self,
        run: Run,
        classifiers: Sequence[Classifier],
        recordings: Sequence[Recording],
        seed: int,
        perturbations: Mapping[str, Perturbation] | None = None,
    ) -> None:
        self.noises = {name: one for name, one in (perturbations or {}).items() if isinstance(one, AdditiveNoise)}
        self.frame = classifiers[0].frame
        self.given = by_variant(classifiers)
        probes = _probes(recordings, self.frame)
        self.classifiers = by_variant(each_alone(classifiers, probes))
        self.gradients = by_variant(for_gradients(classifiers, probes))
        self.engine = Engine.ready(classifiers, probes, workers=1)
        self.recordings = by_id(recordings)
        self.known = known(recordings)
        self.placed = placed_trials(run, self.classifiers)
        self.atlases = Atlases(run, set(self.placed.loc[self.placed["failing"], "recording"]))
        self.seed = seed
        self.threshold_db = float(run.manifest.get("plan", {}).get("speech_threshold_db", SPEECH_THRESHOLD_DB))

    def case(self, failure: Failure) -> Case:
        """Everything about one failure; the recording is placed and heard anew."""
        recording = self.recordings[failure.recording]
        movable = self.movable(recording, failure.condition)
        heard = hear(self.engine, movable, {HERE: failure.offset_ms, **{place: movable.lead_ms(place) for place in PLACES}})
        atlases = {variant: self._atlas(failure, movable, variant) for variant in self.classifiers}
        restored = {variant: self._restored(failure, movable, heard[HERE], variant, atlases[variant]) for variant in self.classifiers}
        counterpart = counterpart_of(failure, movable, self.placed, restored[failure.variant])
        if counterpart is not None:
            heard |= hear(self.engine, movable.quiet, {COUNTERPART: counterpart.offset_ms})
        (families,) = self.engine.families
        return Case(failure, recording, movable, self.classifiers, self.gradients, families, heard, atlases, restored, counterpart)

    def movable(self, recording: Recording, condition: Condition) -> Movable:
        """A recording to be placed, in the noise of a condition of the run."""
        movable, noise = Movable.of(recording, self.frame, self.seed, self.threshold_db), self.noises.get(condition.perturbation)
        if noise is None or condition.level is None:
            return movable
        return movable.in_noise(Added(noise, condition.level, condition.draw), movable.lead_ms(condition.placement))

    def float_of(self, variant: str) -> str | None:
        """The float network of the same model; None where that is the variant itself, or was not run."""
        return float_of(self.classifiers, variant)

    def _atlas(self, failure: Failure, movable: Movable, variant: str) -> LeadAtlas:
        """The atlas of the sweep; where it made none, as in noise, one asked now."""
        swept = self.atlases.of(failure.recording, variant)
        return swept if swept.leads_ms and movable.added is None else asked(self.classifiers[variant], movable, failure.label)

    def _restored(self, failure: Failure, movable: Movable, here: Heard, variant: str, atlas: LeadAtlas) -> Restored | None:
        classifier = self.classifiers[variant]
        if int(here.logits[variant].argmax()) == classifier.labels.index(failure.label):
            return None
        return restore(classifier, movable, failure.label, failure.offset_ms, atlas)


def _probes(recordings: Sequence[Recording], frame: Frame) -> Tensor:
    """A few recordings at both edges of the window, [clips time]."""
    batch = batch_of(list(islice(recordings, PROBES)))
    ends = [lead_of(placement, frame.samples - batch.lengths) for placement in ("start", "end")]
    return torch.cat([place(batch, lead, frame).samples for lead in ends])


def hear(engine: Engine, movable: Movable, leads_ms: Mapping[str, float]) -> dict[str, Heard]:
    """What each variant answers to the recording at each lead, by the lead's name."""
    windows = movable.at(list(leads_ms.values())).samples
    logits = torch.stack(engine.answers(windows), 1)  # [leads variants labels]
    return {
        name: Heard(lead_ms, window, dict(zip(by_variant(engine.classifiers), rows, strict=True)))
        for (name, lead_ms), window, rows in zip(leads_ms.items(), windows, logits, strict=True)
    }


def by_variant(classifiers: Sequence[Classifier]) -> dict[str, Classifier]:
    """The classifiers by the name that their trials carry: the variant, or `model · variant` where there are several models."""
    several = len({classifier.name for classifier in classifiers}) > 1
    return {f"{c.name} · {c.variant}" if several else c.variant: c for c in classifiers}


def float_of(classifiers: Mapping[str, Classifier], variant: str) -> str | None:
    """The name of the float network of a variant's model; None where that is the variant itself, or is not among these."""
    model = classifiers[variant].name
    found = [name for name, other in classifiers.items() if (other.name, other.variant) == (model, FLOAT)]
    return next((name for name in found if name != variant), None)
