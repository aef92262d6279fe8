"""Two runs on one page: may the second be released, under which perturbations is it better or worse, and which recordings are behind it?

By what the device does. Loads no torch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from markupsafe import Markup

from robustness.comparison import Comparison, ConditionChange, Errors, PerturbationChange
from robustness.conditions import NONE
from robustness.gates.comparison_verdicts import RuleVerdicts, verdicts_sentence
from robustness.gates.metrics.base import Kinds
from robustness.gates.samples import AT_THE_BAR
from robustness.gates.wording import condition_text
from robustness.report.comparison_figure import comparison_figure
from robustness.report.opening import Opening
from robustness.report.sections.base import STILL, compiled
from robustness.report.terms import with_glossary
from robustness.report.words import ends, number, percent, plural, shortest, signed
from robustness.run.folder import write_text

PAGE: Final = """{% include "head" %}
<body>
<header>
<h1>{{ title }}</h1>
<p class="scope">{{ scope }}</p>
</header>
<main id="main">
{{ opening }}
<p>{{ decision }}</p>
<p>{{ lead }}</p>
{% for note in notes %}<p class="warning">{{ note }}</p>{% endfor %}
<section id="perturbations" aria-labelledby="perturbations-title">
<h2 id="perturbations-title">By perturbation</h2>
{{ figure }}
<div class="scroll" tabindex="0" role="group" aria-label="By perturbation"><table><caption class="hidden">By perturbation</caption>
<thead><tr>{% for name in summary_head %}<th scope="col">{{ name }}</th>{% endfor %}</tr></thead>
<tbody>{% for row in summary %}<tr><th scope="row">{{ row[0] }}</th>{% for cell in row[1:] %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}</tbody></table></div>
</section>
{% if rules %}<section id="rules" aria-labelledby="rules-title">
<h2 id="rules-title">What the gate says of both</h2>
<div class="scroll" tabindex="0" role="group" aria-label="Rules"><table><caption class="hidden">Rules</caption>
<thead><tr><th scope="col">rule</th><th scope="col">{{ names[0] }}</th><th scope="col">{{ names[1] }}</th>
<th scope="col">why, in {{ names[1] }}</th></tr></thead>
<tbody>{% for row in rules %}<tr><th scope="row">{{ row.name }}</th><td>{{ row.before }}</td><td>{{ row.after }}</td>
<td class="long">{{ row.why }}</td></tr>
{% endfor %}</tbody></table></div>
</section>{% endif %}
{% for part in parts %}
<section id="{{ part.id }}" aria-labelledby="{{ part.id }}-title">
<h2 id="{{ part.id }}-title">{{ part.title }}</h2>
<div class="scroll" tabindex="0" role="group" aria-label="{{ part.title }}"><table><caption class="hidden">{{ part.title }}</caption>
<thead><tr>{% for name in head %}<th scope="col">{{ name }}</th>{% endfor %}</tr></thead>
<tbody>{% for row in part.rows %}<tr><th scope="row">{{ row.where }}</th>{% for cell in row.cells %}<td>{{ cell }}</td>{% endfor %}
<td class="long">{% if row.lost %}− {{ row.lost | join(", ") }}{% endif %}{% if row.lost and row.won %}<br>{% endif %}
{% if row.won %}+ {{ row.won | join(", ") }}{% endif %}</td></tr>
{% endfor %}</tbody></table></div>
</section>
{% endfor %}
<section id="method" aria-labelledby="method-title">
<h2 id="method-title">How to read it</h2>
<p>Both runs are of the same recordings under the same conditions. An outcome is good where a command is accepted right, or another word is
left alone. A recording counts once; several draws of noise are averaged. The intervals are Tango's of paired differences, 95 %, by
speakers where all are known, as in the gate; under a perturbation they are of each recording's mean over its conditions. Conditions that
change nothing stand once, as the reference.
− marks recordings whose outcome is good less often, + those where it is good more often.</p>
</section>
</main>
</body>
</html>
"""
RULES: Final = Markup('See <a href="#rules">which rules</a> it breaks, and on which recordings.')
HEAD: Final = (
    *("condition", "variant", "good before", "after", "difference", "95 % interval"),
    *("missed", "substituted", "falsely accepted", "recordings behind it"),
)
SUMMARY_HEAD: Final = (
    *("perturbation", "variant", "conditions", "worse", "better", "good before", "after", "difference", "95 % interval"),
    *("missed", "substituted", "falsely accepted", "recordings"),
)


def write_comparison(comparison: Comparison, out: Path, rules: RuleVerdicts | None = None) -> None:
    """Writes the page, whole or not at all."""
    write_text(out, comparison_page(comparison, rules))


def comparison_page(comparison: Comparison, rules: RuleVerdicts | None = None) -> str:
    """The page as text.

    Args:
        comparison: of two runs.
        rules: what a gate says of both.
    """
    parts = [
        _part("worse", "What got worse", comparison.worse, comparison.kinds),
        _part("better", "What got better", comparison.better, comparison.kinds),
        _part("mixed", "Other recordings, as many good outcomes", comparison.mixed, comparison.kinds),
    ]
    page = compiled(PAGE).render(
        title=f"{comparison.models[1]} ({comparison.names[1]}) against {comparison.models[0]} ({comparison.names[0]})",
        scope=comparison_scope(comparison),
        opening=opening(comparison, rules).html,
        decision=figures(comparison, rules),
        lead=lead(comparison),
        notes=comparison.notes,
        figure=comparison_figure(comparison),
        summary=[_summary_row(part) for part in comparison.perturbations],
        summary_head=SUMMARY_HEAD,
        rules=[] if rules is None else rules.rows,
        names=comparison.names,
        parts=[part for part in parts if part["rows"]],
        head=HEAD,
        policy=STILL,
        style=Markup(files("robustness.report").joinpath("style.css").read_text(encoding="utf-8")),
    )
    return with_glossary(page)


def comparison_scope(comparison: Comparison) -> str:
    """What was compared."""
    recordings = max(change.recordings for change in comparison.changes)
    variants = sorted({change.variant for change in comparison.changes})
    again = f", {number(comparison.repeats)} more repeat the reference" if comparison.repeats else ""
    return f"{plural(recordings, 'recording')} · {plural(len(comparison.changes), 'condition')} of {', '.join(variants)}{again}"


def decision(comparison: Comparison, rules: RuleVerdicts | None = None) -> str:
    """Whether the second may be released, in a sentence, and what the gate says where it was asked."""
    return f"{opening(comparison, rules).finding} {figures(comparison, rules)}"


def figures(comparison: Comparison, rules: RuleVerdicts | None = None) -> str:
    """The share of good outcomes before and after, and what the gate says of both."""
    said = f"Good outcomes over all perturbations: {'; '.join(_over_all(part) for part in comparison.overall)}."
    return said if rules is None else f"{said} {verdicts_sentence(rules, comparison.names)}"


def opening(comparison: Comparison, rules: RuleVerdicts | None = None) -> Opening:
    """The decision: better on these recordings and, if rules are given, passing them; and what to do first."""
    new, old = comparison.names[1], comparison.names[0]
    least, most = (end(part.difference for part in comparison.overall) for end in (min, max))
    if comparison.recaptured:
        return _captured(comparison, least, most)
    refused = rules is not None and rules.status[1] != 0
    if least > AT_THE_BAR:
        lows = [part.interval.low for part in comparison.overall]
        reach = "and that holds beyond them" if min(lows) > 0 else "but they are too few to show it beyond them"
        reach = "but they are of one speaker, and show nothing beyond them" if any(map(math.isnan, lows)) else reach
        verdict = "it does not pass its rules: do not release it" if refused else "release it"
        says = f"On these recordings {new} does better than {old}, {reach}; {verdict}."
        more = "" if min(lows) > 0 else " Then compare on recordings of more speakers."
        return Opening("found", "DO NOT RELEASE", says, RULES) if refused else Opening("none", "BETTER", says, _look(comparison) + more)
    if most < -AT_THE_BAR:
        return Opening("found", "WORSE", f"On these recordings {new} does worse than {old}: do not release it.", _look(comparison))
    if least >= -AT_THE_BAR and most <= AT_THE_BAR:
        says = f"On these recordings {new} does as well as {old}: they are no reason to release it."
        return Opening("little", "NO DIFFERENCE", says, _look(comparison))
    says = f"On these recordings {new} does better than {old} in one variant and not in another: decide by the variant that ships."
    return Opening("little", "DEPENDS ON THE VARIANT", says, _look(comparison))


def _captured(comparison: Comparison, least: float, most: float) -> Opening:
    """What the way through loudspeaker, room and device does to the same recordings; no model is to be released or not."""
    what = f"captured again as {comparison.names[1]}, the recordings of {comparison.names[0]}"
    if least < -AT_THE_BAR:
        after = Markup(" Then see in what `robustness align` measured of the path (level, response, noise, T60) what differs.")
        return Opening("found", "THE PATH COSTS ANSWERS", f"Played back and {what} do worse.", _look(comparison) + after)
    how = "as well as" if most <= AT_THE_BAR else "better than"
    return Opening("none", "THE PATH COSTS NOTHING", f"Played back and {what} do {how} before.")


def _look(comparison: Comparison) -> Markup:
    """The condition that got worst, with its recordings."""
    if not comparison.worse:
        return Markup("Nothing got worse under any condition: keep the run as the baseline of the next one.")
    worst = comparison.worse[0]
    lost = plural(len(worst.lost), "recording")
    text = Markup('Listen to the {} lost <a href="#worse">{}</a> ({}), where it loses most: {} points.')
    where = condition_text(worst.condition, comparison.kinds)
    return text.format(lost, where, worst.variant, signed(100 * worst.difference, 1))


def _over_all(part: PerturbationChange) -> str:
    between = ends(*part.interval)
    sure = f" (95 % interval of the difference {between} points)" if between != "–" else ""
    return f"{part.variant} {percent(part.before, 1)} → {percent(part.after, 1)}{sure}"


def lead(comparison: Comparison) -> str:
    """In how many conditions it is better or worse, and by which kind of error."""
    worse, better, count = comparison.worse, comparison.better, plural(len(comparison.changes), "condition")
    if not worse and not better:
        same = " Some recordings changed, as many each way." if comparison.mixed else ""
        return f"As many outcomes are good under each of {count}.{same}"
    parts = []
    for found, word in ((worse, "worse"), (better, "better")):
        parts.append(f"{word} in {len(found)}, most {_most(found[0], comparison.kinds)}" if found else f"{word} in none")
    return f"Of {count} it is {'; '.join(parts)}. {_kinds(comparison)}"


def _most(change: ConditionChange, kinds: Kinds) -> str:
    return f"{condition_text(change.condition, kinds)} ({change.variant}, {signed(100 * change.difference, 1)} points)"


def _kinds(comparison: Comparison) -> str:
    """Misses and false accepts apart, over all conditions."""
    said = []
    for place, name in enumerate(("missed", "substituted", "falsely accepted")):
        before, after = (sum(errors[place] for errors in side) for side in _sides(comparison))
        said.append(f"{name} {shortest(round(before, 1))} → {shortest(round(after, 1))}")
    return f"Bad outcomes over all of them: {', '.join(said)}."


def _sides(comparison: Comparison) -> tuple[list[Errors], list[Errors]]:
    return [change.errors_before for change in comparison.changes], [change.errors_after for change in comparison.changes]


def perturbation_name(part: PerturbationChange) -> str:
    """A perturbation for a reader."""
    return "reference, undisturbed" if part.perturbation == NONE else part.perturbation.replace("-", " ")


def _summary_row(part: PerturbationChange) -> list[str]:
    left = f" ({number(part.untestable)} that cannot be moved left out)" if part.untestable else ""
    return [
        perturbation_name(part),
        part.variant,
        number(part.conditions),
        number(part.worse),
        number(part.better),
        percent(part.before, 1),
        percent(part.after, 1),
        f"{signed(100 * part.difference, 1)} points",
        ends(*part.interval),
        *_errors(part.errors_before, part.errors_after),
        f"{number(part.recordings)}{left}",
    ]


def _errors(before: Errors, after: Errors) -> list[str]:
    """Each kind of bad outcome before and after, in recordings."""
    return [f"{shortest(round(a, 1))} → {shortest(round(b, 1))}" for a, b in zip(before, after, strict=True)]


def _part(address: str, title: str, changes: Sequence[ConditionChange], kinds: Kinds) -> dict[str, Any]:
    return {"id": address, "title": f"{title}: {plural(len(changes), 'condition')}", "rows": [_row(change, kinds) for change in changes]}


def _row(change: ConditionChange, kinds: Kinds) -> dict[str, Any]:
    cells = [
        change.variant,
        f"{percent(change.before, 1)} of {change.recordings}",
        percent(change.after, 1),
        f"{signed(100 * change.difference, 1)} points",
        ends(*change.interval),
        *_errors(change.errors_before, change.errors_after),
    ]
    return {"where": condition_text(change.condition, kinds), "cells": cells, "lost": change.lost, "won": change.won}
