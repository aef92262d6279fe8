"""What an audit found, in sentences: shares, answers, speed, the layer that falls, the layer to blame.

Read from `evidence/audit.json` and, where the run was made by `robustness audit`, `latency.json`. Loads no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from robustness.report.view import Variant, View
from robustness.report.words import listed, number, percent, plural
from robustness.run.audit_records import AuditRecord, ExperimentResult, LayerRecord, VariantAudit, VariantTime, read_audit, read_latencies

FALLEN_DB: Final = 20.0  # the error is a tenth of what the layer gives
MOST_NAMED: Final = 4
SMALL: Final = 0.1
NO_AUDIT: Final = AuditRecord(thorough=False, variants=())
SQNR_WORDS: Final = {"exact": "exact", "undefined": "undefined", "-inf": "−∞"}


@dataclass(frozen=True)
class Audit:
    """What was found of one variant: its facts, and its times where they were measured."""

    variant: Variant
    facts: VariantAudit
    times: Sequence[VariantTime]

    @property
    def layers(self) -> list[LayerRecord]:
        """The layers with weights, in the order they run."""
        return list(self.facts.layers)

    @property
    def type(self) -> str:
        """What the quantized layers run in."""
        return str(self.variant.about.get("type") or "int8")

    def experiments(self, kind: str) -> list[ExperimentResult]:
        """Those of one kind."""
        return [one for one in self.facts.experiments if one.kind == kind]


def audits_of(view: View) -> list[Audit]:
    """The audit of each variant that has one, in the page's order."""
    found = {(one.model, one.variant): one for one in (read_audit(view.run.evidence) or NO_AUDIT).variants}
    times = read_latencies(view.run.path).measured
    audits = []
    for variant in view.variants:
        key = (variant.model["name"], variant.name.rpartition(" · ")[2] if len(view.manifest["models"]) > 1 else variant.name)
        if key in found:
            audits.append(Audit(variant, found[key], [row for row in times if (row.model, row.variant) == key]))
    return audits


def sentences_of(view: View) -> list[str]:
    """A paragraph a variant, its first sentence what a manager needs; then what these kernels are."""
    audits = audits_of(view)
    several = len(audits) > 1
    paragraphs = [f"{audit.variant.name + ': ' if several else ''}{' '.join(_paragraph(audit))}" for audit in audits]
    return [*paragraphs, kernels(audits)] if audits else []


def _paragraph(audit: Audit) -> list[str]:
    clauses = [shares_sentence(audit), answers_sentence(audit), *speed(audit)]
    arena = [f"{audit.facts.arena_says}."] if audit.facts.arena_says else []
    return [f"{'; '.join(clauses)}.", *_float_layers(audit), *_fallen(audit), *_blamed(audit), *arena]


def kernels(audits: Sequence[Audit]) -> str:
    """Whose int8 this is."""
    if all(audit.facts.beside is not None for audit in audits):
        return (
            "Layers and answers are those of the kernels that the table names. Times are of this PC's kernels (XNNPACK), not the device's: "
            "time the file on the device."
        )
    engines = listed(sorted({str(audit.variant.about.get("engine", "not named")) for audit in audits}))
    return (
        f"This is the int8 of torch on the CPU of a PC or server (engine {engines}), not that of a microcontroller, whose kernels round "
        "otherwise and whose speed is another."
    )


def shares_sentence(audit: Audit) -> str:
    """How much of the network is quantized, by layers, parameters and multiplications."""
    layers = audit.layers
    inside = [layer for layer in layers if layer.quantized]
    work = sum(layer.multiplications for layer in layers)
    parameters = sum(layer.parameters for layer in inside) / max(1, audit.facts.parameters)
    multiplications = sum(layer.multiplications for layer in inside) / max(1, work)
    if not inside:
        return f"none of the {plural(len(layers), 'layer')} runs in {audit.type}"
    return (
        f"{len(inside)} of {plural(len(layers), 'layer')}, {brief(parameters)} of the parameters and {brief(multiplications)} of the "
        f"multiplications run in {audit.type}"
    )


def brief(share: float) -> str:
    """A percentage without decimals, with one near 0 and 100."""
    return percent(share, 0 if SMALL <= share <= 1 - SMALL / 5 else 1) if 0 < share < 1 else percent(share)


