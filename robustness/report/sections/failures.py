"""Why each failing recording fails: what was heard, what restores it, and which sound spoke for what."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any, ClassVar, Final, NamedTuple

from robustness.conditions import Condition
from robustness.report.cards.command import command_for
from robustness.report.cards.edit_table import Tried, tried
from robustness.report.cards.figures import CardFigures, compared_figures
from robustness.report.cards.layers import Followed, followed
from robustness.report.cards.noise import noise_condition
from robustness.report.cards.restoration import over_recordings, restoring, tried_on
from robustness.report.cards.text import method_lines, told
from robustness.report.figures import Figure
from robustness.report.forecast import forecast_sentences
from robustness.report.sections.base import SECTIONS, Section, SectionPart, fill
from robustness.report.view import View
from robustness.report.words import FILLS, PLACES, listed, percent, plural
from robustness.run.evidence import FailedRecordings

TEMPLATE = """
{% if cards %}
<p>{{ heading }} What is said to restore an answer was tried on that very recording. In the maps, over the log-mel
in grey, <span class="right">blue</span> speaks for the true label and <span class="wrong">orange</span> for its rival; the tenth that says
the most is outlined, above is what each frame says, beside what each band says. Dashed lines bound the speech, grey is padding. Two methods
often disagree on so small a network: variants are compared by one method only.</p>
{% if over %}<details class="more" open><summary>over all recordings that share a failing condition</summary>
{% for line in over %}<p class="wide">{{ line }}</p>{% endfor %}
{% if foretold %}<p class="soft wide">Foretold from the other recordings, one left out at a time: its own margin at the reference plus
what the move costs the others at the same onset.</p>
{% for line in foretold %}<p class="wide">{{ line }}</p>{% endfor %}{% endif %}</details>{% endif %}
{% for card in cards %}
<details class="card" id="{{ card.id }}"{% if loop.index0 < open %} open{% endif %}>
<summary><h3><b>{{ card.word }}</b> {{ card.where }} → {{ card.answer }}</h3>
{% for tag in card.tags %} <span class="tag">{{ tag }}</span>{% endfor %}</summary>
<p class="says">{{ card.says }}</p>
{% if card.sound %}<div class="sound"><audio id="{{ card.id }}-sound" controls preload="none"
 aria-label="what the model heard: {{ card.word }} {{ card.where }}" src="data:audio/wav;base64,{{ card.sound }}"></audio>
