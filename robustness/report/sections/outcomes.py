"""What a user of the device meets: commands accepted, missed, mistaken; unknown words and wordless sounds accepted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from pandas import DataFrame

from robustness.analysis.accuracy import flips
from robustness.analysis.counts import ALL, RECORDED, counts, no_word_rates
from robustness.analysis.intervals import Estimate, whom
from robustness.report.figures import Table
from robustness.report.sections.base import SECTIONS, Section, SectionPart, fill
from robustness.report.view import Variant, View, rows_of
from robustness.report.words import FILLS, PLACES, bracketed, number, percent, plural, share_of

TEMPLATE = """
<p>{{ point }} {{ who }}</p>
{% if placements %}<h3 id="placements">By placement and padding</h3>{{ table(placements) }}
<p class="soft">Flips are counted against the reference ({{ reference }}, zeros), each way over its own denominator.
{{ left_out }}</p>{% endif %}
{% if words %}<h3 id="no-word">Windows without a word</h3>{{ table(words) }}
<p class="soft">An hour is counted as {{ hour }} windows of {{ window }} ms; the interval is Poisson's, exact.</p>{% endif %}
"""


@SECTIONS.register
@dataclass(frozen=True)
class Outcomes(Section):
    """Counts at the operating point, by placement and padding, and false accepts an hour."""

    name: ClassVar[str] = "outcomes"
    title: ClassVar[str] = "Outcomes"
    order: ClassVar[int] = 30

    def part(self, view: View) -> SectionPart:
        """Two tables."""
        window_ms = view.model["window_ms"]
        return SectionPart(
            fill(
                TEMPLATE,
                point=_point(view),
                who=cohort(view),
                placements=_placements(view),
                reference=view.reference,
                left_out=_left_out(view),
                words=_no_word(view),
                window=number(window_ms),
                hour=number(3_600_000 / window_ms),
            )
        )


def _point(view: View) -> str:
    thresholds = sorted({v.point.words for v in view.variants} - {""})
    rejected = " or ".join(f"“{name}”" for name in sorted(view.first.point.rejections))
    nothing = f" and is not {rejected}" if rejected else ""
    if not thresholds:
        return f"No threshold is set: the winning label counts{', and ' + rejected + ' carries out nothing' if rejected else ''}."
    return f"An answer is carried out where its probability is at least {', '.join(thresholds)}{nothing}."


def cohort(view: View) -> str:
    """Whom the intervals speak of."""
    count = len(set(view.speakers.values())) if view.speakers else 0
    clause = whom(count or None)
    return f"{clause[0].upper()}{clause[1:]}{'' if count == 1 else ' (95 %)'}."


def _left_out(view: View) -> str:
    count = len(view.stuck)
    are = "is" if count == 1 else "are"
    return f"{plural(count, 'recording')} that cannot be moved {are} counted at the reference alone." if count else ""


def _placements(view: View) -> Table | None:
    """Outcomes for each placement, fill and variant."""
    if not view.labelled:
        return None
    rows = view.placed if view.padding.empty else view.padding
    keys = [(place, fill) for place in view.placements for fill in FILLS if ((rows["placement"] == place) & (rows["fill"] == fill)).any()]
    body = [
        _placement_row(view, variant, rows[(rows["placement"] == p) & (rows["fill"] == f)], p, f)
        for p, f in keys
        for variant in view.variants
    ]
    head = [
        "placement, padding",
        "variant",
        "accepted right",
        "missed",
        "substituted",
        "unknown accepted",
        "winning label right",
        "balanced",
    ]
    return Table("Outcomes by placement, padding and variant, with 95 % intervals", [*head, "good → bad", "bad → good"], body)


def _placement_row(view: View, variant: Variant, rows: DataFrame, place: str, fill_: str) -> list[object]:
    mine = view.of(variant, rows)
    mine = mine if (place, fill_) == (view.reference, "zeros") else view.movable(mine)
    found = counts(mine, view.speakers)
    flip = flips(view.of(variant, view.clean), mine)
    cells = [_cell(found.right), _cell(found.missed), _cell(found.substituted), _cell(found.falsely_accepted), _cell(found.accuracy)]
    ways = [f"{flip.right_to_wrong} of {flip.right}", f"{flip.wrong_to_right} of {flip.wrong}"]
    return [f"{PLACES[place]}, {fill_}", variant.short, *cells, percent(found.balanced), *ways]


def _cell(estimate: Estimate) -> str:
    return f"{share_of(estimate)}{bracketed(estimate)}" if estimate.total else "–"


def _no_word(view: View) -> Table | None:
    """False accepts in windows without a word, by kind of sound."""
    if view.no_word.empty:
        return None
    rows: list[list[Any]] = []
    for variant in view.variants:
        rates = no_word_rates(view.of(variant, view.no_word), view.model["window_ms"])
        together = {ALL: "all kinds", RECORDED: "recorded sounds"}
        for rate in rows_of(rates.sort_values("kind", key=lambda kind: ~kind.isin(together), kind="stable")):
            kind = together.get(rate.kind, rate.kind)
            hourly = "–" if rate.value != rate.value else f"{number(rate.value)} ({number(rate.low)}–{number(rate.high)})"
            rows.append([kind, variant.short, plural(rate.windows, "window"), number(rate.accepted), hourly])
    return Table("False accepts in windows without a word", ["sound", "variant", "windows", "accepted", "an hour (95 % interval)"], rows)
