"""Why each failing recording fails: what was heard, what restores it, and which sound spoke for what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final, NamedTuple

import soundfile

from robustness.analysis.outcomes import GOOD
from robustness.conditions import Condition
from robustness.report.cards.command import command_for
from robustness.report.cards.edit_table import Tried, tried
from robustness.report.cards.figures import CardFigures, compared_figures
from robustness.report.cards.layers import Followed, followed
from robustness.report.cards.measured import MeasuredRow, differing_sentence, measured_rows, measured_sentence
from robustness.report.cards.noise import noise_condition
from robustness.report.cards.opening import CardOpening, opening, outcome_of
from robustness.report.cards.restoration import over_recordings, restoring, tried_on
from robustness.report.cards.text import method_lines, told
from robustness.report.figures import Figure
from robustness.report.forecast import forecast_sentences
from robustness.report.sections.base import SECTIONS, Section, SectionPart, fill
from robustness.report.setup import setup_of
from robustness.report.sounds import flac_of
from robustness.report.view import View
from robustness.report.words import FILLS, PLACES, listed, number, percent, plural
from robustness.run.damage import inside, said_when_damaged
from robustness.run.evidence import FailedRecordings

TEMPLATE = """
{% if cards %}
<p class="wide">{{ heading }} {{ causes }}</p>
{% for card in cards %}
<details class="card" id="{{ card.id }}"{% if loop.index0 < open %} open{% endif %}>
<summary><h3><span class="wrong" aria-hidden="true">✗</span> {{ card.first.title }}</h3>
{% for tag in card.tags %} <span class="tag">{{ tag }}</span>{% endfor %}</summary>
{% if card.sounds %}<p class="plays">
{% for s in card.sounds %}<button class="play" data-plays="{{ s.id }}">▶ {{ s.text }}</button>
<audio id="{{ s.id }}" preload="none" aria-label="{{ card.word }}, {{ s.text }}" src="data:audio/flac;base64,{{ s.flac }}"></audio>
{% endfor %}
</p>{% endif %}
{% if card.measured %}<p class="wide">{{ card.measured }}</p>{% endif %}
<p class="wide">{{ card.first.model }} {{ card.first.unusual }}</p>
{% if card.first.curve %}<figure id="{{ card.id }}-curve">{{ card.first.curve }}
<figcaption>{{ card.first.caption }}</figcaption></figure>{% endif %}
{% if card.first.bars %}<h4>Share of the lost score regained, alone</h4>
<table class="regained"><caption class="hidden">What regains how much of the lost score</caption><tbody>
{% for b in card.first.bars %}<tr class="{{ b.kind }}"><th scope="row">{{ b.does }}</th>
<td><span class="bar" style="width:{{ b.width }}%"></span></td><td>{{ b.share }}</td></tr>{% endfor %}</tbody></table>{% endif %}
<p class="wide">{{ card.first.costs }} {{ card.first.not_these }}</p>
{% for t in card.tried %}<details class="more tried">
<summary>all {{ t.lines | length }} edits{% if card.tried | length > 1 %}, {{ t.variant }}{% endif %}: {{ t.restoring }}</summary>
<p class="wide">{{ card.says }}</p>
<p class="soft wide">{{ t.drop | capitalize }}. A curve has the share regained, mild to strong, between its
lines for 0 and 100&nbsp;%; a large dot brings the answer back. A control does as much and leaves the factor as it was. Side effect: other
recordings that the edit turns bad, of those that were good there{% if capped %}
; {{ asked }} recordings were asked, drawn by the run's seed{% endif %}.</p>
<div class="scroll" tabindex="0" role="group" aria-label="what was tried on {{ card.word }}">
<table><caption class="hidden">What was tried on {{ card.word }} {{ card.where }}, {{ t.variant }}</caption>
<thead><tr>{% for name in tried_head %}<th scope="col">{{ name }}</th>{% endfor %}</tr></thead>
<tbody>{% for l in t.lines %}<tr{% if l.restores %} class="restores"{% endif %}><th scope="row">{{ l.does }}</th><td>{{ l.kind }}</td>
<td>{{ l.at }}</td><td>{{ l.best }}</td><td>{{ l.curve }}</td><td>{{ l.control }}</td>
<td>{{ l.side_effect }}</td><td>{{ l.answer }}</td></tr>
{% endfor %}</tbody></table></div>
{% for line in t.factors %}<p class="soft wide">{{ line }}</p>{% endfor %}
</details>
{% endfor %}
{% if card.measurements %}<details class="more"><summary>what was measured of the recording</summary>
<div class="scroll" tabindex="0" role="region" aria-label="what was measured of {{ card.word }}">
<table><caption class="hidden">What was measured of {{ card.word }}, beside the recordings that are right</caption>
<thead><tr><th scope="col">measured</th><th scope="col">value</th><th scope="col">those that are right</th></tr></thead>
<tbody>{% for m in card.measurements %}<tr{% if m.outside %} class="restores"{% endif %}><th scope="row">{{ m.name }}</th>
<td>{{ m.value }}</td><td>{{ m.stands }}</td></tr>{% endfor %}</tbody></table></div></details>{% endif %}
{% if card.followed %}<details class="more following"><summary>where in the network: {{ card.followed.heading }}</summary>
{{ following(card.followed) }}</details>{% endif %}
<details class="more"><summary>{{ card.maps }}</summary>
<p class="soft wide">Over the log-mel in grey, <span class="right">blue</span> speaks for the true label and
<span class="wrong">orange</span> for its rival; the tenth that says the most is outlined, above is what each frame says, beside
what each band says. Dashed lines bound the
speech, grey is padding. Methods often disagree on so small a network: variants are compared by one method only.</p>
<div class="maps">
{% for f in card.figures %}{{ figure(f, sound=card.sounds[0].id if card.sounds and loop.first else "") }}{% endfor %}
</div>
{% for line in card.methods %}<p class="soft wide">{{ line }}</p>{% endfor %}</details>
<details class="more"><summary>probabilities{% if card.rest %}, the largest{% endif %}</summary>
<div class="scroll" tabindex="0" role="group" aria-label="probabilities of {{ card.word }}">
<table><caption class="hidden">Probabilities of {{ card.word }} {{ card.where }} and where it is right</caption>
<thead><tr><th rowspan="2" scope="col">label</th>
{% for name in card.variants %}<th scope="colgroup" colspan="{{ card.windows | length }}">{{ name }}</th>{% endfor %}</tr>
<tr>{% for name in card.variants %}{% for place in card.windows %}<th scope="col">{{ place }}</th>{% endfor %}{% endfor %}</tr></thead>
<tbody>{% for row in card.probabilities %}<tr><th scope="row"{% if row.truth %} class="truth"{% endif %}>{{ row.label }}
{%- if row.truth %} <small>(truth)</small>{% endif %}</th>
{% for p in row.bars %}<td><span class="bar{{ ' good' if row.truth }}" style="width:{{ p.width }}px"></span> {{ p.text }}</td>
{% endfor %}</tr>
{% endfor %}</tbody></table></div></details>
{% if card.command %}<details class="more inspect"><summary>the command that explains this take alone</summary>
<pre tabindex="0">{{ card.command }}</pre>
<p class="soft wide">It writes a page of this recording: every map with its checks, other targets, and sounds of what speaks for each
answer. A click takes the whole command.</p></details>{% endif %}
</details>
{% endfor %}
{% if over %}<details class="more"><summary>over all recordings that share a failing condition</summary>
{% for line in over %}<p class="wide">{{ line }}</p>{% endfor %}
{% if predictions %}<p class="soft wide">Predicted from the other recordings, leave-one-out: its own margin at the reference plus
what the move costs the others at the same onset.</p>
{% for line in predictions %}<p class="wide">{{ line }}</p>{% endfor %}{% endif %}</details>{% endif %}
{% elif setup %}<p>No recording is explained. {{ setup.caveat }}</p>
{% elif missing %}<p>The evidence of this run was not written: it has no cards.</p>
{% else %}<p>No recording fails under any condition that was tried: there is nothing to explain.</p>{% endif %}
"""

OPEN: Final = 3  # cards that stand open at first
LEAST: Final = 0.01  # smaller probabilities are left out
MOST_LABELS: Final = 7
BAR_PX: Final = 22
TRIED: Final = ("edit", "kind", "brings back at", "regains most", "by size", "control regains", "side effect", "answer")


class ChanceBar(NamedTuple):
    """A probability as a bar and a text."""

    width: int
    text: str


class Chances(NamedTuple):
    """One label's probability in each window and variant."""

    label: str
    truth: bool
    bars: list[ChanceBar]


