"""What each variant is, and what it changes: layers in int8, bytes, answers, paired with the first variant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pandas import DataFrame
from scipy import stats

from robustness.metrics import compared
from robustness.report.figures import Table
from robustness.report.findings import Change, changes
from robustness.report.sections.base import SECTIONS, Part, Section, fill
from robustness.report.view import Variant, View, rows_of
from robustness.report.words import FILLS, PLACES, condition_name, difference, listed, number, p_value, percent
from robustness.statistics import PairedChange

TEMPLATE = """
{{ table(variants) }}
{% if devices %}<p>{{ devices }}</p>{% endif %}
{% for note in notes %}<p>{{ note }}</p>
{% endfor %}{% for change in changes %}
<h3 id="change-{{ change.slug }}">{{ change.name }} against {{ first }}</h3>
<p>{{ change.says }}</p>
{% if change.paired %}{{ table(change.paired) }}
<p class="soft">The same recordings, paired. The difference is the accuracy of {{ change.name }} minus that of {{ first }},
with Tango's score interval; p is McNemar's, exact{% if change.tests > 1 %},
and q is p as Benjamini and Hochberg adjust it for the {{ change.tests }} rows{% endif %}. A large p alone does not say
that nothing changed: the interval says how large a loss {{ n }} recordings leave possible.</p>{% endif %}
{% if change.answers %}<details class="more">
<summary>the {{ change.shown }} answers that differ{% if change.shown != change.total %}, of {{ change.total }}{% endif %}</summary>
{{ table(change.answers) }}</details>{% endif %}
{% endfor %}
{% if not changes %}<p>This run has one variant: there is nothing to compare it with.</p>{% endif %}
"""

MOST_ANSWERS = 200  # rows listed of answers that differ; the trials have all


@dataclass(frozen=True)
class Compared:
    """One variant against the first, as the page says it."""

    name: str
    slug: str
    says: str
    paired: Table | None
    tests: int  # the rows of `paired`
    answers: Table | None
    shown: int
    total: int


@SECTIONS.register
@dataclass(frozen=True)
class Quantization(Section):
    """The variants and their differences."""

    name: ClassVar[str] = "quantization"
    title: ClassVar[str] = "Quantization"
    order: ClassVar[int] = 60

    def part(self, view: View) -> Part:
        """Tables of what was quantized and of what changed."""
        found = [_compared(view, change) for change in changes(view)]
        facts = {"variants": _variants(view), "devices": _devices(view), "notes": _notes(view)}
        return Part(fill(TEMPLATE, **facts, changes=found, first=view.first.short, n=view.labelled))


def _variants(view: View) -> Table:
    head = ["variant", "engine", "quantized layers", "float layers", "parameters in them", "bytes of weights", "against the first"]
    return Table("The variants", head, [_variant_row(view, variant) for variant in view.variants])


def _variant_row(view: View, variant: Variant) -> list[object]:
    about = variant.about
    layers = [", ".join(map(str, about.get(key) or [])) or "none" for key in ("quantized_layers", "float_layers")]
    share = about.get("quantized_share")
    size, first = about.get("bytes"), view.first.about.get("bytes")
    ratio = "–" if variant is view.first or not size or not first else f"{number(size / first, 2)} ×"
    return [
        variant.name,
        _engine(variant),
        *layers,
        "–" if share is None else percent(share, 1),
        "–" if size is None else number(size),
        ratio,
    ]


def _engine(variant: Variant) -> str:
    """Whose kernels ran, and with which type of weights and activations."""
    about = variant.about
    return f"{about.get('engine', '–')}{', ' + about['type'] if about.get('type') else ''}"


def _notes(view: View) -> list[str]:
    """What is doubtful or left out in a variant, and from which recordings it learned."""
    found = []
    for variant in view.variants:
        learned = variant.about.get("calibration")
        if learned:
            labels = ", ".join(f"{count} {label}" for label, count in learned["labels"].items())
            digest = str(learned["sha256"])[:12]
            found.append(f"{variant.name}: ranges from {number(learned['clips'])} recordings of {learned['source']} ({digest}…): {labels}.")
        found += [f"{variant.name}: {note}." for note in variant.about.get("notes", ())]
    return found


def _devices(view: View) -> str:
    """Where each variant ran, where one did not run on the CPU; an int8 one always runs there."""
    places = dict(entry.split(": ", 1) for entry in view.plan.get("devices", []))
    if all(device.startswith("cpu") for device in places.values()):
        return ""
    return f"Not all variants ran on the CPU: {listed([f'{name} on {device}' for name, device in sorted(places.items())], 6)}."


def _compared(view: View, change: Change) -> Compared:
    variant = change.variant
    every = change.everywhere
    says = f"{number(change.changed)} of {number(change.answers)} answers in the recordings' table differ"
    says += f", {number(len(every))} of {number(change.all_answers)} in all conditions."
    answers = _answers(view, every) if len(every) else None
    paired = _paired(view, variant) if view.labelled else None
    return Compared(
        variant.short, variant.slug, says, paired, len(paired.rows) if paired else 0, answers, min(len(every), MOST_ANSWERS), len(every)
    )


def _paired(view: View, variant: Variant) -> Table:
    """Right → wrong and wrong → right at the reference and each placement and fill; p adjusted where there are several rows."""
    cells = {f"{PLACES[view.reference]}, zeros (reference)": view.clean}
    for place in view.placements:
        for padding in FILLS:
            here = view.padding[(view.padding["placement"] == place) & (view.padding["fill"] == padding)]
            repeats = place == view.reference and padding == "zeros"
            if not here.empty and not repeats:
                cells[f"{PLACES[place]}, {padding}"] = here
    found = {name: compared(here, view.first.name, variant.name, view.speakers) for name, here in cells.items()}
    rows = [_paired_row(name, change) for name, change in found.items()]
    head = ["placement", "recordings", "right → wrong", "wrong → right", "difference (95 % interval)", "p"]
    caption = f"{variant.short} against {view.first.short}, paired"
    if len(rows) > 1:
        adjusted = stats.false_discovery_control([change.p_value for change in found.values()], method="bh")
        rows = [[*row, p_value(float(q))] for row, q in zip(rows, adjusted, strict=True)]
        head, caption = [*head, "q"], f"{caption}; q: p adjusted for {len(rows)} rows by Benjamini and Hochberg"
    return Table(caption, head, rows)


def _paired_row(name: str, found: PairedChange) -> list[object]:
    lost, gained = number(found.right_to_wrong), number(found.wrong_to_right)
    return [name, number(found.recordings), lost, gained, difference(found.difference), p_value(found.p_value)]


def _answers(view: View, every: DataFrame) -> Table:
    """Each answer that differs, and under what."""
    names = view.recordings["name"]
    verdict = {True: "right", False: "wrong"}
    rows = [
        [
            names[row.recording],
            condition_name(row._asdict(), view.unit(str(row.perturbation)))
            if row.placement != "offset"
            else f"lead of {number(row.level)} ms",
            f"{row.predicted_before} ({verdict.get(row.correct_before, 'no label')})",
            f"{row.predicted_after} ({verdict.get(row.correct_after, 'no label')})",
        ]
        for row in rows_of(every.head(MOST_ANSWERS))
    ]
    return Table("Answers that differ", ["recording", "condition", "before", "after"], rows)
