"""Which recordings fail, under which placement, in which variant: the table of answers beside the shift atlas."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any, ClassVar, Final, NamedTuple

import numpy as np
from pandas import DataFrame

from robustness.analysis.outcomes import BAD, LEFT_ALONE
from robustness.report.atlas import Atlas
from robustness.report.sample_counts import SampleCell, SampleCounts
from robustness.report.sections.base import SECTIONS, Section, SectionPart, fill
from robustness.report.view import Variant, View
from robustness.report.view import rows_of as rows_in
from robustness.report.words import number, percent, signed

TEMPLATE = """
<div class="controls">
<label>Find <input type="search" id="find" placeholder="word or name"></label>
<label><input type="checkbox" id="only-wrong"> only {{ "failures" if labelled else "changed" }}</label>
{% if atlas and variants | length > 1 %}
<fieldset><legend>Atlas of</legend>{% for v in variants %}
<label><input type="radio" name="atlas-variant" value="{{ loop.index0 }}"{% if loop.first %} checked{% endif %}> {{ v.short }}</label>
{% endfor %}</fieldset>
{% endif %}
<span id="shown" class="soft" role="status">{{ rows | length }} of {{ total | counted }} shown</span>
<a href="data:text/csv;charset=utf-8;base64,{{ csv }}" download="recordings.csv">
{{- "all" if total <= in_csv else "the worst " ~ (in_csv | counted) }} as CSV</a>
</div>
<p class="soft wide">Worst first
{%- if total > rows | length %}: the worst {{ rows | length }} of {{ total | counted }} recordings,
{{- " the rest is in the " }}{{ "run folder" if total > in_csv else "CSV" }}{% endif %}.
A cell is the winning label and its probability in %, {% if labelled %}✗ where a user notices{% else %}✗ where it is not that at the
reference{% endif %}
{%- if variants | length > 1 %};
{{ variants[1:] | map(attribute="short") | join(", ") }} repeats the answer only where it differs{% endif %}{% if thresholds %};
↓ a command under the threshold, not carried out{% endif %}.
A column's head sorts by the distance to the boundary.</p>
{% if atlas %}<ul class="key">
{% for name, words in legend %}<li><span class="swatch {{ name }}"></span>{{ words }}</li>
{% endfor %}
<li><b>❙</b> between two bars the whole recording lies inside the window</li>
<li><b>○</b> reference ({{ reference }})</li>
<li>arrow keys walk through it, a click pins</li></ul>{% endif %}
<div class="beside">
<div class="scroll"><table id="answers">
<caption class="hidden">Answers of each variant at each placement, worst margin first</caption>
<thead>
<tr><th rowspan="2" scope="col" aria-sort="none" data-column="0"><button>recording</button></th>
<th rowspan="2" scope="col" aria-sort="none" data-column="1"><button>truth</button></th>
{% for place in placements %}<th class="group first" scope="colgroup" colspan="{{ variants | length }}">{{ place }}</th>{% endfor %}
{%- if samples %}<th class="group first" scope="colgroup" colspan="{{ samples.variants | length }}">{{ samples.title }}</th>{% endif %}</tr>
<tr>{% for place in placements %}{% set p = loop.index0 %}{% for v in variants %}
<th scope="col"{% if loop.first %} class="first"{% endif %} aria-sort="none" data-column="{{ 2 + p * (variants | length) + loop.index0 }}">
<button title="sort by margin">{{ v.short }}</button></th>
{% endfor %}{% endfor %}
{% if samples %}{% for v in samples.variants %}
<th scope="col"{% if loop.first %} class="first"{% endif %} aria-sort="none" data-column="{{ before_samples + loop.index0 }}">
<button title="sort by the share of samples">{{ v.short }}</button></th>
{% endfor %}{% endif %}</tr>
</thead>
<tbody>
{% for row in rows %}
<tr id="{{ row.address }}" data-row="{{ loop.index0 }}" data-text="{{ row.text }}"{% if row.wrong %} data-wrong{% endif %}>
<th scope="row" data-sort="{{ row.name }}" title="{{ row.title }}"><a href="#{{ row.address }}">{{ row.name }}</a>
{%- if row.detail %} <small>{{ row.detail }}</small>{% endif %}</th>
<td data-sort="{{ row.truth }}">{{ row.truth }}</td>
{% for cell in row.cells %}
<td id="{{ cell.address }}" data-variant="{{ cell.mark }}" data-lead="{{ cell.lead }}" data-sort="{{ cell.sort }}" title="{{ cell.title }}"
 class="{{ 'bad' if cell.wrong }}{{ ' first' if cell.mark == 0 }}">
{%- if cell.silent %}<span class="hidden">the device stays silent: </span><span class="quiet" aria-hidden="true">○ </span>{% endif %}
{%- if cell.wrong %}<span class="hidden">{{ cell.outcome }}: </span>
{%- if cell.card %}<a class="wrong" href="#{{ cell.card }}">✗ {% else %}<span class="wrong">✗ {% endif %}{% endif %}
<span{% if cell.repeats %} class="hidden"{% endif %}>{{ cell.answer }}</span>
{%- if cell.wrong %}{% if cell.card %}</a>{% else %}</span>{% endif %}{% endif %}
 <small>{{ cell.percent }}
{%- if cell.under %}<span class="hidden">, under the threshold</span><span aria-hidden="true">↓</span>{% endif %}</small></td>
{% endfor %}
{% for cell in row.samples %}<td data-sort="{{ cell.sort }}" title="{{ cell.title }}"
 class="{{ 'bad' if cell.wrong }}{{ ' first' if loop.first }}">
{%- if cell.wrong %}<span class="wrong">✗ </span>{% endif %}{{ cell.text }}</td>
{% endfor %}
</tr>
{% endfor %}
</tbody></table></div>
{% if atlas %}<div>{{ figure(atlas) }}</div>{% endif %}
</div>
<p id="readout" role="status" class="soft">{% if atlas %}Click a row or a cell of the atlas to read it here.{% endif %}</p>
{% for line in says %}<p class="wide">{{ line }}</p>{% endfor %}
"""


MOST_IN_CSV: Final = 1000  # recordings; a page that carried the answers to all of them would not open quickly
LEGEND: Final = (
    ("accepted", "accepted"),
    ("alone", "other word left alone"),
    ("silent", "○ the model errs, the device stays silent"),
    ("missed", "· ✗ missed"),
    ("harm", "· ✗ wrong command, or other word acted on"),
)
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet takes for the beginning of one


class AnswerCell(NamedTuple):
    """One answer."""

    address: str
    mark: int
    lead: float
    answer: str
    percent: str
    sort: str
    title: str
    wrong: bool
    silent: bool  # the model errs, and the device keeps it to itself
    outcome: str
    under: bool  # a command under the threshold, so that it is not carried out
    repeats: bool  # the first variant's answer, so that it need not be written again
    card: str | None


class Row(NamedTuple):
    """One recording and its answers."""

    address: str
    name: str
    detail: str
    title: str
    text: str
    truth: str
    wrong: bool
    cells: list[AnswerCell]
    samples: list[SampleCell]


@SECTIONS.register
@dataclass(frozen=True)
class RecordingsSection(Section):
    """The table of recordings, and the atlas beside it."""

    name: ClassVar[str] = "recordings"
    title: ClassVar[str] = "Recordings"
    order: ClassVar[int] = 20

    def part(self, view: View) -> SectionPart:
        """The table, its CSV and the atlas."""
        atlas, samples = Atlas.of(view), SampleCounts.of(view)
        html = fill(
            TEMPLATE,
            rows=table_rows(view, samples),
            samples=samples,
            before_samples=2 + len(view.placements) * len(view.variants),
            total=len(view.recordings),
            placements=view.placements,
            variants=view.variants,
            reference=view.reference,
            labelled=view.labelled > 0,
            thresholds=any(variant.point.words for variant in view.variants),
            in_csv=MOST_IN_CSV,
            csv=base64.b64encode(csv_of(view, samples).encode()).decode(),
            atlas=atlas and atlas.figure,
            says=atlas.says if atlas else [],
            legend=LEGEND if view.labelled else (),
        )
        return SectionPart(html, (atlas.figure,), {"atlas": atlas.data()}) if atlas else SectionPart(html)


def rows_by_place(view: View) -> dict[tuple[str, str, str], Any]:
    """The rows of the table by recording, placement and variant."""
    shown = view.placed[view.placed["recording"].isin(view.shown.index)]
    placed = shown.astype({"recording": str, "placement": str, "variant": str, "predicted": str})
    return {(row.recording, row.placement, row.variant): row for row in rows_in(placed)}


def table_rows(view: View, samples: SampleCounts | None = None) -> list[Row]:
    """The recordings shown, worst margin first."""
    answers = rows_by_place(view)
    return [_row(view, recording, answers, samples) for _, recording in view.shown.iterrows()]


def _row(view: View, recording: Any, answers: dict[tuple[str, str, str], Any], samples: SampleCounts | None) -> Row:
    name = str(recording["id"])
    cells = [_cell(view, recording, place, variant, answers) for place in view.placements for variant in view.variants]
    truth = str(recording["label"]) if recording["label"] is not None and recording["label"] == recording["label"] else "–"
    moves = f"can move by {number(recording['slack_ms'])} ms" if not recording["untestable"] else "fills the window: untestable"
    title = f"{name}: {number(recording['duration_ms'])} ms{', cut to its speech' if recording['trimmed'] else ''}, {moves}"
    text = " ".join(str(part) for part in (name, recording["word"], truth, recording["speaker"]) if part is not None).lower()
    detail = str(recording["detail"]).rsplit("/", 1)[-1]
    wrong, counts = any(cell.wrong for cell in cells), [] if samples is None else samples.cells(name)
    return Row(recording["address"], recording["name"], detail, title, text, truth, wrong, cells, counts)


def _cell(view: View, recording: Any, place: str, variant: Variant, answers: dict[tuple[str, str, str], Any]) -> AnswerCell:
    name, address = str(recording["id"]), f"{recording['address']}-{place}-{variant.slug}"
    row = answers[name, place, variant.name]
    usual = answers.get((name, view.reference, variant.name), row)
    labelled = row.correct is not None and row.correct == row.correct
    outcome = str(row.outcome) if labelled else ""
    wrong = outcome in BAD if labelled else row.predicted != usual.predicted
    silent = outcome == LEFT_ALONE and not row.correct
    distance = row.margin if np.isnan(row.outcome_margin) else row.outcome_margin
    margin = f", {outcome}, distance to the boundary {signed(distance, 2)}" if labelled else ""
    title = f"{row.predicted} {percent(row.p_predicted, 1)}{margin}, lead {number(row.offset_ms, 1)} ms"
    sort = f"{distance:.4f}" if labelled else f"{row.p_predicted:.4f}"
    under = row.predicted not in variant.point.rejections and row.p_predicted < (variant.point.threshold_of(row.predicted) or 0)
    repeats = variant is not view.first and row.predicted == answers[name, place, view.first.name].predicted
    card = view.card(name, place) if wrong else None
    said = (row.predicted, number(100 * row.p_predicted), sort, title)
    return AnswerCell(address, variant.mark, row.offset_ms, *said, bool(wrong), silent, outcome, under, repeats, card)


def _no_formula(cell: Any) -> Any:
    """A text that a spreadsheet would take for a formula, behind an apostrophe; everything else as it is."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell


