"""Records of evidence for tests: what a test says of one, and plain values for the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from robustness.run.audit_records import VariantAudit
from robustness.run.damage import adapter
from robustness.run.evidence import FailureCard, LayerTracking

CONDITION: Final = {"perturbation": "padding-placement", "level": 0.0, "fill": "zeros", "draw": 0, "placement": "start"}
ANSWER: Final = {
    "predicted": "unknown",
    "p_predicted": 0.9,
    "p_label": 0.1,
    "margin": -1.0,
    "wrong": True,
    "outcome": "missed",
    "probabilities": {"here": {"up": 0.1, "unknown": 0.9}},
}
CARD: Final[Mapping[str, Any]] = {
    "id": "up-start",
    "recording": "000.wav",
    "word": "up",
    "label": "up",
    "speaker": None,
    "condition": CONDITION,
    "also_wrong": [],
    "offset_ms": 0.0,
    "recording_ms": [0.0, 900.0],
    "speech_ms": [100.0, 500.0],
    "window_ms": 1000.0,
    "rate_hz": 16000,
    "hop_ms": 10.0,
    "band_hz": [100.0 * i for i in range(1, 65)],
    "worst_variant": "float32",
    "counterpart": None,
    "target": {"label": "up", "rival": "unknown"},
    "variants": {},
    "methods": [],
    "correlations": [],
    "arrays": "up-start.npz",
    "sound": None,
    "counterpart_sound": None,
}
LAYER: Final = {"name": "a", "kind": "Linear", "parameters": 10, "multiplications": 10, "quantized": True, "activations": None}
ACTIVATIONS: Final = {
    "of": "a",
    "sqnr_db": 30.0,
    "normalized_l2": 0.03,
    "cosine": 1.0,
    "low": -1.0,
    "high": 1.0,
    "values": 10,
    "int8_range": None,
}
ANSWERS: Final = {
    **dict.fromkeys(("clips", "alike", "labelled", "right_before", "right"), 4),
    **dict.fromkeys(("right_to_wrong", "wrong_to_right"), 0),
    **dict.fromkeys(("kl_mean", "kl_largest", "margin_change_median", "margin_change_lowest", "margin_change_highest"), 0.0),
    "kl_largest_of": "a.wav",
    "logits_sqnr_db": 40.0,
}


def completed(card: Mapping[str, Any]) -> dict[str, Any]:
    """A card as `failures.json` has it, in plain values."""
    whole = {**CARD, **card}
    answers = {name: {**ANSWER, **answer} for name, answer in whole["variants"].items()}
    return {**whole, "condition": {**CONDITION, **whole["condition"]}, "variants": answers}


def card_record(**facts: Any) -> FailureCard:
    """A card."""
    found: FailureCard = adapter(FailureCard).validate_python(completed(facts))
    return found


def completed_audit(variant: Mapping[str, Any]) -> dict[str, Any]:
    """One variant's audit as `audit.json` has it, in plain values."""
    whole: dict[str, Any] = {
        "model": "planted",
        "variant": "dynamic-int8",
        "parameters": 20,
        "bytes": 100,
        "layers": [],
        "answers": {},
        "experiments": [],
    }
    whole |= variant
    layers = [{**LAYER, **layer} for layer in whole["layers"]]
    for layer in layers:
        layer["activations"] = None if layer["activations"] is None else {**ACTIVATIONS, **layer["activations"]}
    experiments = [{**ANSWERS, **one} for one in whole["experiments"]]
    return {**whole, "layers": layers, "answers": {**ANSWERS, **whole["answers"]}, "experiments": experiments}


def audit_record(variant: Mapping[str, Any]) -> VariantAudit:
    """One variant's audit."""
    found: VariantAudit = adapter(VariantAudit).validate_python(completed_audit(variant))
    return found


def tracking_record(facts: Mapping[str, Any]) -> LayerTracking:
    """Where in the network it stops following the word."""
    found: LayerTracking = adapter(LayerTracking).validate_python(facts)
    return found
