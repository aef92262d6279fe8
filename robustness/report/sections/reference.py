"""How the errors under perturbations compare with those of a named reference model: CE and mCE, the raw errors beside them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from robustness.analysis.corruption import (
    CorruptionError,
    ErrorRates,
    beside,
    corruption_errors,
    errors_of,
    mean_corruption_error,
    read_reference,
)
from robustness.report.figures import Table
from robustness.report.sections.base import SECTIONS, Section, SectionPart, fill
from robustness.report.view import Variant, View
from robustness.report.words import listed, number, percent, plural
from robustness.run.perturbations import PerturbationFacts

Kinds = Mapping[str, PerturbationFacts]

TEMPLATE = """
{% if refused %}<p class="warning">There is no comparison with the reference: {{ refused }}.</p>{% else %}
<p>{% for line in says %}{{ line }} {% endfor %}</p>
{{ table(errors) }}
<p class="soft">CE is the sum of the errors over a perturbation's conditions, divided by that of the reference; mCE is its mean over the
perturbations (Hendrycks and Dietterich 2019). Below 1 is better than the reference. An error is a command missed, a wrong command or a
word accepted that should be left alone, on the same recordings.{% for note in notes %} {{ note }}.{% endfor %}</p>{% endif %}
"""


@SECTIONS.register
@dataclass(frozen=True)
class Reference(Section):
    """CE and mCE against the run that --reference named."""

    name: ClassVar[str] = "reference"
    title: ClassVar[str] = "Against a reference"
    order: ClassVar[int] = 47

    def part(self, view: View) -> SectionPart | None:
        """The table; nothing where no reference was given."""
        kept = read_reference(view.run)
        if kept is None:
            return None
        if kept.refused is not None:
            return SectionPart(fill(TEMPLATE, refused=kept.refused))
        own, theirs = errors_of(view.run), kept.errors
        says, rows = [], []
        for variant in view.variants:
            line, more = _compared(variant, own[variant.name], theirs, kept.model, view.kinds)
            says.append(line)
            rows += more
        head = ["perturbation", "variant", "error", f"error of {kept.model}", "CE", "conditions"]
        return SectionPart(
            fill(TEMPLATE, refused="", says=says, notes=kept.notes, errors=Table("Errors beside the reference's", head, rows))
        )


def _compared(
    variant: Variant, own: Mapping[str, Mapping[str, float]], theirs: ErrorRates, model: str, kinds: Kinds
) -> tuple[str, list[list[object]]]:
    """A sentence and rows of the table: a perturbation each, the mean CE of each family of several, and the mCE."""
    other = beside(variant.name, theirs)
    errors = corruption_errors(own, theirs[other])
    mce = mean_corruption_error(errors)
    undefined = [error.perturbation.replace("-", " ") for error in errors if math.isnan(error.ce)]
    kept = plural(len(errors) - len(undefined), "perturbation")
    line = f"{variant.short} has an mCE of {_ratio(mce)} against {other} of {model}, over {kept}"
    line += f" ({listed(undefined, 6)}: undefined, because the reference makes no error)." if undefined else "."
    rows: list[list[object]] = [
        [e.perturbation.replace("-", " "), variant.short, percent(e.error, 1), percent(e.reference, 1), _ratio(e.ce), number(e.conditions)]
        for e in errors
    ]
    for family, some in _by_family(errors, kinds).items():
        count = plural(len(some), "perturbation")
        rows.append([f"{family}, mean of {count}", variant.short, "", "", _ratio(mean_corruption_error(some)), ""])
    return line, [*rows, ["mCE", variant.short, "", "", _ratio(mce), ""]]


def _by_family(errors: list[CorruptionError], kinds: Kinds) -> dict[str, list[CorruptionError]]:
    """The perturbations of each family that has several."""
    found: dict[str, list[CorruptionError]] = {}
    for error in errors:
        found.setdefault(kinds[error.perturbation].family, []).append(error)
    return {family: some for family, some in found.items() if len(some) > 1}


def _ratio(value: float) -> str:
    return "undefined" if math.isnan(value) else number(value, 2)