def csv_of(view: View, samples: SampleCounts | None = None) -> str:
    """Every answer of the table for the worst recordings: a row each; no cell is a formula to a spreadsheet."""
    listed = view.recordings.head(MOST_IN_CSV)
    placed = view.placed[view.placed["recording"].isin(listed.index)]
    placed = placed.astype({"recording": str, "placement": str, "variant": str, "predicted": str})
    facts = listed[["id", "word", "label", "speaker"]].rename(columns={"id": "recording", "label": "truth"})
    order = {name: i for i, name in enumerate(view.recordings.index)}
    columns = ["recording", "placement", "variant", "offset_ms", "predicted", "p_predicted", "margin", "correct", "outcome"]
    rows: DataFrame = placed[columns].merge(facts, on="recording", how="left")
    rows = rows.assign(order=rows["recording"].map(order)).sort_values(["order", "placement", "variant"], kind="stable")
    rows = rows.rename(columns={"predicted": "answer", "p_predicted": "confidence", "correct": "right"})
    kept = [
        "recording",
        "word",
        "truth",
        "speaker",
        "placement",
        "variant",
        "offset_ms",
        "answer",
        "confidence",
        "margin",
        "right",
        "outcome",
    ]
    if samples is not None:
        rows, kept = samples.beside(rows), [*kept, "good_samples", "samples"]
    texts = rows[kept].select_dtypes(exclude=["number", "bool"]).columns
    harmless = rows[kept].assign(**{name: rows[name].map(_no_formula) for name in texts})
    return harmless.to_csv(index=False, lineterminator="\n", float_format="%.6g")
