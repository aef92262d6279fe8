"""What is known of one failing recording: its answers where it fails and at every place, what restores it, where it is right.

Cards and `robustness explain` are made of the same cases: those of a run, or of one recording by itself.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import Final

import torch
from torch import Tensor

from robustness.attributions.base import Target
from robustness.audio.levels import SPEECH_THRESHOLD_DB
from robustness.audio.placement import Frame
from robustness.audio.recordings import Recording
from robustness.audio.streaming import by_id, known
from robustness.conditions import NONE, Condition
from robustness.explanations.answering import Given, HeardWindow, by_variant, hear
from robustness.explanations.counterpart import Counterpart, GoodPlaces
from robustness.explanations.failing_group import Difference
from robustness.explanations.failures import PLACES, Failure, placed_trials
from robustness.explanations.good_recordings import GoodRecordings, GoodRun
from robustness.explanations.lean import Lean, lean_of, placement_cost
from robustness.explanations.maps import SILENT, MapRequest
from robustness.explanations.places import LeadAtlas, Restored
from robustness.explanations.ready_variants import ReadyVariants
from robustness.explanations.standing import Standing
from robustness.explanations.subject import Subject
from robustness.interventions.base import INTERVENTIONS
from robustness.interventions.scene import Scene
from robustness.models.classifier import Classifier
from robustness.perturbations.base import PERTURBATIONS, Inputs, Perturbation
from robustness.rendering import NO_INPUTS, Renderer
from robustness.run.folder import Run
from robustness.run.perturbations import perturbation_facts
from robustness.seeds import generator_of
from robustness.sweep.engine import Engine
from robustness.sweep.inference.preparing import NetworkFamily, each_alone, for_gradients

HERE: Final = "here"
COUNTERPART: Final = "counterpart"
PROBES: Final = 8  # recordings on which it is tried whether a faster network answers the same
LEANING: Final = "lower-rejections"  # the edit that tells a network that leans to saying nothing
FLOAT: Final = "float32"  # the variant that is not quantized


@dataclass(frozen=True, eq=False)
class Case:
    """One failure with all that is needed to explain it.

    Attributes:
        failure: what went wrong.
        recording: as the sweep heard it.
        subject: the same, under the condition in which it fails, wherever it lies.
        classifiers: by the name of the variant, each with the fastest network that answers the same, after what sounded before the window.
        gradients: the same, each with the network through which a gradient is quickest.
        families: the same, those together that share what they compute alike.
        engine: what asks all of them at once.
        given: the answer of each variant where it fails.
        heard: `here` (where it fails), at the three places under the same condition, and at the `counterpart`, where there is one.
        atlases: good or bad by lead, by variant.
        restored: the nearest good place of each variant that is bad here; None for the others, and where there is none.
        counterparts: where each variant that is bad here is good; None where nowhere.
        good: the recordings that are right.
    """

    failure: Failure
    recording: Recording
    subject: Subject
    classifiers: Mapping[str, Classifier]
    gradients: Mapping[str, Classifier]
    families: Sequence[NetworkFamily]
    engine: Engine
    given: Mapping[str, Given]
    heard: Mapping[str, HeardWindow]
    atlases: Mapping[str, LeadAtlas]
    restored: Mapping[str, Restored | None]
    counterparts: Mapping[str, Counterpart | None]
    good: GoodRecordings

    @cached_property
    def standings(self) -> Sequence[Standing]:
        """Where its measurements stand among the good recordings."""
        return self.good.standings(self)

    @cached_property
    def differences(self) -> Sequence[Difference]:
        """In what those that fail where it does differ from the good recordings, and it as well."""
        return self.good.differences(self)

    @property
    def changed(self) -> bool:
        """Whether it fails under a change of its sound: where it is good, it lies at the same place without that."""
        return self.subject.changed

    @property
    def counterpart(self) -> Counterpart | None:
        """Where the worst variant is good; None where nowhere."""
        return self.counterparts[self.failure.variant]

    @property
    def worst(self) -> Classifier:
        """The variant with the worst margin."""
        return self.classifiers[self.failure.variant]

    @property
    def target(self) -> Target:
        """The margin of the label to the worst variant's wrong answer: one pair of classes for all variants. Of one label its log-odds."""
        labels, rival = self.worst.labels, self.failure.rival
        return Target(labels.index(self.failure.label), labels.index(rival) if rival in labels else None)

    def map_request(self, targets: Mapping[str, Target], baseline: str = SILENT) -> MapRequest:
        """What maps are made of: the window in which it fails, for some targets by name."""
        there = self.heard[COUNTERPART].window if COUNTERPART in self.heard else None
        return MapRequest(self.heard[HERE].window, there, self.classifiers, self.gradients, self.families, targets, baseline)


