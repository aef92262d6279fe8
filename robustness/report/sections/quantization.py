"""What each variant is, and what it changes: layers in int8, bytes, answers, paired with the first variant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pandas import DataFrame

from robustness.analysis.accuracy import compared
from robustness.analysis.intervals import PairedChange, adjusted
from robustness.conditions import Condition
from robustness.report.audit_sentences import Audit, audits_of, sentences_of
from robustness.report.figures import Table
from robustness.report.findings import Change, changes
from robustness.report.sections.base import SECTIONS, Section, SectionPart, fill
from robustness.report.tables import earlier_failures, paired_answers
from robustness.report.tables.audit import experiments_table, latency_table, layer_table
from robustness.report.tables.kernels import kernels_table
from robustness.report.view import Variant, View, rows_of
from robustness.report.words import FILLS, PLACES, capital, condition_name, difference, listed, number, p_value, percent, plural, some_of

TEMPLATE = """
{% for line in says %}<p>{{ line }}</p>{% endfor %}
{{ table(variants) }}
{% if devices %}<p>{{ devices }}</p>{% endif %}
{% if kernels %}<h3 id="kernels">Kernels</h3>{{ table(kernels) }}
<p class="soft">An answer differs if the outcome or the winning label does. The trials say of each row which kernels gave it; where the
built-in kernels of LiteRT did, its margins are theirs. TFLite Micro has the reference kernels, and CMSIS-NN states that it is bit-exact
with them; ESP-NN, Ethos-U, HiFi and X-CUBE-AI round otherwise: <code>robustness parity</code> compares a dump of the device.</p>{% endif %}
{% if times %}<h3 id="latency">Latency</h3>{{ table(times) }}
<p class="soft">Time of the network alone, a variant's over float's, on the same clips and threads: {{ rounds }} interleaved rounds, the
median ratio with its distribution-free interval. A variant answers each clip as it would alone, a row at a time where its kernel would
mix a batch. These times are of one run on one machine and are not the same twice.</p>{% endif %}
{% for note in notes %}<p>{{ note }}</p>
{% endfor %}{% for change in changes %}
<h3 id="change-{{ change.slug }}">{{ change.name }} against {{ first }}</h3>
<p>{{ change.says }}</p>
{{ table(change.alike) }}
{% if change.flips %}<p class="soft">{{ change.flips.caption }}:</p>{{ table(change.flips) }}{% endif %}
{% if change.layers %}
<h4>Layer by layer</h4>
{{ table(change.layers) }}
<p class="soft">What each layer gives in {{ change.name }} beside what it gives in float, for the same clips: errors of the layers before
it are part of it. SQNR = 20·log10(‖x‖ / ‖x − x̂‖); exact: the same bits. Multiplications are for one clip.</p>{% endif %}
{% if change.experiments %}
<details class="more"><summary>each layer quantized alone and left in float, weights and activations apart</summary>
{{ table(change.experiments) }}
<p class="soft">Rows that say simulated were computed in float on values rounded to the grid of the scheme; all others ran its kernels.</p>
</details>{% endif %}
{% if change.sooner %}
<h4>Under {{ change.sooner_of }}</h4>
<p>{{ change.sooner_says }}</p>
{{ table(change.sooner) }}
<p class="soft">Paired over every condition, the recordings' draws averaged; Tango's intervals; q is McNemar's p as Benjamini and
Hochberg adjust it for all conditions; both by speakers
where all are known. Of the conditions, those with the largest differences are shown.</p>{% endif %}
{% if change.paired %}<h4>At each placement</h4>{{ table(change.paired) }}
<p class="soft">The same recordings, paired. The difference is the share of good outcomes of {{ change.name }} minus that of {{ first }},
with Tango's score interval; p is McNemar's, both by speakers where all are known{% if change.tests > 1 %},
and q is p as Benjamini and Hochberg adjust it for the {{ change.tests }} rows{% endif %}. A large p alone does not say
that nothing changed: the interval says how large a loss
{{ n }} recording{{ " leaves" if n | string == "1" else "s leave" }} possible.</p>{% endif %}
{% if change.answers %}<details class="more">
<summary>the {{ change.shown }} answers that differ
{%- if change.shown != change.total %}, of {{ change.total | counted }}{% endif %}</summary>
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
    alike: Table
    flips: Table | None
    layers: Table | None
    experiments: Table | None
    sooner: Table | None
    sooner_says: str
    sooner_of: str
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

    def part(self, view: View) -> SectionPart:
        """Tables of what was quantized and of what changed."""
        audits = audits_of(view)
        by_name = {audit.variant.name: audit for audit in audits}
        found = [_compared(view, change, by_name.get(change.variant.name)) for change in changes(view)]
        times = latency_table(audits)
        rounds = number(min((row.rounds for audit in audits for row in audit.times), default=0))
        leading = view.manifest.get("purpose") == "audit"  # then the page opens with these sentences
        told = {
            "says": [] if leading else sentences_of(view),
            "notes": _notes(view),
            "times": times,
            "kernels": kernels_table(view),
            "rounds": rounds,
            "first": view.first.short,
            "n": view.labelled,
        }
        return SectionPart(fill(TEMPLATE, variants=_variants(view), devices=_devices(view), changes=found, **told))


