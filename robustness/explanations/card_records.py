"""What a failure's card says, in plain values."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import asdict
from typing import Any

from torch import Tensor

from robustness.explanations.cases import HERE, Case
from robustness.explanations.failures import outcome_of
from robustness.models.classifier import Classifier
from robustness.sweep.trials import answer_of, label_indices


def card_of(case: Case) -> dict[str, Any]:
    """Everything about a failure but its sounds and maps."""
    failure, worst = case.failure, case.worst
    return {
        "recording": failure.recording,
        "word": word_of(case),
        "label": failure.label,
        "speaker": case.recording.speaker,
        "condition": asdict(failure.condition),
        "also_wrong": list(failure.also_wrong),
        **_spans(case, failure.offset_ms),
        "window_ms": worst.frame.samples * 1000 / worst.frame.rate_hz,
        "rate_hz": worst.frame.rate_hz,
        "hop_ms": worst.frontend.picture.hop_ms,
        "band_hz": list(worst.frontend.picture.band_hz),
        "worst_variant": failure.variant,
        "counterpart": _counterpart(case),
        "target": {"label": failure.label, "rival": failure.rival},
        "variants": {variant: _variant(case, variant) for variant in case.classifiers},
    }


def word_of(case: Case) -> str:
    """The word as the recording's source names it."""
    return case.recording.label or case.failure.label


def _spans(case: Case, lead_ms: float) -> dict[str, Any]:
    speech = case.movable.frame.ms(case.movable.at([lead_ms]).speech[0])
    return {"offset_ms": lead_ms, "recording_ms": list(case.movable.recording_ms(lead_ms)), "speech_ms": speech.tolist()}


def _counterpart(case: Case) -> dict[str, Any] | None:
    if case.counterpart is None:
        return None
    return {"placement": case.counterpart.placement, **_spans(case, case.counterpart.offset_ms)}


def _variant(case: Case, variant: str) -> dict[str, Any]:
    """What one variant answers where the recording fails, its probabilities in every window heard, and what restores it."""
    classifier, restored, searched = case.classifiers[variant], case.restored[variant], case.atlases[variant].range_ms
    return {
        **_answer(classifier, case.failure.label, case.heard[HERE].logits[variant]),
        "probabilities": {name: _probabilities(classifier, heard.logits[variant]) for name, heard in case.heard.items()},
        "restored_at_ms": None if restored is None else restored.at_ms,
        "restored_by_ms": None if restored is None else restored.by_ms,
        "restored_lost_ms": None if restored is None else restored.lost_ms,
        "searched_ms": None if searched is None else list(searched),
    }


def _answer(classifier: Classifier, label: str, logits: Tensor) -> dict[str, Any]:
    """The answer in logits [labels], and what it means at the operating point."""
    answer = answer_of(logits[None], label_indices(classifier, [label]))
    predicted, p_predicted = classifier.labels[int(answer.predicted)], float(answer.p_predicted)
    return {
        "predicted": predicted,
        "p_predicted": p_predicted,
        "p_label": float(answer.p_label),
        "margin": float(answer.margin),
        "wrong": predicted != label,
        "outcome": outcome_of(classifier, label, predicted, p_predicted),
    }


def _probabilities(classifier: Classifier, logits: Tensor) -> dict[str, float]:
    return dict(zip(classifier.labels, logits.double().softmax(0).tolist(), strict=True))


def name_of(case: Case, taken: Collection[str]) -> str:
    """A name for files and addresses: word and place, or noise, in [a-z0-9-], with a number where it is taken."""
    ascii_word = unicodedata.normalize("NFKD", word_of(case)).encode("ascii", "ignore").decode().lower()
    slug = re.sub("[^a-z0-9]+", "-", ascii_word).strip("-") or "word"
    condition = case.failure.condition
    name = f"{slug}-{condition.perturbation if case.in_noise else condition.placement}"
    return next(free for free in (name, *(f"{name}-{n}" for n in range(2, len(taken) + 3))) if free not in taken)
