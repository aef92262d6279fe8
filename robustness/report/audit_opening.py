"""What did quantization do, in one sentence a variant, and what is to be done about it? Loads no torch."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final

from robustness.report.audit_sentences import Audit, audits_of, faster, ranked
from robustness.report.opening import Kind, Opening
from robustness.report.view import View
from robustness.report.words import listed, number, percent, plural

FRACTIONS: Final = ((1 / 4, "a quarter"), (1 / 3, "a third"), (1 / 2, "half"))
CLOSE: Final = 0.03
DEVICE: Final = "time it on the device, whose kernels are others"


def audit_opening(view: View) -> Opening | None:
    """The first lines of an audit; None where nothing was audited."""
    audits = audits_of(view)
    if not audits:
        return None
    harmed = [audit for audit in audits if audit.facts.answers.right_to_wrong]
    changed = [audit for audit in audits if _changed(audit)]
    heading = "INT8 BREAKS ANSWERS" if harmed else "INT8 CHANGES ANSWERS" if changed else "INT8 CHANGES NO ANSWER"
    kind: Kind = "found" if harmed else "little" if changed else "none"
    return Opening(kind, heading, " ".join(_finding(audit, view) for audit in audits), _first(harmed or changed, audits))


def _changed(audit: Audit) -> int:
    return audit.facts.answers.clips - audit.facts.answers.alike


def _finding(audit: Audit, view: View) -> str:
    """A variant in a sentence: dynamic-int8 is a third of the size, changes no answer and is not faster here."""
    answers = audit.facts.answers
    changes = f"changes {number(_changed(audit))} of {plural(answers.clips, 'answer')}" if _changed(audit) else "changes no answer"
    ways = (answers.right_to_wrong, answers.wrong_to_right)
    if _changed(audit) and answers.labelled:
        changes += f" ({number(ways[0])} from right to wrong, {number(ways[1])} from wrong to right)"
    return f"{audit.variant.name} {listed([*_size(audit, view), changes, *_speed(audit)])}."


def _size(audit: Audit, view: View) -> list[str]:
    """How large it is beside the float model of the same card."""
    floats = (one for one in view.variants if one.model["name"] == audit.variant.model["name"] and one is not audit.variant)
    sizes = [audit.variant.about.get("bytes"), next((one.about.get("bytes") for one in floats), None)]
    if not all(sizes):
        return []
    share = float(sizes[0]) / float(sizes[1])  # type: ignore[arg-type]
    word = next((name for fraction, name in FRACTIONS if abs(share - fraction) < CLOSE), percent(share))
    return [f"is {word} of the size" if share < 1 else "is no smaller"]


def _speed(audit: Audit) -> list[str]:
    said = [f"is {faster(row)}" for row in audit.times]
    if len(set(said)) <= 1:
        return said[:1]
    return [f"{verdict} at {plural(row.clips, 'clip')}" for verdict, row in zip(said, audit.times, strict=True)]


def _first(changed: Sequence[Audit], audits: Sequence[Audit]) -> str:
    """The layer to leave in float, or that it may ship."""
    for audit, alone in itertools.product(changed[:1], ranked(changed[0])[:1] if changed else []):
        left = next((one for one in audit.experiments("left") if one.layer == alone.layer), None)
        if left is not None:
            still, count = left.clips - left.alike, plural(_changed(audit), "changed answer")
            kept = "then none of them differs" if not still else f"then {number(still)} still differ{'s' if still == 1 else ''}"
            return f"Leave {alone.layer} in float, the layer that costs most of the {count}: {kept}."
    if changed:
        return "See by layer where the error grows, and listen to the recordings whose answers change."
    quicker = any(row.high < 1 for audit in audits for row in audit.times)
    return f"Nothing keeps it from shipping on these recordings; {'for its speed' if quicker else 'if speed counts'}, {DEVICE}."
