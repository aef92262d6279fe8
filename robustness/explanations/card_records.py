"""What a failure's card says, but for its sounds and maps."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

from torch import Tensor

from robustness.explanations.cases import HERE, Case
from robustness.explanations.failures import outcome_of
from robustness.models.classifier import Classifier
from robustness.run.evidence import CounterpartSpans, FailureFacts, TargetPair, VariantAnswer
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
        recording_ms=case.movable.recording_ms(failure.offset_ms),
        speech_ms=_speech_ms(case, failure.offset_ms),
        window_ms=worst.frame.samples * 1000 / worst.frame.rate_hz,
        rate_hz=worst.frame.rate_hz,
        hop_ms=worst.frontend.picture.hop_ms,
        band_hz=tuple(worst.frontend.picture.band_hz),
        worst_variant=failure.variant,
        counterpart=_counterpart(case),
        target=TargetPair(failure.label, failure.rival),
        variants={variant: _variant(case, variant) for variant in case.classifiers},
    )


def word_of(case: Case) -> str:
    """The word as the recording's source names it."""
    return case.recording.label or case.failure.label


def _speech_ms(case: Case, lead_ms: float) -> tuple[float, float]:
    start, end = case.movable.frame.ms(case.movable.at([lead_ms]).speech[0]).tolist()
    return start, end


def _counterpart(case: Case) -> CounterpartSpans | None:
    if case.counterpart is None:
        return None
    lead_ms = case.counterpart.offset_ms
    return CounterpartSpans(case.counterpart.placement, lead_ms, case.movable.recording_ms(lead_ms), _speech_ms(case, lead_ms))


def _variant(case: Case, variant: str) -> VariantAnswer:
    """What one variant answers where the recording fails, its probabilities in every window heard, and what restores it."""
    classifier, restored, label = case.classifiers[variant], case.restored[variant], case.failure.label
    answer = answer_of(case.heard[HERE].logits[variant][None], label_indices(classifier, [label]))
    predicted, p_predicted = classifier.labels[int(answer.predicted)], float(answer.p_predicted)
    return VariantAnswer(
        predicted=predicted,
        p_predicted=p_predicted,
        p_label=float(answer.p_label),
        margin=float(answer.margin),
        wrong=predicted != label,
        outcome=outcome_of(classifier, label, predicted, p_predicted),
        probabilities={name: _probabilities(classifier, heard.logits[variant]) for name, heard in case.heard.items()},
        restored_at_ms=None if restored is None else restored.at_ms,
        restored_by_ms=None if restored is None else restored.by_ms,
        restored_lost_ms=None if restored is None else restored.lost_ms,
        searched_ms=case.atlases[variant].range_ms,
    )


def _probabilities(classifier: Classifier, logits: Tensor) -> dict[str, float]:
    return dict(zip(classifier.labels, logits.double().softmax(0).tolist(), strict=True))


def name_of(case: Case, taken: Collection[str]) -> str:
    """A name for files and addresses: word and place, or noise, in [a-z0-9-], with a number where it is taken."""
    ascii_word = unicodedata.normalize("NFKD", word_of(case)).encode("ascii", "ignore").decode().lower()
    slug = re.sub("[^a-z0-9]+", "-", ascii_word).strip("-") or "word"
    condition = case.failure.condition
    name = f"{slug}-{condition.perturbation if case.in_noise else condition.placement}"
    return next(free for free in (name, *(f"{name}-{n}" for n in range(2, len(taken) + 3))) if free not in taken)
