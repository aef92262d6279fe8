"""What a failure's card says, but for its sounds and maps."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

from torch import Tensor

from robustness.explanations.cases import HERE, Case
from robustness.explanations.failing_group import Difference
from robustness.models.classifier import Classifier
from robustness.run.evidence import CounterpartSpans, FailureFacts, TargetPair, VariantAnswer
from robustness.run.measured_values import MeasuredDifference, MeasuredValue
from robustness.sweep.trials import answer_of, label_indices


def card_of(case: Case) -> FailureFacts:
    """Everything about a failure but its sounds and maps."""
    failure, worst = case.failure, case.worst
    return FailureFacts(
        recording=failure.recording,
        word=word_of(case),
        label=failure.label,
        speaker=case.recording.speaker,
        condition=failure.condition,
        also_wrong=tuple(failure.also_wrong),
        offset_ms=failure.offset_ms,
        recording_ms=case.subject.recording_ms(failure.offset_ms),
        speech_ms=case.subject.speech_ms(failure.offset_ms),
        window_ms=worst.frame.samples * 1000 / worst.frame.rate_hz,
        rate_hz=worst.frame.rate_hz,
        hop_ms=worst.frontend.picture.hop_ms,
        band_hz=tuple(worst.frontend.picture.band_hz),
        worst_variant=failure.variant,
        counterpart=_counterpart(case),
        target=TargetPair(failure.label, failure.rival),
        variants={variant: _variant(case, variant) for variant in case.classifiers},
        measured=tuple(MeasuredValue(*stand[:6], stand.kind, stand.beyond) for stand in case.standings),
        apart=tuple(map(_difference, case.differences)),
    )


def _difference(one: Difference) -> MeasuredDifference:
    return MeasuredDifference(one.name, one.side, one.kind, one.pairs, one.ranks.of, one.p)


def word_of(case: Case) -> str:
    """The word as the recording's source names it."""
    return case.recording.label or case.failure.label


def _counterpart(case: Case) -> CounterpartSpans | None:
    if case.counterpart is None:
        return None
    lead_ms = case.counterpart.offset_ms
    return CounterpartSpans(case.counterpart.placement, lead_ms, case.subject.recording_ms(lead_ms), case.subject.speech_ms(lead_ms))


def _variant(case: Case, variant: str) -> VariantAnswer:
    """What one variant answers where the recording fails, its probabilities in every window heard, and what restores it."""
    classifier, restored, given = case.classifiers[variant], case.restored[variant], case.given[variant]
    answer = answer_of(case.heard[HERE].logits[variant][None], label_indices(classifier, [case.failure.label]))
    probabilities = {name: _probabilities(classifier, heard.logits[variant]) for name, heard in case.heard.items()}
    return VariantAnswer(
        predicted=given.predicted,
        p_predicted=probabilities[HERE][given.predicted],
        p_label=probabilities[HERE][case.failure.label],
        margin=float(answer.margin),
        outcome_margin=given.margin,
        wrong=not given.good,
        outcome="right" if given.good else given.outcome,
        probabilities=probabilities,
        restored_at_ms=None if restored is None else restored.at_ms,
        restored_by_ms=None if restored is None else restored.by_ms,
        searched_ms=case.atlases[variant].range_ms,
    )


def _probabilities(classifier: Classifier, logits: Tensor) -> dict[str, float]:
    return dict(zip(classifier.labels, classifier.probabilities(logits[None])[0].tolist(), strict=True))


def name_of(case: Case, taken: Collection[str]) -> str:
    """A name for files and addresses: word and place, or perturbation, in [a-z0-9-], with a number where it is taken."""
    ascii_word = unicodedata.normalize("NFKD", word_of(case)).encode("ascii", "ignore").decode().lower()
    slug = re.sub("[^a-z0-9]+", "-", ascii_word).strip("-") or "word"
    condition = case.failure.condition
    name = f"{slug}-{condition.placement if case.failure.at_a_place else condition.perturbation}"
    return next(free for free in (name, *(f"{name}-{n}" for n in range(2, len(taken) + 3))) if free not in taken)
