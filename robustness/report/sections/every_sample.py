"""At how many recordings does the outcome hold at every sample of lead, and what does a grid of 10 ms not see?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from robustness.report.figures import Table
from robustness.report.sections.base import SECTIONS, Section, SectionPart, fill
from robustness.report.view import Variant, View
from robustness.report.words import level_of, number, percent, plural, signed, some_of
from robustness.run.every_sample import Enumerated, EverySample, WorstFound, read_every_sample

TEMPLATE = """
{% for line in lines %}<p class="wide">{{ line }}</p>
{% endfor %}
<p class="soft wide">Every whole sample of lead was asked, as far as no speech is lost, with zeros around the recording. That is proved for
these recordings and these kernels, and says nothing of another recording, nor of leads between two samples.</p>
{{ table(shares) }}
{% for line in together %}<p class="wide">{{ line }}</p>
{% endfor %}
<details class="behind"><summary>by recording</summary>{{ table(each) }}</details>
"""

RANGES_MS: Final = (20.0, 50.0, 100.0)
MOST_ROWS: Final = 100


@SECTIONS.register
@dataclass(frozen=True)
class EverySampleSection(Section):
    """Shares by range and variant, and each recording with its count; of runs that enumerated the leads."""

    name: ClassVar[str] = "every-sample"
    title: ClassVar[str] = "Every sample"
    order: ClassVar[int] = 37

    def part(self, view: View) -> SectionPart | None:
        """The sentences and the two tables."""
        found = read_every_sample(view.run.evidence)
        if found is None or not found.recordings:
            return None
        variants = [variant for variant in view.variants if rows_of(found, variant)]
        lines = [line for variant in variants for line in says(view, found, variant)]
        return SectionPart(
            fill(
                TEMPLATE,
                lines=lines,
                together=together(view, found, variants),
                shares=_shares(found, variants),
                each=_each(view, found, variants),
            )
        )


def rows_of(found: EverySample, variant: Variant) -> list[Enumerated]:
    """The recordings of a variant."""
    return [one for one in found.recordings if (one.model, one.variant) == (variant.model["name"], _plain(variant))]


def _plain(variant: Variant) -> str:
    return variant.name.rpartition(" · ")[2]


def says(view: View, found: EverySample, variant: Variant) -> list[str]:
    """How many hold over the whole range, and where the grid and the samples between it disagree most."""
    room = found.of(str(variant.model["name"]), _plain(variant), found.within_ms)
    steps, rows = found.steps(found.within_ms), rows_of(found, variant)
    lines = []
    if room:
        held = sum(one.holds(steps) for one in room)
        count = some_of(held, len(room), "recording", "holds", "hold")
        lines.append(
            f"{variant.short}: {count} at every sample within ± {number(found.within_ms)} ms ({number(2 * steps + 1)} leads of each)."
        )
    unseen = [one for one in rows if one.grid > 0 >= one.worst]
    if unseen:
        names = ", ".join(f"“{_name(view, one)}” at {_where(one, found)}" for one in unseen[:3])
        is_are = "is" if len(unseen) == 1 else "are"
        lines.append(
            f"{variant.short}: {plural(len(unseen), 'recording')} {is_are} good at every multiple of 10 ms and not between them: {names}."
        )
    widest = max(rows, key=lambda one: one.grid - one.worst)
    if widest.grid > widest.worst:
        lines.append(
            f"{variant.short}: the grid of 10 ms is optimistic by up to {number(widest.grid - widest.worst, 2)} in the outcome margin: "
            f"“{_name(view, widest)}” keeps {signed(widest.grid, 2)} on it, and {signed(widest.worst, 2)} "
            f"at {_where(widest, found)}."
        )
    return lines


def together(view: View, found: EverySample, variants: list[Variant]) -> list[str]:
    """What a search over leads and levels found, where it is bad and no lead alone is."""
    lines = []
    for variant in variants:
        alone = {one.recording for one in rows_of(found, variant) if one.worst <= 0}
        mine = [one for one in found.found if (one.model, one.variant) == (variant.model["name"], _plain(variant))]
        for beside in dict.fromkeys(one.beside for one in mine):
            some = [one for one in mine if one.beside == beside]
            worse = sorted((one for one in some if one.margin <= 0 and one.recording not in alone), key=lambda one: one.margin)
            kind = beside.replace("-", " ")
            text = (
                f"{variant.short}: a search over leads and {kind} together found {plural(len(worse), 'recording')} that no lead alone loses"
            )
            if worse:
                places = [f"“{_name(view, one)}” at {signed(one.step)} samples and {level_of(one.level, one.unit)}" for one in worse[:3]]
                text += f": {', '.join(places)}"
            lines.append(f"{text}. It asked at most {number(max(one.windows for one in some))} windows of a recording; there may be worse.")
    return lines


def _name(view: View, one: Enumerated | WorstFound) -> str:
    return str(view.recordings.loc[one.recording, "name"])


def _where(one: Enumerated, found: EverySample) -> str:
    samples = "sample" if abs(one.worst_step) == 1 else "samples"
    return f"{signed(one.worst_step)} {samples} ({signed(1000 * one.worst_step / found.rate_hz, 1)} ms)"


def _shares(found: EverySample, variants: list[Variant]) -> Table:
    ranges = sorted({ms for ms in (*RANGES_MS, found.within_ms) if ms <= found.within_ms})
    rows = []
    for within_ms in ranges:
        steps = found.steps(within_ms)
        cells = []
        for variant in variants:
            room = found.of(str(variant.model["name"]), _plain(variant), within_ms)
            held = sum(one.holds(steps) for one in room)
            cells.append(f"{number(held)} of {number(len(room))} ({percent(held / len(room))})" if room else "none has the room")
        rows.append([f"± {number(within_ms)} ms", number(2 * steps + 1), *cells])
    return Table(
        "Recordings that hold at every sample, of those with that much room", ["range", "leads", *(v.short for v in variants)], rows
    )


def _each(view: View, found: EverySample, variants: list[Variant]) -> Table:
    rows = []
    for variant in variants:
        for one in sorted(rows_of(found, variant), key=lambda one: (one.worst, one.recording))[:MOST_ROWS]:
            name = _name(view, one)
            count = f"{number(one.good)} of {number(one.leads)}"
            reach = f"{signed(-1000 * one.early / found.rate_hz, 1)} to {signed(1000 * one.late / found.rate_hz, 1)} ms"
            rows.append([name, variant.short, count, reach, signed(one.grid, 2), signed(one.worst, 2), _where(one, found)])
    head = [
        "recording",
        "variant",
        "good samples",
        "range without loss",
        "least margin, every 10 ms",
        "least margin, every sample",
        "where",
    ]
    return Table("Good outcomes over every sample of lead, the least margin first", head, rows)