class CardSound(NamedTuple):
    """A sound that the card carries."""

    id: str
    text: str
    flac: str


@dataclass(frozen=True)
class Shown:
    """A card as the template takes it."""

    id: str
    word: str
    where: str
    first: CardOpening
    measured: str
    measurements: list[MeasuredRow]
    tags: list[str]
    says: str
    sounds: list[CardSound]
    figures: list[Figure]
    maps: str
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
    order: ClassVar[int] = 25

    def part(self, view: View) -> SectionPart | None:
        """The cards and their figures."""
        if not view.labelled:
            return None
        found = view.failures
        cards = [_shown(CardFigures(view, facts)) for facts in found.failures]
        setup = setup_of(view)
        setup = setup if setup is not None and setup.changes_all else None
        html = fill(
            TEMPLATE,
            total=found.total,
            cards=cards,
            open=OPEN,
            heading=" ".join([_heading(found), *right_elsewhere(view)]),
            causes=setup.caveat if setup else "",
            **_over(view),
            missing=not view.explained,
            setup=setup,
        )
        return SectionPart(html, tuple(figure for card in cards for figure in card.figures))


def _over(view: View) -> dict[str, Any]:
    """What holds over recordings, and how many were asked."""
    found, names = restoring(view), {variant.name: variant.short for variant in view.variants}
    over, predictions = over_recordings(found.conditions, names, PLACES), forecast_sentences(found.predictions, names, PLACES)
    return {"over": over, "predictions": predictions, "asked": found.asked, "capped": found.asked < view.labelled, "tried_head": TRIED}


