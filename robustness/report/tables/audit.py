"""An audit as tables: the layers one by one, what each costs, how fast the variants are here. Loads no torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from robustness.report.audit_sentences import Audit, decibels_text, faster, harm, ratio
from robustness.report.figures import Table
from robustness.report.words import number, percent, plural, signed
from robustness.run.audit_records import ExperimentResult, LayerRecord

NOT_COMPARED: Final = "not comparable"


def layer_table(audit: Audit) -> Table:
    """Every layer: what it is, what it runs in, how far it is from float, its range."""
    head = ["layer", "kind", "runs in", "parameters", "multiplications"]
    head += ["SQNR, dB", "normalized L2", "cosine", "range in float", "of int8", "clipped"]
    return Table(f"The layers of {audit.variant.name}", head, [_layer_row(audit, layer) for layer in audit.layers])


def _layer_row(audit: Audit, layer: LayerRecord) -> list[object]:
    runs = audit.type if layer.quantized else "float"
    row: list[object] = [layer.name, layer.kind, runs, number(layer.parameters), number(layer.multiplications)]
    found = layer.activations
    if not found:
        return [*row, NOT_COMPARED, "–", "–", "–", "–", "–"]
    sqnr = found.sqnr_db
    limits = found.int8_range
    return [
        *row,
        decibels_text(sqnr).removesuffix(" dB"),
        _digits(found.normalized_l2, 4),
        _digits(found.cosine, 5),
        span(found.low, found.high),
        "each clip's own" if layer.quantized and not limits else span(limits.low, limits.high) if limits else "–",
        percent(limits.share, 2) if limits else "–",
    ]


def _digits(value: float | None, digits: int) -> str:
    return "–" if value is None else number(value, digits)


def span(low: float, high: float) -> str:
    """A range of values."""
    return f"{number(low, 1)} to {number(high, 1)}"


def experiments_table(audit: Audit) -> Table | None:
    """Each layer alone and left in float, weights and activations apart; what costs most first within a kind."""
    names = {
        "alone": "alone in {type}",
        "left": "left in float, the others in {type}",
        "weights": "weights only, simulated",
        "activations": "activations only, simulated",
        "both": "weights and activations, simulated",
    }
    rows = []
    for kind, words in names.items():
        found = audit.experiments(kind)
        for one in sorted(found, key=lambda one: (one.layer is not None, harm(one) * (-1 if kind == "left" else 1))):
            rows.append([one.layer or "all", words.format(type=audit.type), *_experiment_row(one)])
    if not rows:
        return None
    head = ["layer", "what was done", "SQNR of the answers", "the same answer", "right", "margin change, median", "mean KL"]
    return Table(f"What each layer of {audit.variant.name} costs", head, rows)


def _experiment_row(one: ExperimentResult) -> list[object]:
    right = f"{number(one.right)} of {number(one.labelled)}" if one.labelled else "–"
    alike = f"{number(one.alike)} of {number(one.clips)}"
    return [decibels_text(one.logits_sqnr_db), alike, right, signed(one.margin_change_median, 3), f"{one.kl_mean:.2g}"]


def latency_table(audits: Sequence[Audit]) -> Table | None:
    """The times, where they were measured."""
    rows = [
        [
            audit.variant.name,
            plural(row.clips, "clip"),
            f"{number(row.float_ms, 2)} ms",
            f"{number(row.variant_ms, 2)} ms",
            ratio(row),
            faster(row),
        ]
        for audit in audits
        for row in audit.times
    ]
    head = ["variant", "at once", "float, a clip", "variant, a clip", "ratio [95 % interval]", "verdict"]
    return Table("Latency of the network", head, rows) if rows else None