class Cases:
    """The cases of a run, or of recordings of which no run is at hand; its tables are read once.

    Attributes:
        run: its trials; None where there is none, and nothing is known of other recordings then.
        recordings: by their ids, each read when it is asked for.
        known: what is known of each recording without reading it.
        classifiers: by the name of the variant, each alone; `given` as they were given; `gradients` for these.
        engine: what asks all of them at once.
        kinds: what is known of each perturbation of the run, by name.
        order: the recordings with a label, in the order by the run's seed in which some of them are asked.
        good: the recordings that are right, and what they have in common.

    Args:
        run: the run, or None.
        classifiers: the variants that made its trials.
        recordings: as the sweep heard them.
        seed: of the run.
        perturbations: of its plan, with their settings and folders; another is made from its registered class.
        inputs: folders by name, for a perturbation that is not of its plan.
        threshold_db: by which words are found, where no run says so.
        good_run: the good recordings of another run of the same model, which serve where too few are right here.
    """

    def __init__(
        self,
        run: Run | None,
        classifiers: Sequence[Classifier],
        recordings: Sequence[Recording],
        seed: int,
        perturbations: Mapping[str, Perturbation] | None = None,
        *,
        inputs: Inputs = NO_INPUTS,
        threshold_db: float = SPEECH_THRESHOLD_DB,
        good_run: GoodRun | None = None,
    ) -> None:
        self.run = run
        self.perturbations, self.inputs = perturbations or {}, inputs
        self.kinds = {} if run is None else perturbation_facts(run.manifest)
        self.frame = classifiers[0].frame
        self.given = by_variant(classifiers)
        probes = _probes(recordings, self.frame)
        self.classifiers = by_variant(each_alone(classifiers, probes))
        self.gradients = by_variant(for_gradients(classifiers, probes))
        self.engine = Engine.ready(classifiers, probes, workers=1)
        self.recordings = by_id(recordings)
        self.recordings_in_order = recordings
        self.known = known(recordings)
        self.placed = placed_trials(run, self.kinds)
        self.seed = seed
        known_db = None if run is None else run.manifest.get("plan", {}).get("speech_threshold_db")
        self.threshold_db = threshold_db if known_db is None else float(known_db)
        labelled = [one.id for one in self.known if one.label is not None]
        self.order = [labelled[i] for i in torch.randperm(len(labelled), generator=generator_of(seed, "collateral")).tolist()]
        self._leans: dict[str, Lean | None] = {}
        self.good = GoodRecordings(self.placed, self.order, self.recordings, self.threshold_db, good_run)

    @property
    def copies(self) -> bool:
        """Whether there can be as many networks as threads: on the CPU, where each can be copied."""
        return all(one.device.type == "cpu" and one.network.can.copies for one in self.given.values())

    def copied(self) -> Cases:
        """The same with networks of its own, for another thread; what is known of recordings is shared."""
        other = copy.copy(self)
        other.given, other.classifiers, other.gradients = map(copied, (self.given, self.classifiers, self.gradients))
        (families,) = self.engine.families
        other.engine = Engine((tuple(family.copied() for family in families),), self.engine.batch, self.engine.classifiers)
        return other

    def case(self, failure: Failure) -> Case:
        """Everything about one failure; the recording is rendered and heard anew."""
        recording = self.recordings[failure.recording]
        subject = self.subject(recording, failure.condition)
        return self.case_of(failure, recording, GoodPlaces(self.ready, subject, failure.label))

    def case_of(self, failure: Failure, recording: Recording, places: GoodPlaces) -> Case:
        """Everything about one failure, of which it is known where the recording may lie."""
        counterparts = {variant: places.counterpart(variant) for variant in self.classifiers}
        ready = places.ready_here
        (families,) = ready.engine.families
        return Case(
            failure=failure,
            recording=recording,
            subject=places.subject,
            classifiers=ready.classifiers,
            gradients=ready.gradients,
            families=families,
            engine=ready.engine,
            given=places.here,
            heard=self._heard(places.subject, ready.engine, counterparts[failure.variant]),
            atlases=places.atlases,
            restored={variant: places.restored(variant) for variant in self.classifiers},
            counterparts=counterparts,
            good=self.good,
        )

    @property
    def ready(self) -> ReadyVariants:
        """The variants, with nothing before the window but their own pre-roll."""
        return ReadyVariants(self.engine, self.classifiers, self.gradients)

    def subject(self, recording: Recording, condition: Condition) -> Subject:
        """A recording under a condition of the run."""
        return Subject.of(
            recording,
            self.frame,
            condition,
            seed=self.seed,
            threshold_db=self.threshold_db,
            perturbations=self.perturbations,
            inputs=self.inputs,
        )

    def scene(self, case: Case) -> Scene:
        """The window in which a recording fails, taken apart, beside what those have that are right."""
        failure = case.failure
        made = case.subject.scene(failure.offset_ms, case.worst.frontend.picture.band_hz)
        restored = case.restored[failure.variant]
        typical = self.good.typical(failure.variant, failure.condition.placement)
        return replace(made, typical=typical, known_ms=None if restored is None else restored.at_ms)

    def lean(self, variant: str) -> Lean | None:
        """By how much a variant leans to its rejection labels at the reference placement; None where it does not."""
        if variant not in self._leans:
            sizes = INTERVENTIONS[LEANING]().sizes_tried.sizes
            placed = self.good.serving(variant, self.frame.reference).placed
            self._leans[variant] = lean_of(placed, variant, self.frame.reference, sizes)
        return self._leans[variant]

    def lean_at(self, variant: str, condition: Condition) -> Lean | None:
        """The same where the place costs the other commands no more than that: else it is the place that they are missed at."""
        found, reference = self.lean(variant), self.frame.reference
        if found is None or not self.at_a_place(condition):
            return found
        placed = self.good.serving(variant, reference).placed
        return found if placement_cost(placed, variant, reference, condition.placement) <= found.size else None

    def at_a_place(self, condition: Condition) -> bool:
        """Whether a condition says only at which named placement a recording lies."""
        name = condition.perturbation
        if name == NONE:
            return True
        kind = self.kinds.get(name) or PERTURBATIONS[name]().facts(self.frame.reference)
        return bool(kind.placements)

    def float_of(self, variant: str) -> str | None:
        """The float network of the same model; None where that is the variant itself, or was not run."""
        return float_of(self.classifiers, variant)

    def _heard(self, subject: Subject, engine: Engine, counterpart: Counterpart | None) -> dict[str, HeardWindow]:
        leads: dict[str, float] = {HERE: subject.here_ms}
        leads.update((place, subject.lead_ms(place)) for place in PLACES)
        heard = subject.at(list(leads.values())).samples
        windows = {name: (lead_ms, window) for (name, lead_ms), window in zip(leads.items(), heard, strict=True)}
        found = hear(engine, windows)
        if counterpart is None:
            return found
        there = (counterpart.offset_ms, subject.plain.at([counterpart.offset_ms]).samples[0])
        return found | hear(self.engine, {COUNTERPART: there})


def copied(classifiers: Mapping[str, Classifier]) -> dict[str, Classifier]:
    """The same with networks of their own."""
    return {name: replace(one, network=one.network.copied()) for name, one in classifiers.items()}


def _probes(recordings: Sequence[Recording], frame: Frame) -> Tensor:
    """A few recordings at both edges of the window, [clips time]."""
    renderer = Renderer.of(list(islice(recordings, PROBES)), frame)
    return torch.cat([renderer.placed(placement).samples for placement in ("start", "end")])


def float_of(classifiers: Mapping[str, Classifier], variant: str) -> str | None:
    """The name of the float network of a variant's model; None where that is the variant itself, or is not among these."""
    model = classifiers[variant].name
    found = [name for name, other in classifiers.items() if (other.name, other.variant) == (model, FLOAT)]
    return next((name for name in found if name != variant), None)
