"""What is to be explained of one recording: where it lies, under what, what each variant answers there, which scores, which baseline.

A recording that is answered rightly is explained all the same. Where its word is not known, what is explained is the answer itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import cast, get_args

import torch

from robustness.attributions.base import Target
from robustness.attributions.baselines import BASELINES
from robustness.audio.levels import SPEECH_THRESHOLD_DB
from robustness.audio.placement import Frame, Trim, slack_ms
from robustness.audio.recordings import Recording
from robustness.conditions import NONE, Condition, Fill, Placement
from robustness.errors import RecordingError, UsageError
from robustness.explanations.answering import Given, HeardWindow, hear, worst_of
from robustness.explanations.cases import COUNTERPART, HERE, Case, Cases
from robustness.explanations.counterpart import GoodPlaces
from robustness.explanations.failures import PLACES, Failure
from robustness.explanations.maps import MapRequest
from robustness.explanations.ready_variants import ReadyVariants
from robustness.explanations.subject import Subject
from robustness.models.classifier import Classifier
from robustness.perturbations.base import PERTURBATIONS, Inputs
from robustness.rendering import NO_INPUTS
from robustness.sweep.trials import answer_of, label_indices


@dataclass(frozen=True)
class ExplanationSettings:
    """What the user asked for; None and nothing leave it to the defaults.

    Attributes:
        placement: start, center or end; None = the model's reference.
        offset_ms: the lead, in place of a named placement.
        targets: `up` for a logit, `up-unknown` for a margin.
        methods: names in the registry.
        baseline: one of the named baselines.
        seed: of every random number.
        perturbation: under which it is heard, as a sweep of the same seed has it; None is none.
        level: of that perturbation.
        draw: of that perturbation.
        inputs: folders by name, for a perturbation that needs some.
        fill: what the padding holds.
        trim: whether the recording is cut to its speech before it is placed.
        speech_threshold_db: how far below the loudest frame its speech may be.
        layers: names of the layers that are compared with the counterpart; none are all with weights.
        tested: whether the maps of the first target are tested.
    """

    placement: str | None = None
    offset_ms: float | None = None
    targets: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    baseline: str = "silence"
    seed: int = 0
    perturbation: str | None = None
    level: float | None = None
    draw: int = 0
    inputs: Inputs = field(default_factory=lambda: NO_INPUTS)
    fill: str = "zeros"
    trim: Trim = "auto"
    speech_threshold_db: float = SPEECH_THRESHOLD_DB
    layers: tuple[str, ...] = ()
    tested: bool = True


@dataclass(frozen=True, eq=False)
class Question:
    """One recording at one place, and what is asked about it.

    Attributes:
        cases: the variants, and what is known of other recordings.
        recording: as it was placed.
        subject: the same, to be placed elsewhere, under the condition in which it is heard.
        here: what was heard, and answered.
        given: the answer of each variant here, beside the truth; empty where the word is not known.
        truth: the right answer; None where the word is not known.
        case: the failure; None where no variant fails, or the word is not known.
        targets: what is explained, by name; the first is the default.
        baseline: the name of the baseline.
        place: the named placement, or None where a lead was given, or the perturbation says where it lies.
        seed: of every random number.
    """

    cases: Cases
    recording: Recording
    subject: Subject
    here: HeardWindow
    given: Mapping[str, Given]
    truth: str | None
    case: Case | None
    targets: Mapping[str, Target]
    baseline: str
    place: str | None
    seed: int = 0

    @property
    def classifiers(self) -> Mapping[str, Classifier]:
        """By the name of the variant, each with the fastest network that answers the same."""
        return self.ready.classifiers

    @property
    def counterpart(self) -> HeardWindow | None:
        """Where the variant that is worst off is good, if it is not so here."""
        return None if self.case is None else self.case.heard.get(COUNTERPART)

    @property
    def map_request(self) -> MapRequest:
        """What maps are made of."""
        if self.case is not None:
            return self.case.map_request(self.targets, self.baseline)
        (families,) = self.ready.engine.families
        return MapRequest(self.here.window, None, self.classifiers, self.ready.gradients, families, self.targets, self.baseline)

    @cached_property
    def ready(self) -> ReadyVariants:
        """The variants after what sounded before the window."""
        return self.cases.ready.after(self.subject.before)

    @property
    def first(self) -> Classifier:
        """Whose labels, window and picture are those of all."""
        return next(iter(self.classifiers.values()))

    @property
    def label(self) -> str:
        """What the default target speaks for: the truth, or the answer where there is none."""
        return self.truth or self.answer(next(iter(self.classifiers)))

    @property
    def condition(self) -> Condition:
        """Under which it is heard."""
        return self.subject.condition

    def answer(self, variant: str) -> str:
        """What a variant answers here."""
        return self.first.labels[int(self.here.logits[variant].argmax())]

    @property
    def wrong(self) -> list[str]:
        """The variants that are not good here, at their operating point."""
        return [variant for variant, given in self.given.items() if not given.good]


def question_of(cases: Cases, recording: Recording, wanted: ExplanationSettings) -> Question:
    """Places the recording, asks every variant, and settles what is explained.

    Raises:
        UsageError: an unknown target or perturbation.
        CannotJudgeError: a logit is not a number.
    """
    first = next(iter(cases.classifiers.values()))
    subject = _subject(cases, recording, wanted)
    here = hear(cases.ready.after(subject.before).engine, {HERE: (subject.here_ms, subject.at([subject.here_ms]).samples[0])})[HERE]
    truth = first.truth(recording.label)
    places = None if truth is None else GoodPlaces(cases.ready, subject, truth)
    given = {} if places is None else places.here
    return Question(
        cases=cases,
        recording=recording,
        subject=subject,
        here=here,
        given=given,
        truth=truth,
        case=None if places is None else _case(cases, recording, places, here),
        targets={name: Target.named(name, first.labels) for name in wanted.targets} or default_targets(first.labels, here, truth, given),
        baseline=wanted.baseline,
        place=None if wanted.offset_ms is not None or _moves(wanted) else subject.condition.placement,
        seed=wanted.seed,
    )


def _subject(cases: Cases, recording: Recording, wanted: ExplanationSettings) -> Subject:
    """The recording under what is asked for, where it is asked for."""
    placement = cases.frame.reference if wanted.placement is None else cast(Placement, wanted.placement)
    condition = Condition(wanted.perturbation or NONE, wanted.level, cast(Fill, wanted.fill), wanted.draw, placement)
    made = cases.subject(recording, condition)
    return made if wanted.offset_ms is None else made.from_lead(wanted.offset_ms)


def _case(cases: Cases, recording: Recording, places: GoodPlaces, here: HeardWindow) -> Case | None:
    """The failure of the variant that is worst off; None where none fails."""
    worst = worst_of(places.here)
    if places.here[worst].good:
        return None
    classifier, condition = cases.classifiers[worst], places.subject.condition
    rival = int(answer_of(here.logits[worst][None], label_indices(classifier, [places.truth])).rival[0])
    failure = Failure(
        recording=recording.id,
        label=places.truth,
        condition=condition,
        offset_ms=places.subject.here_ms,
        variant=worst,
        rival=classifier.labels[rival],
        margin=places.here[worst].margin,
        also_wrong=(),
        at_a_place=cases.at_a_place(condition),
    )
    return cases.case_of(failure, recording, places)


def _moves(wanted: ExplanationSettings) -> bool:
    """Whether a perturbation says where the recording lies."""
    return wanted.perturbation is not None and PERTURBATIONS[wanted.perturbation].moves


def check(first: Classifier, recording: Recording, wanted: ExplanationSettings) -> None:
    """Whether a recording can be explained as it is asked for.

    Raises:
        UsageError: an unknown baseline, fill or placement, half a condition, or a place outside the window.
        RecordingError: the recording is of another rate, or does not fit the window.
    """
    frame = first.frame
    _check_condition(wanted, frame)
    if wanted.baseline not in BASELINES:
        raise UsageError(f"there is no baseline {wanted.baseline!r}; those that exist: {', '.join(BASELINES)}")
    if wanted.baseline == "counterpart" and first.frontend.picture is not first.frontend:
        raise UsageError(
            f"{first.name} takes samples, and masks of its sound cannot put in what sounds elsewhere: there is no counterpart baseline "
            "for it; take silence"
        )
    if wanted.fill not in get_args(Fill):
        raise UsageError(f"there is no fill {wanted.fill!r}; those that exist: {', '.join(get_args(Fill))}")
    if wanted.placement is not None and wanted.placement not in PLACES:
        raise UsageError(f"there is no placement {wanted.placement!r}; those that exist: {', '.join(PLACES)}, or give --offset-ms")
    if wanted.placement is not None and wanted.offset_ms is not None:
        raise UsageError(f"--placement {wanted.placement} and --offset-ms {wanted.offset_ms:g} are two places; give one of them")
    window_ms = frame.samples * 1000 / frame.rate_hz
    if wanted.offset_ms is not None and not -window_ms < wanted.offset_ms < window_ms:
        raise UsageError(
            f"--offset-ms {wanted.offset_ms:g} leaves nothing of the recording in a window of {window_ms:g} ms; give less than that"
        )
    if recording.rate_hz != frame.rate_hz:
        raise RecordingError(
            f"{recording.id} is at {recording.rate_hz} Hz and {first.name} hears {frame.rate_hz} Hz; read it by read_recordings"
        )
    if slack_ms(len(recording.samples), frame) < 0:
        length_ms = len(recording.samples) * 1000 / frame.rate_hz
        raise RecordingError(
            f"{recording.id} is {length_ms:.0f} ms long and the window {window_ms:.0f} ms; cut it to words by `robustness segment` first"
        )


def _check_condition(wanted: ExplanationSettings, frame: Frame) -> None:
    """Raises UsageError where a condition is named by halves, or cannot be."""
    name, level = wanted.perturbation, wanted.level
    if name is None or level is None:
        if name is None and level is None and not wanted.draw and not wanted.inputs:
            return
        raise UsageError("a perturbation needs a name and a level: give both, such as --perturbation white-noise --level 10, or neither")
    if not math.isfinite(level):
        raise UsageError(f"--level {level:g} is no level of {name}; give a number")
    why = PERTURBATIONS[name].made(wanted.inputs).unavailable(wanted.inputs, frame)
    if why is not None:
        raise UsageError(f"{name} cannot be explained: {why}")
    if _moves(wanted) and wanted.offset_ms is not None:
        raise UsageError(f"{name} says itself where the recording lies; give it, or --offset-ms {wanted.offset_ms:g}, but not both")


def default_targets(labels: Sequence[str], here: HeardWindow, truth: str | None, given: Mapping[str, Given]) -> dict[str, Target]:
    """The margin of the truth to its strongest rival in the variant that is worst off, and both logits.

    Without a truth among the labels, that of the first variant's answer. Of one label its log-odds.
    """
    known = truth in labels
    logits = here.logits[worst_of(given)] if known else next(iter(here.logits.values()))
    label = labels.index(truth) if truth is not None and known else int(logits.argmax())
    if len(labels) == 1:
        return {labels[0]: Target(0)}
    rival = int(answer_of(logits[None], torch.tensor([label])).rival[0])
    margin = {f"{labels[label]}-{labels[rival]}": Target(label, rival)}
    return margin | {labels[label]: Target(label), labels[rival]: Target(rival)}
