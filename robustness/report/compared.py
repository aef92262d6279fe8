"""Two runs on one page: where the second is worse, where it is better, and the recordings behind each change. Loads no torch."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from markupsafe import Markup

from robustness.comparison import Changed, Comparison
from robustness.gates.wording import where
from robustness.report.sections.base import STILL, TEMPLATES
from robustness.report.words import ends, p_value, percent, plural, signed
from robustness.run import write_text

PAGE: Final = """{% include "head" %}
<body>
<header>
<h1>{{ title }}</h1>
<p class="scope">{{ scope }}</p>
</header>
<main id="main">
<p class="lead">{{ lead }}</p>
{% for note in notes %}<p class="warning">{{ note }}</p>{% endfor %}
{% for part in parts %}
<section id="{{ part.id }}" aria-labelledby="{{ part.id }}-title">
<h2 id="{{ part.id }}-title">{{ part.title }}</h2>
<div class="scroll"><table><caption class="hidden">{{ part.title }}</caption>
<thead><tr>{% for name in head %}<th scope="col">{{ name }}</th>{% endfor %}</tr></thead>
<tbody>{% for row in part.rows %}<tr><th scope="row">{{ row.where }}</th>{% for cell in row.cells %}<td>{{ cell }}</td>{% endfor %}
<td class="long">{% if row.lost %}− {{ row.lost | join(", ") }}{% endif %}{% if row.lost and row.won %}<br>{% endif %}
{% if row.won %}+ {{ row.won | join(", ") }}{% endif %}</td></tr>
{% endfor %}</tbody></table></div>
</section>
{% endfor %}
<section id="method" aria-labelledby="method-title">
<h2 id="method-title">How to read it</h2>
<p>Both runs heard the same recordings under the same conditions. A recording counts once; several draws of noise are averaged.
The interval is Tango's for paired proportions, 95 %, and p is McNemar's, adjusted over all {{ total }} rows by Benjamini and
Hochberg; where all speakers are known, both go by speakers.
A large p says nothing about the models being alike: the interval says how different they may be.
− marks recordings that are right less often, + those that are right more often.</p>
</section>
</main>
</body>
</html>
"""
HEAD: Final = ("condition", "variant", "right before", "after", "difference", "95 % interval", "p", "recordings behind it")


def write_comparison(comparison: Comparison, out: Path) -> None:
    """Writes the page, whole or not at all."""
    write_text(out, page_of(comparison))


def page_of(comparison: Comparison) -> str:
    """The page as text."""
    parts = [
        _part("worse", "What got worse", comparison.worse),
        _part("better", "What got better", comparison.better),
        _part("mixed", "Other recordings, the same accuracy", comparison.mixed),
    ]
    return TEMPLATES.from_string(PAGE).render(
        title=f"{comparison.models[1]} ({comparison.names[1]}) against {comparison.models[0]} ({comparison.names[0]})",
        scope=scope(comparison),
        lead=lead(comparison),
        notes=comparison.notes,
        parts=[part for part in parts if part["rows"]],
        head=HEAD,
        total=len(comparison.changes),
        policy=STILL,
        style=Markup(files("robustness.report").joinpath("style.css").read_text(encoding="utf-8")),
    )


def scope(comparison: Comparison) -> str:
    """What was compared."""
    recordings = max(change.recordings for change in comparison.changes)
    variants = sorted({change.variant for change in comparison.changes})
    return f"{plural(recordings, 'recording')} · {plural(len(comparison.changes), 'condition')} of {', '.join(variants)}"


def lead(comparison: Comparison) -> str:
    """The answer in a sentence or two."""
    worse, better = comparison.worse, comparison.better
    if not worse and not better:
        return "Accuracy is the same under every condition." + (" Some recordings changed, as many each way." if comparison.mixed else "")
    parts = []
    for found, word in ((worse, "worse"), (better, "better")):
        if found:
            most = found[0]
            parts.append(
                f"{word} in {len(found)}, most {where(most.condition)} ({most.variant}, {signed(100 * most.difference, 1)} points)"
            )
    return f"Of {plural(len(comparison.changes), 'condition')}, accuracy is {'; '.join(parts)}."


def _part(address: str, title: str, changes: Sequence[Changed]) -> dict[str, Any]:
    return {"id": address, "title": f"{title}: {plural(len(changes), 'condition')}", "rows": [_row(change) for change in changes]}


def _row(change: Changed) -> dict[str, Any]:
    cells = [
        change.variant,
        f"{percent(change.before, 1)} of {change.recordings}",
        percent(change.after, 1),
        f"{signed(100 * change.difference, 1)} points",
        ends(*change.interval),
        p_value(change.p_value),
    ]
    return {"where": where(change.condition), "cells": cells, "lost": change.lost, "won": change.won}