<span>what the model heard; a click in the log-mel plays from there</span></div>{% endif %}
<div class="maps">
{% for f in card.figures %}{{ figure(f, sound=(card.id ~ "-sound") if card.sound and loop.first else "") }}{% endfor %}
<div><p class="soft caption">probabilities{% if card.rest %}, the largest{% endif %}</p>
<div class="scroll"><table><caption class="hidden">Probabilities of {{ card.word }} {{ card.where }} and where it is right</caption>
<thead><tr><th rowspan="2" scope="col">label</th>
{% for name in card.variants %}<th scope="colgroup" colspan="{{ card.windows | length }}">{{ name }}</th>{% endfor %}</tr>
<tr>{% for name in card.variants %}{% for place in card.windows %}<th scope="col">{{ place }}</th>{% endfor %}{% endfor %}</tr></thead>
<tbody>{% for row in card.probabilities %}<tr><th scope="row"{% if row.truth %} class="truth"{% endif %}>{{ row.label }}
{%- if row.truth %} <small>(truth)</small>{% endif %}</th>
{% for p in row.bars %}<td><span class="bar{{ ' good' if row.truth }}" style="width:{{ p.width }}px"></span> {{ p.text }}</td>
{% endfor %}</tr>
{% endfor %}</tbody></table></div></div>
</div>
{% for t in card.tried %}<details class="more tried"{% if loop.first %} open{% endif %}>
<summary>what was tried{% if card.tried | length > 1 %}, {{ t.variant }}{% endif %}</summary>
<p class="soft wide">{{ t.drop | capitalize }}. A curve has the share of the drop recovered, mild to strong, between its
lines for 0 and 100&nbsp;%; a filled dot restores. A sham does as much and leaves the factor as it was. Collateral: other recordings that
the edit turns wrong, of those that were right there{% if capped %}
; {{ asked }} recordings were asked, drawn by the run's seed{% endif %}.</p>
<div class="scroll"><table><caption class="hidden">What was tried on {{ card.word }} {{ card.where }}, {{ t.variant }}</caption>
<thead><tr>{% for name in tried_head %}<th scope="col">{{ name }}</th>{% endfor %}</tr></thead>
<tbody>{% for l in t.lines %}<tr{% if l.restores %} class="restores"{% endif %}><th scope="row">{{ l.does }}</th><td>{{ l.kind }}</td>
<td>{{ l.at }}</td><td>{{ l.best }}</td><td>{{ l.curve }}</td><td>{{ l.sham }}</td><td>{{ l.collateral }}</td><td>{{ l.answer }}</td></tr>
{% endfor %}</tbody></table></div>
{% for line in t.factors %}<p class="soft wide">{{ line }}</p>{% endfor %}
</details>
{% endfor %}
{% if card.followed %}<details class="more following"><summary>where in the network: {{ card.followed.heading }}</summary>
{{ following(card.followed) }}</details>{% endif %}
{% for line in card.methods %}<p class="soft wide">{{ line }}</p>{% endfor %}
{% if card.command %}<details class="more inspect"><summary>look closer and listen to the evidence: the command</summary>
<pre tabindex="0">{{ card.command }}</pre>
<p class="soft wide">It writes a page of this recording alone: every map with its checks, other targets, and sounds of what speaks for each
answer. A click takes the whole command.</p></details>{% endif %}
</details>
{% endfor %}
{% elif missing %}<p>The evidence of this run was not written: it has no cards.</p>
{% else %}<p>No recording fails at any placement tried, neither by its winning label nor at the operating point: there is nothing to
explain.</p>{% endif %}
"""

OPEN: Final = 3  # cards that stand open at first
LEAST: Final = 0.01  # smaller probabilities are left out
MOST_LABELS: Final = 7
BAR_PX: Final = 22
TRIED: Final = ("edit", "kind", "restores at", "recovers most", "by size", "sham recovers", "collateral", "answer")


class Bar(NamedTuple):
    """A probability as a bar and a text."""

    width: int
    text: str


class Chances(NamedTuple):
    """One label's probability in each window and variant."""

    label: str
    truth: bool
    bars: list[Bar]


@dataclass(frozen=True)
class Shown:
    """A card as the template takes it."""

    id: str
    word: str
    where: str
    answer: str
    tags: list[str]
    says: str
    sound: str | None
    figures: list[Figure]
    variants: list[str]
    windows: list[str]
    probabilities: list[Chances]
    rest: bool
    methods: list[str]
    tried: list[Tried]
    followed: Followed | None
    command: str | None


@SECTIONS.register
@dataclass(frozen=True)
class Failures(Section):
    """A card for each failing recording, worst first."""

    name: ClassVar[str] = "failures"
    title: ClassVar[str] = "Failures"
    order: ClassVar[int] = 50

    def part(self, view: View) -> SectionPart | None:
        """The cards and their figures."""
        if not view.labelled:
            return None
        found = view.failures
        cards = [_shown(CardFigures(view, facts)) for facts in found.failures]
        html = fill(
            TEMPLATE,
            total=found.total,
            cards=cards,
            open=OPEN,
            heading=_heading(found),
            **_over(view),
            missing=not view.explained,
        )
        return SectionPart(html, tuple(figure for card in cards for figure in card.figures))


def _over(view: View) -> dict[str, Any]:
    """What holds over recordings, and how many were asked."""
    found, names = restoring(view), {variant.name: variant.short for variant in view.variants}
    over, foretold = over_recordings(found.conditions, names, PLACES), forecast_sentences(found.predictions, names, PLACES)
    return {"over": over, "foretold": foretold, "asked": found.asked, "capped": found.asked < view.labelled, "tried_head": TRIED}


