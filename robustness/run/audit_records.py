"""What did quantization do, layer by layer and answer by answer? The records of `evidence/audit.json` and `latency.json`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from robustness.run.atomic import write_json
from robustness.run.damage import plain, read_record
from robustness.run.evidence import FiniteNumber

FILE: Final = "audit.json"
LATENCY: Final = "latency.json"
SqnrWord = Literal["exact", "undefined", "-inf"]
Decibels = FiniteNumber | SqnrWord


@dataclass(frozen=True)
class ClippedRange:
    """The values that a layer's int8 output can have, and the share of float values outside."""

    low: FiniteNumber
    high: FiniteNumber
    share: FiniteNumber


@dataclass(frozen=True)
class ActivationError:
    """How far what a layer gives is from float: of which float layer, SQNR, ‖x − x̂‖ / ‖x‖, cosine, the range of x, how many values."""

    of: str | None
    sqnr_db: Decibels
    normalized_l2: FiniteNumber | None
    cosine: FiniteNumber | None
    low: FiniteNumber
    high: FiniteNumber
    values: int
    int8_range: ClippedRange | None


@dataclass(frozen=True)
class LayerRecord:
    """A layer with weights; its multiplications are those for one clip, its activations None where they cannot be compared."""

    name: str
    kind: str
    parameters: int
    multiplications: int
    quantized: bool
    activations: ActivationError | None


@dataclass(frozen=True)
class AnswerChanges:
    """How alike the answers of two networks are to the same clips; KL in nats, margins in logits."""

    clips: int
    alike: int
    labelled: int
    right_before: int
    right: int
    right_to_wrong: int
    wrong_to_right: int
    kl_mean: FiniteNumber
    kl_largest: FiniteNumber
    kl_largest_of: str
    margin_change_median: FiniteNumber
    margin_change_lowest: FiniteNumber
    margin_change_highest: FiniteNumber
    logits_sqnr_db: Decibels


@dataclass(frozen=True, kw_only=True)
class ExperimentResult(AnswerChanges):
    """What one changed network answers: what was changed, in which layer (None is all), whether it was simulated."""

    kind: str
    layer: str | None
    simulated: bool


@dataclass(frozen=True)
class VariantAudit:
    """What quantization did to one variant of a model; of a file, beside which other, and the arena that TFLite Micro needs for it."""

    model: str
    variant: str
    parameters: int
    bytes: int | None
    layers: tuple[LayerRecord, ...]
    answers: AnswerChanges
    experiments: tuple[ExperimentResult, ...]
    beside: str | None = None
    arena_bytes: int | None = None
    arena_says: str | None = None


@dataclass(frozen=True)
class AuditRecord:
    """The audit of every quantized variant of a run; thorough with experiments on each layer."""

    thorough: bool
    variants: tuple[VariantAudit, ...]


@dataclass(frozen=True)
class VariantTime:
    """The time of a variant's network beside the float one's, a clip, and their ratio with its interval."""

    model: str
    variant: str
    clips: int
    rounds: int
    threads: int
    float_ms: FiniteNumber
    variant_ms: FiniteNumber
    ratio: FiniteNumber
    low: FiniteNumber
    high: FiniteNumber


@dataclass(frozen=True)
class Latencies:
    """The times of all variants."""

    measured: tuple[VariantTime, ...]


def read_audit(evidence: Path) -> AuditRecord | None:
    """The audit of a run; None where none was written.

    Raises:
        RunError: where it is damaged.
    """
    return read_record(evidence.parent, f"{evidence.name}/{FILE}", AuditRecord) if (evidence / FILE).exists() else None


def write_audit_record(evidence: Path, found: AuditRecord) -> None:
    """Writes the audit of a run, whole or not at all."""
    write_json(evidence / FILE, plain(AuditRecord, found))


def read_latencies(run: Path) -> Latencies:
    """The times of a run; none where they were not measured.

    Raises:
        RunError: where they are damaged.
    """
    return read_record(run, LATENCY, Latencies) if (run / LATENCY).exists() else Latencies(())


def write_latencies(run: Path, found: Latencies) -> None:
    """Writes the times of a run, whole or not at all."""
    write_json(run / LATENCY, plain(Latencies, found))
