"""What the words and marks of the page mean, and how the numbers were made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from robustness.report.figures import Table
from robustness.report.sections.base import SECTIONS, Section, SectionPart, fill
from robustness.report.terms import glossary
from robustness.report.view import View
from robustness.report.words import level_of, number, plural

TEMPLATE = """
<p>{{ trimming }}</p>
<p>Every variant hears every recording under every condition of the grids below, and no answer depends on what else is in a batch.
Random parts are drawn once for a recording and a draw and scaled for each level, so that curves are paired.</p>
{{ table(grids) }}
{% if skipped %}<p>Not run: {% for name, why in skipped.items() %}<strong>{{ name }}</strong>, {{ why }}
{{- "" if loop.last else "; " }}{% endfor %}.</p>{% endif %}
{{ words }}
"""


@SECTIONS.register
@dataclass(frozen=True)
class Method(Section):
    """Grids and glossary."""

    name: ClassVar[str] = "method"
    title: ClassVar[str] = "Method"
    order: ClassVar[int] = 70

    def part(self, view: View) -> SectionPart:
        """How it was done."""
        return SectionPart(fill(TEMPLATE, trimming=_trimming(view), grids=_grids(view), skipped=view.plan["skipped"], words=glossary()))


def _trimming(view: View) -> str:
    facts, rule = view.manifest["recordings"], view.plan["trim"]
    how = {
        "auto": "Recordings with less than 20 ms of room in the window are cut to their speech before they are placed",
        "never": "Recordings were never cut to their speech (--trim never)",
        "always": "Every recording was cut to its speech before it was placed",
    }[rule]
    room = view.recordings["slack_ms"]
    return (
        f"{how}: {facts['trimmed']} of {facts['count']} were cut, {facts['untestable']} cannot be moved even so. "
        f"They have {number(room.min())} to {number(room.max())} ms of room in a window of {number(view.model['window_ms'])} ms."
    )


def _grids(view: View) -> Table:
    rows = []
    for name, kind in sorted(view.kinds.items()):
        levels = ", ".join(level_of(level, None) for level in sorted(kind.levels))
        neutral = kind.neutral_says or level_of(kind.neutral, kind.unit)
        rows.append(
            [
                name,
                kind.axis,
                f"{levels} {kind.unit}",
                neutral,
                plural(kind.draws, "draw"),
                ", ".join(kind.fills),
                kind.source,
            ]
        )
    return Table("The grids", ["perturbation", "axis", "levels", "changes nothing at", "draws", "padding", "source"], rows)