def _heading(found: FailedRecordings) -> str:
    total, shown, noise = found.total, found.shown, found.in_noise
    rest = f"; the worst {shown} have a card" if shown < total else ""
    placed = f"{plural(total, 'recording')} {'fails' if total == 1 else 'fail'} at one placement at least{rest}."
    placed = placed if total else "No recording fails at any placement tried."
    compared = _compared(found)
    if not noise.total:
        return placed + compared
    who = plural(noise.total, "other") if total else plural(noise.total, "recording")
    who = f"{who} {'fails' if noise.total == 1 else 'fail'} under another perturbation alone"
    one = "the one that fails at the mildest level has a card"
    first = f"the {noise.shown} that fail at the mildest level have a card" if noise.shown > 1 else one
    first = "it has a card" if noise.total == 1 else "each has a card" if noise.shown == noise.total else first
    return f"{placed} {who}; {first}, at the mildest level at which most draws are bad.{compared}"


def right_elsewhere(view: View) -> list[str]:
    """How many of the recordings that fail at a place are right at the reference, in the first variant: what is lost by the place alone."""
    sums, said = view.sums, []
    here = {c.placement: i for i, c in enumerate(sums.conditions) if c.perturbation == view.placing and c.fill == "zeros"}
    mark, reference = sums.variants.index(view.first.name), sums.clean
    if reference is None:
        return []
    right = sums.share(sums.good, mark, reference) == 1
    for place in (place for place in PLACES if place in here and place != view.reference):
        fails = sums.share(sums.good, mark, here[place]) < 1
        count, back = int(fails.sum()), int((fails & right).sum())
        if count > 1:
            said.append(
                f"Of {number(count)} that fail {PLACES[place]}, {number(back)} {'is' if back == 1 else 'are'} right at the reference."
            )
    return said


def _compared(found: FailedRecordings) -> str:
    """With what recordings of another run some were compared."""
    if found.good_run is None:
        return ""
    return f" Too few recordings are right here: they are compared with those that are right in {found.good_run}, a run of the same model."