def answers_sentence(audit: Audit) -> str:
    """How many answers change at the reference placement."""
    found = audit.facts.answers
    changed = found.clips - found.alike
    if not changed:
        return "no recording's answer changes"
    ways = f" ({found.right_to_wrong} from right to wrong, {found.wrong_to_right} from wrong to right)" if found.labelled else ""
    return f"{number(changed)} of {plural(found.clips, 'answer')} change{'s' if changed == 1 else ''}{ways}"


def speed(audit: Audit) -> list[str]:
    """Whether it is faster here, at one clip and at a batch."""
    if not audit.times:
        return []
    verdicts = [faster(row) for row in audit.times]
    parts = [f"ratio {ratio(row)} at {plural(row.clips, 'clip')}" for row in audit.times]
    if len(set(verdicts)) == 1:
        return [f"{verdicts[0]}: {' and '.join(parts)}"]
    return [f"{verdict} at {plural(row.clips, 'clip')}: ratio {ratio(row)}" for verdict, row in zip(verdicts, audit.times, strict=True)]


def ratio(row: VariantTime) -> str:
    """A time against the float network's, with its interval."""
    return f"{number(row.ratio, 2)} [{number(row.low, 2)}, {number(row.high, 2)}]"


def faster(row: VariantTime) -> str:
    """Whether the whole interval is on one side of 1."""
    if row.high < 1:
        return "faster here"
    return "slower here" if row.low > 1 else "not faster here"


def _float_layers(audit: Audit) -> list[str]:
    """Which layers stay in float, with their kinds."""
    left = [f"{layer.name} ({layer.kind})" for layer in audit.layers if not layer.quantized]
    if not left:
        return []
    work = sum(layer.multiplications for layer in audit.layers)
    share = sum(layer.multiplications for layer in audit.layers if not layer.quantized) / max(1, work)
    return [f"{listed(left, MOST_NAMED)} stay{'s' if len(left) == 1 else ''} in float, with {brief(share)} of the multiplications."]


def _measured(audit: Audit) -> list[tuple[str, float]]:
    """The layers whose SQNR is a number, in the order they run."""
    rows = [(layer.name, layer.activations.sqnr_db) for layer in audit.layers if layer.activations]
    return [(name, db) for name, db in rows if isinstance(db, (int, float))]


def _fallen(audit: Audit) -> list[str]:
    """The first layer that falls, or the worst where none does."""
    found = _measured(audit)
    if not found:
        return []
    fallen = [(name, db) for name, db in found if db < FALLEN_DB]
    if fallen:
        return [f"The first layer that falls is {fallen[0][0]}: SQNR {number(fallen[0][1], 1)} dB, under {number(FALLEN_DB)} dB."]
    worst = min(found, key=lambda row: row[1])
    return [f"No layer falls under {number(FALLEN_DB)} dB; the lowest SQNR is that of {worst[0]}, {number(worst[1], 1)} dB."]


def harm(one: ExperimentResult) -> float:
    """The SQNR of the answers in dB, as a number to sort by; the lower, the more harm."""
    value = one.logits_sqnr_db
    return float(value) if isinstance(value, (int, float)) else {"exact": float("inf"), "-inf": float("-inf")}.get(str(value), float("inf"))


def ranked(audit: Audit) -> list[ExperimentResult]:
    """Each layer quantized alone, the one that harms the answers most first."""
    return sorted(audit.experiments("alone"), key=harm)


def _blamed(audit: Audit) -> list[str]:
    """The layer that costs most, and what leaving it in float restores."""
    alone = ranked(audit)
    if len(alone) < 2:
        return []
    worst = alone[0].layer
    says = f"Of the layers quantized alone, {worst} costs most: the answers keep {decibels_text(alone[0].logits_sqnr_db)}"
    left = next((one for one in audit.experiments("left") if one.layer == worst), None)
    changed = audit.facts.answers.clips - audit.facts.answers.alike
    if left is None or not changed:
        return [f"{says}."]
    still = left.clips - left.alike
    return [f"{says}; left in float, {number(still)} of the {plural(changed, 'changed answer')} still differ{'s' if still == 1 else ''}."]


def decibels_text(value: float | str) -> str:
    """A SQNR, or the word that stands for it."""
    return SQNR_WORDS[value] if isinstance(value, str) else f"{number(value, 1)} dB"
