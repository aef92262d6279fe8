"""What is to be explained of one recording: where it lies, what each variant answers there, which scores, against which baseline.

A recording that is answered rightly is explained all the same. Where its word is not known, what is explained is the answer itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import torch
from torch import Tensor

from robustness.attributions.base import Target
from robustness.attributions.baselines import BASELINES
from robustness.audio.levels import SPEECH_THRESHOLD_DB
from robustness.audio.placement import slack_ms, trimmed
from robustness.audio.recordings import Recording
from robustness.conditions import PLACEMENTS
from robustness.errors import CannotJudgeError, RecordingError, UsageError
from robustness.explanations.cases import by_variant
from robustness.explanations.movable import Added, Movable
from robustness.explanations.places import asked, restore
from robustness.models.classifier import Classifier
from robustness.sweep.engine import answers
from robustness.sweep.inference.preparing import each_alone, for_gradients
from robustness.sweep.trials import answer_of

NAMED: Final = tuple(name for name in PLACEMENTS if name != "offset")


@dataclass(frozen=True)
class Wanted:
    """What the user asked for; None and nothing leave it to the defaults.

    Attributes:
        placement: start, center or end; None = the model's reference.
        offset_ms: the lead, in place of a named placement.
        targets: `up` for a logit, `up-unknown` for a margin.
        methods: names in the registry.
        baseline: one of the named baselines.
        seed: of every random number.
        noise: in which it is heard; None is silence.
    """

    placement: str | None = None
    offset_ms: float | None = None
    targets: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    baseline: str = "silence"
    seed: int = 0
    noise: Added | None = None


@dataclass(frozen=True, eq=False)
class Heard:
    """A window, where the recording lies in it, and the logits of each variant, [labels]."""

    lead_ms: float
    window: Tensor
    logits: Mapping[str, Tensor]


@dataclass(frozen=True, eq=False)
class Question:
    """One recording at one place, and what is asked about it.

    Attributes:
        recording: as it was placed.
        movable: the same, to be placed elsewhere, in the noise in which it is heard.
        classifiers: by the name of the variant, each with the fastest network that answers the same.
        given: the same as they were given.
        gradients: the same, each with the network through which a gradient is quickest.
        here: what was heard, and answered.
        truth: the right answer; None where the word is not known.
        counterpart: where it is answered rightly in silence, if it is not so here.
        targets: what is explained, by name; the first is the default.
        baseline: the name of the baseline.
        place: the named placement, or None where a lead was given.
        noise: in which it is heard; None is silence.
    """

    recording: Recording
    movable: Movable
    classifiers: Mapping[str, Classifier]
    given: Mapping[str, Classifier]
    gradients: Mapping[str, Classifier]
    here: Heard
    truth: str | None
    counterpart: Heard | None
    targets: Mapping[str, Target]
    baseline: str
    place: str | None
    seed: int = field(default=0)
    noise: Added | None = None

    @property
    def first(self) -> Classifier:
        """Whose labels, window and picture are those of all."""
        return next(iter(self.classifiers.values()))

    @property
    def label(self) -> str:
        """What the default target speaks for: the truth, or the answer where there is none."""
        return self.truth or self.answer(next(iter(self.classifiers)))

    def answer(self, variant: str) -> str:
        """What a variant answers here."""
        return self.first.labels[int(self.here.logits[variant].argmax())]

    @property
    def wrong(self) -> list[str]:
        """The variants that answer wrongly here."""
        return [variant for variant in self.classifiers if self.truth is not None and self.answer(variant) != self.truth]


def question_of(classifiers: Sequence[Classifier], recording: Recording, wanted: Wanted) -> Question:
    """Places the recording, asks every variant, and settles what is explained.

    Raises:
        UsageError: an unknown target, baseline or placement, or a place outside the window.
        RecordingError: the recording does not fit the window.
        CannotJudgeError: a logit is not a number.
    """
    first = classifiers[0]
    _check(first, recording, wanted)
    movable = Movable.of(trimmed(recording, first.frame), first.frame, wanted.seed, SPEECH_THRESHOLD_DB)
    probes = movable.at([movable.lead_ms(name) for name in NAMED]).samples
    variants = by_variant(each_alone(classifiers, probes))
    place = None if wanted.offset_ms is not None else wanted.placement or first.frame.reference
    lead_ms = wanted.offset_ms if place is None else movable.lead_ms(place)
    movable = movable if wanted.noise is None else movable.in_noise(wanted.noise, float(lead_ms or 0.0))
    here = hear(variants, movable, float(lead_ms or 0.0))
    truth = first.truth(recording.label)
    targets = {name: Target.named(name, first.labels) for name in wanted.targets} or default_targets(first.labels, here, truth)
    counterpart = _counterpart(variants, movable, here, truth)
    given, gradients = by_variant(classifiers), by_variant(for_gradients(classifiers, probes))
    return Question(
        recording, movable, variants, given, gradients, here, truth, counterpart, targets, wanted.baseline, place, wanted.seed, wanted.noise
    )


def _check(first: Classifier, recording: Recording, wanted: Wanted) -> None:
    frame = first.frame
    if wanted.baseline not in BASELINES:
        raise UsageError(f"there is no baseline {wanted.baseline!r}; those that exist: {', '.join(BASELINES)}")
    if wanted.baseline == "counterpart" and first.frontend.picture is not first.frontend:
        raise UsageError(
            f"{first.name} takes samples, and masks of its sound cannot put in what sounds elsewhere: there is no counterpart baseline "
            "for it; take silence"
        )
    if wanted.placement is not None and wanted.placement not in NAMED:
        raise UsageError(f"there is no placement {wanted.placement!r}; those that exist: {', '.join(NAMED)}, or give --offset-ms")
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


def hear(classifiers: Mapping[str, Classifier], movable: Movable, lead_ms: float) -> Heard:
    """What each variant answers to the recording at a lead."""
    window = movable.at([lead_ms]).samples
    return Heard(lead_ms, window[0], logits_of(classifiers, window, 0))


def logits_of(classifiers: Mapping[str, Classifier], windows: Tensor, row: int) -> dict[str, Tensor]:
    """The logits of one of these windows, [labels], by variant.

    Raises:
        UsageError: where an output is not [clips labels].
        CannotJudgeError: where a logit is not a number.
    """
    found = answers(list(classifiers.values()), windows)
    for (variant, classifier), logits in zip(classifiers.items(), found, strict=True):
        if logits.shape != (len(windows), len(classifier.labels)):
            raise UsageError(
                f"{variant} gives {list(logits.shape)} for {len(windows)} clips; expected [clips labels], "
                f"[{len(windows)}, {len(classifier.labels)}]; pool over time in the network, or correct its labels"
            )
        if not bool(logits.isfinite().all()):
            raise CannotJudgeError(f"{variant} answers with NaN or infinite logits; look for NaN in the weights and the recording")
    return {variant: logits[row] for variant, logits in zip(classifiers, found, strict=True)}


def default_targets(labels: Sequence[str], here: Heard, truth: str | None) -> dict[str, Target]:
    """The margin of the truth to its strongest rival in the variant that is worst off, and both logits.

    Without a truth, that of the answer.
    """
    stacked = torch.stack(list(here.logits.values()))
    label = labels.index(truth) if truth is not None else int(stacked[0].argmax())
    answer = answer_of(stacked, torch.full((len(stacked),), label))
    rival = int(answer.rival[int(answer.margin.argmin())])
    margin = {f"{labels[label]}-{labels[rival]}": Target(label, rival)}
    return margin | {labels[label]: Target(label), labels[rival]: Target(rival)}


def worst_of(labels: Sequence[str], here: Heard, truth: str) -> str:
    """The variant with the worst margin of the truth."""
    label = torch.tensor([labels.index(truth)])
    margins = {v: float(answer_of(logits[None], label).margin) for v, logits in here.logits.items()}
    return min(margins, key=lambda variant: margins[variant])


def _counterpart(variants: Mapping[str, Classifier], movable: Movable, here: Heard, truth: str | None) -> Heard | None:
    """Where the variant that is worst off is right in silence, and None where it is so here.

    At the same place where there is noise here, else at the reference placement, else at the nearest place.
    """
    if truth is None:
        return None
    labels = next(iter(variants.values())).labels
    label, worst = labels.index(truth), worst_of(labels, here, truth)
    if int(here.logits[worst].argmax()) == label:
        return None
    quiet = movable.quiet
    leads = [here.lead_ms] if movable.added is not None else []
    for lead_ms in (*leads, movable.lead_ms(movable.frame.reference)):
        heard = hear(variants, quiet, lead_ms)
        if int(heard.logits[worst].argmax()) == label:
            return heard
    found = restore(variants[worst], quiet, truth, here.lead_ms, asked(variants[worst], quiet, truth))
    return None if found is None else hear(variants, quiet, found.at_ms)