def _variants(view: View) -> Table:
    head = ["variant", "engine", "quantized layers", "float layers", "parameters in them", "bytes of weights", "against the first"]
    return Table("The variants", head, [_variant_row(view, variant) for variant in view.variants])


def _variant_row(view: View, variant: Variant) -> list[object]:
    about = variant.about
    layers = [", ".join(map(str, about.get(key) or [])) or "none" for key in ("quantized_layers", "float_layers")]
    functions = about.get("quantized_functions")
    layers[0] += f"; functions: {', '.join(map(str, functions))}" if functions else ""
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
            heard = plural(learned["clips"], "recording")
            found.append(f"{variant.name}: ranges from {heard} of {learned['source']} ({digest}…): {labels}.")
        found += [f"{variant.name}: {note}." for note in variant.about.get("notes", ())]
    return found


def _devices(view: View) -> str:
    """Where each variant ran, where one did not run on the CPU; an int8 one always runs there."""
    places = dict(entry.split(": ", 1) for entry in view.plan.get("devices", []))
    if all(device.startswith("cpu") for device in places.values()):
        return ""
    return f"Not all variants ran on the CPU: {listed([f'{name} on {device}' for name, device in sorted(places.items())], 6)}."


def _compared(view: View, change: Change, audit: Audit | None) -> Compared:
    variant, every = change.variant, change.everywhere
    says = some_of(change.changed, change.answers, "answer", "in the recordings' table differs", "in the recordings' table differ")
    says = f"{capital(says)}, {number(len(every))} of {number(change.all_answers)} in all conditions."
    paired = _paired(view, variant) if view.labelled else None
    under = earlier_failures.sooner(view, variant) if view.labelled else None
    return Compared(
        variant.short,
        variant.slug,
        says,
        alike=paired_answers.paired_table(view, variant, audit),
        flips=paired_answers.flips_text(view, variant),
        layers=layer_table(audit) if audit else None,
        experiments=experiments_table(audit) if audit else None,
        sooner=earlier_failures.earlier_table(under, view.first.short) if under else None,
        sooner_says=earlier_failures.earlier_sentence(under, view.first.short) if under else "",
        sooner_of=under.of if under else "",
        paired=paired,
        tests=len(paired.rows) if paired else 0,
        answers=_answers(view, every) if len(every) else None,
        shown=min(len(every), MOST_ANSWERS),
        total=len(every),
    )


def _paired(view: View, variant: Variant) -> Table:
    """Good → bad and bad → good outcomes at the reference and each placement and fill; p adjusted where there are several rows."""
    cells = {f"{PLACES[view.reference]}, zeros (reference)": view.clean}
    for place in view.placements:
        for padding in FILLS:
            here = view.padding[(view.padding["placement"] == place) & (view.padding["fill"] == padding)]
            repeats = place == view.reference and padding == "zeros"
            if not here.empty and not repeats:
                cells[f"{PLACES[place]}, {padding}"] = here
    found = {name: compared(here, view.first.name, variant.name, view.speakers) for name, here in cells.items()}
    rows = [_paired_row(name, change) for name, change in found.items()]
    head = ["placement", "recordings", "good → bad", "bad → good", "difference (95 % interval)", "p"]
    caption = f"{variant.short} against {view.first.short}, paired"
    if len(rows) > 1:
        q_values = adjusted([change.p_value for change in found.values()])
        rows = [[*row, p_value(q)] for row, q in zip(rows, q_values, strict=True)]
        head, caption = [*head, "q"], f"{caption}; q: p adjusted for {len(rows)} rows by Benjamini and Hochberg"
    return Table(caption, head, rows)


def _paired_row(name: str, found: PairedChange) -> list[object]:
    lost, gained = number(found.right_to_wrong), number(found.wrong_to_right)
    return [name, number(found.recordings), lost, gained, difference(found.difference), p_value(found.p_value)]


def _where(view: View, condition: Condition) -> str:
    """A condition in words, or its lead."""
    return (
        f"lead of {number(float(condition.level or 0.0))} ms" if condition.placement == "offset" else condition_name(condition, view.kinds)
    )


def _answers(view: View, every: DataFrame) -> Table:
    """Each answer that differs, and under what."""
    names = view.recordings["name"]
    verdict = {True: "right", False: "wrong"}
    rows = [
        [
            names[row.recording],
            _where(view, Condition(row.perturbation, row.level, row.fill, 0, row.placement)),
            f"{row.predicted_before} ({verdict.get(row.correct_before, 'no label')})",
            f"{row.predicted_after} ({verdict.get(row.correct_after, 'no label')})",
        ]
        for row in rows_of(every.head(MOST_ANSWERS))
    ]
    return Table("Answers that differ", ["recording", "condition", "before", "after"], rows)