def _shown(card: CardFigures) -> Shown:
    facts, condition = card.facts, card.facts.condition
    windows, probabilities, rest = _probabilities(card)
    first = opening(card)
    return Shown(
        id=card.id,
        word=facts.word,
        where=_where(card.view, condition),
        first=first,
        measured=f"{measured_sentence(facts.measured)} {differing_sentence(facts.apart)}".strip(),
        measurements=measured_rows(facts.measured),
        tags=_tags(card),
        says=told(card),
        sounds=[CardSound(player.id, player.text, _flac(card, player.id)) for player in first.players],
        figures=[*card.figures(), *compared_figures(card)],
        maps=_maps(card),
        variants=[variant.short for variant, _ in card.answers],
        windows=windows,
        probabilities=probabilities,
        rest=rest,
        methods=method_lines(card),
        followed=followed(facts.following, {variant.name: variant.short for variant, _ in card.answers}),
        tried=tried(tried_on(card.view, card.id), {variant.name: variant.short for variant in card.view.variants}),
        command=command_for(card.view, facts),
    )


def _flac(card: CardFigures, player: str) -> str:
    """The sound of a player as FLAC, which is the same samples in half the bytes, as base64."""
    path = inside(card.view.run.path, f"evidence/{player.removesuffix('-sound')}.wav")
    with said_when_damaged(card.view.run.path, f"evidence/{path.name}"):
        return flac_of(*soundfile.read(path, dtype="int16"))


def _maps(card: CardFigures) -> str:
    """How many maps there are, and how many pass their checks."""
    boxes = (card.facts.trust or {}).values()
    count, passing = len(boxes), sum(not box.failed for box in boxes)
    if not count:
        return "what the model was given, and the maps"
    some = "none passes" if not passing else f"{number(passing)} of them {'passes' if passing == 1 else 'pass'}"
    return f"{plural(count, 'map')} checked, {'all pass' if passing == count > 1 else some}"


def _where(view: View, condition: Condition) -> str:
    """Under which condition it fails."""
    if not view.at_a_place(condition):
        return noise_condition(view, condition)
    padding = "" if condition.fill == "zeros" else f", padded with {FILLS[condition.fill]}"
    return f"{PLACES.get(condition.placement, condition.placement)}{padding}"


def _tags(card: CardFigures) -> list[str]:
    """Missed, substituted or falsely accepted; in which variants; where else."""
    facts, view = card.facts, card.view
    failing = {variant.short: v.outcome for variant, v in card.answers if outcome_of(card, v) not in GOOD}
    how = "alike" if len(failing) == len(view.variants) else "only"
    who = [f"{listed(list(failing), 6)} {how}"] if failing and len(view.variants) > 1 else []
    also = [f"also {listed([PLACES[place] for place in facts.also_wrong])}"] if facts.also_wrong else []
    truth = [f"no command: {facts.label}"] if facts.label in view.first.point.rejections else []
    return [*truth, *who, *also]


def _probabilities(card: CardFigures) -> tuple[list[str], list[Chances], bool]:
    """The labels that matter, where the recording fails and where it is right, by variant."""
    facts, other = card.facts, card.facts.counterpart
    here = facts.condition.placement
    noisy = card.view.is_noisy(facts.condition)
    names: dict[str, str] = {"here": "as it fails" if noisy else here if here != "offset" else "here"}
    right = "undisturbed" if noisy else other.placement if other and other.placement != "offset" else "where right"
    names |= {"counterpart": right} if other else {}
    names |= {} if other else {place: place for place in card.view.placements if place != here}
    columns = [v.probabilities.get(place, {}) for _, v in card.answers for place in names]
    best = {label: max(float(chances.get(label, 0)) for chances in columns) for label in card.view.model["labels"]}
    order = sorted(best, key=lambda label: -best[label])
    kept = [label for label in order if label == facts.label or (best[label] >= LEAST and label in order[:MOST_LABELS])]
    rows = [Chances(label, label == facts.label, [_bar(chances.get(label, 0.0)) for chances in columns]) for label in kept]
    return list(names.values()), rows, len(kept) < len(best)


def _bar(chance: float) -> ChanceBar:
    return ChanceBar(round(BAR_PX * chance), percent(chance, 1 if 0.99 < chance < 1 else 0))