def _heading(found: FailedRecordings) -> str:
    total, shown, noise = found.total, found.shown, found.in_noise
    rest = f"; the worst {shown} have a card" if shown < total else ""
    placed = f"{plural(total, 'recording')} {'fails' if total == 1 else 'fail'} at one placement at least{rest}."
    placed = placed if total else "No recording fails at any placement tried."
    if not noise.total:
        return placed
    who = plural(noise.total, "other") if total else plural(noise.total, "recording")
    who = f"{who} {'fails' if noise.total == 1 else 'fail'} in added noise alone"
    first = f"the {noise.shown} that bear least have a card" if noise.shown > 1 else "the one that bears least has a card"
    return f"{placed} {who}; {first}, at the mildest level at which most draws are wrong."


def _shown(card: CardFigures) -> Shown:
    facts, condition = card.facts, card.facts.condition
    windows, probabilities, rest = _probabilities(card)
    return Shown(
        id=card.id,
        word=facts.word,
        where=_where(card.view, condition),
        answer=_answer(card),
        tags=_tags(card),
        says=told(card),
        sound=base64.b64encode(card.sound.read_bytes()).decode() if card.sound else None,
        figures=[*card.figures(), *compared_figures(card)],
        variants=[variant.short for variant, _ in card.answers],
        windows=windows,
        probabilities=probabilities,
        rest=rest,
        methods=method_lines(card),
        followed=followed(facts.following, {variant.name: variant.short for variant, _ in card.answers}),
        tried=tried(tried_on(card.view, card.id), {variant.name: variant.short for variant in card.view.variants}),
        command=command_for(card.view, facts),
    )


def _where(view: View, condition: Condition) -> str:
    """Under which condition it fails."""
    if view.is_noisy(condition):
        return noise_condition(view, condition)
    padding = "" if condition.fill == "zeros" else f", padded with {FILLS[condition.fill]}"
    return f"{PLACES.get(condition.placement, condition.placement)}{padding}"


def _answer(card: CardFigures) -> str:
    """What was answered: once where all variants that are wrong agree."""
    wrong = {variant.short: v for variant, v in card.answers if v.wrong or v.outcome != "right"}
    answers = {v.predicted for v in wrong.values()}
    first = next(iter(wrong.values()))
    if len(answers) == 1:
        return f"{first.predicted} {percent(first.p_predicted)}"
    return ", ".join(f"{v.predicted} {percent(v.p_predicted)} ({name})" for name, v in wrong.items())


def _tags(card: CardFigures) -> list[str]:
    """Missed, substituted or falsely accepted; in which variants; where else."""
    facts, view = card.facts, card.view
    failing = {variant.short: v.outcome for variant, v in card.answers if v.outcome != "right"}
    how = "alike" if len(failing) == len(view.variants) else "only"
    who = [f"{listed(list(failing), 6)} {how}"] if failing and len(view.variants) > 1 else []
    also = [f"also {listed([PLACES[place] for place in facts.also_wrong])}"] if facts.also_wrong else []
    truth = [f"no command: {facts.label}"] if facts.label in view.first.point.rejections else []
    return [*dict.fromkeys(failing.values()), *truth, *who, *also]


def _probabilities(card: CardFigures) -> tuple[list[str], list[Chances], bool]:
    """The labels that matter, where the recording fails and where it is right, by variant."""
    facts, other = card.facts, card.facts.counterpart
    here = facts.condition.placement
    noisy = card.view.is_noisy(facts.condition)
    names: dict[str, str] = {"here": "in noise" if noisy else here if here != "offset" else "here"}
    right = "in silence" if noisy else other.placement if other and other.placement != "offset" else "where right"
    names |= {"counterpart": right} if other else {}
    names |= {} if other else {place: place for place in card.view.placements if place != here}
    columns = [v.probabilities.get(place, {}) for _, v in card.answers for place in names]
    best = {label: max(float(chances.get(label, 0)) for chances in columns) for label in card.view.model["labels"]}
    order = sorted(best, key=lambda label: -best[label])
    kept = [label for label in order if label == facts.label or (best[label] >= LEAST and label in order[:MOST_LABELS])]
    rows = [Chances(label, label == facts.label, [_bar(chances.get(label, 0.0)) for chances in columns]) for label in kept]
    return list(names.values()), rows, len(kept) < len(best)


def _bar(chance: float) -> Bar:
    return Bar(round(BAR_PX * chance), percent(chance, 1 if 0.99 < chance < 1 else 0))
