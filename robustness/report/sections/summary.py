"""The first screen: the verdict, what fails, why, what to do, and what this run cannot show. Made from the numbers, never typed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, NamedTuple

import numpy as np
from markupsafe import Markup

from robustness.analysis.intervals import wilson
from robustness.report.audit_opening import audit_opening
from robustness.report.causes import why
from robustness.report.drawing import Curve, PlotFrame, PlotPoint, PlotText, round_ticks, text
from robustness.report.lead_counts import LeadCounts
from robustness.report.opening import Opening
from robustness.report.problems import BEGINS, Met, PageVerdict, at_placement, beyond_everyday, verdict_of
from robustness.report.remedies import remedies
from robustness.report.sections.base import SECTIONS, Section, SectionPart, fill
from robustness.report.sentences import costliest, summary, untestable, variants_line
from robustness.report.setup import setup_of
from robustness.report.view import View
from robustness.report.words import listed, number, percent, plural

TEMPLATE = """
<div class="opening">
<div>
{% if verdict %}
<p class="heading {{ verdict.kind }}"><strong>{{ verdict.heading }}</strong>{% if what %}: {{ what }}{% endif %}</p>
{% for line in finding %}<p class="lead">{{ line }}</p>{% endfor %}
{% if plays %}<p class="plays">
{% for p in plays %}<button class="play" data-plays="{{ p.sound }}">▶ {{ p.text }}</button>{% endfor %}
</p>{% endif %}
<dl class="answers">
{% if why %}<dt>Why</dt><dd>{% for line in why %}{{ line }} {% endfor %}</dd>{% endif %}
{% if do %}<dt>Do</dt><dd><ol>{% for line in do %}<li>{{ line }}</li>{% endfor %}</ol></dd>{% endif %}
{% for name, line in variants %}<dt>{{ name }}</dt><dd>{{ line }}</dd>{% endfor %}
{% if not_tested %}<dt>Not tested</dt><dd class="soft">{{ not_tested }}</dd>{% endif %}
</dl>
{% else %}
{% for line in lines %}<p class="lead">{{ line }}</p>{% endfor %}
{% endif %}
</div>
{% if curve or bars %}<div>
{% if curve %}<figure id="accepted-over-lead">{{ curve }}<figcaption>{{ caption }}</figcaption></figure>{% endif %}
{% if bars %}<table class="bars"><caption class="hidden">What the device does with commands and other words, by placement</caption>
{% if bars[0].others %}<thead><tr><th scope="col">placed</th><th scope="col">commands</th>
<th scope="col">other words acted on</th></tr></thead>{% endif %}
<tbody>{% for bar in bars %}<tr><th scope="row">{{ bar.where }}</th>
<td><span class="stack" style="grid-template-columns:{{ bar.columns }}">
{%- for part in bar.parts %}<span class="{{ part.name }}">{{ part.text }}</span>{% endfor %}</span></td>
<td class="soft">{{ bar.others }}</td></tr>{% endfor %}</tbody></table>{% endif %}
</div>{% endif %}
</div>
"""
UNTIL_THEN: Final = "whatever the page shows below was measured with this in it; change it first, and measure again."
WIDTH: Final = 470
HEIGHT: Final = 230
MANY_SPEAKERS: Final = 20
MOST_TOLD: Final = 2  # problems, where there are more than one more


class Play(NamedTuple):
    """A sound of a card that a button plays."""

    sound: str
    text: str


class AxisStretch(NamedTuple):
    """A stretch of a bar."""

    name: str
    text: str


class OutcomeBar(NamedTuple):
    """What happens at one placement."""

    where: str
    columns: str
    parts: list[AxisStretch]
    others: str


@SECTIONS.register
@dataclass(frozen=True)
class Summary(Section):
    """The page's first screen."""

    name: ClassVar[str] = "summary"
    title: ClassVar[str] = "Summary"
    order: ClassVar[int] = 10

    def part(self, view: View) -> SectionPart:
        """Verdict, sentences, figure and bars."""
        if view.manifest.get("purpose") == "audit" or view.labelled == 0:
            opening = audit_opening(view) if view.manifest.get("purpose") == "audit" else None
            lines = fill(TEMPLATE, verdict=None, lines=summary(view), curve=None, bars=[])
            return SectionPart(lines if opening is None else opening.html + lines)
        setup = setup_of(view)
        if setup is not None and setup.changes_all:  # nothing else is said of a model whose card, front-end or recordings are not in order
            told = {"verdict": setup, "what": setup.about, "finding": setup.says, "do": setup.changes, "not_tested": UNTIL_THEN}
            return SectionPart(fill(TEMPLATE, **told, plays=[], why=[], variants=[], curve=None, bars=[]))
        verdict = verdict_of(view)
        counts = [found for variant in view.variants if (found := LeadCounts.of(view, variant)) is not None]
        first = counts[0] if counts else None
        html = fill(
            TEMPLATE,
            verdict=verdict,
            what=subject(view, verdict),
            finding=[*(setup.says if setup else ()), *finding(view, verdict), *untestable(view), *costliest(view)],
            plays=plays(view),
            why=why(view),
            do=[*(setup.changes if setup else ()), *remedies(view, verdict, first)],
            variants=variants_line(view),
            not_tested=not_tested(view),
            curve=curve_of(view, counts),
            caption=caption_of(counts),
            bars=bars_of(view),
        )
        return SectionPart(html)


def headline(view: View) -> Opening | None:
    """The verdict and its first sentence, for a terminal, and what "no problem" leaves out; None of an audit, or without labels."""
    if view.manifest.get("purpose") == "audit" or view.labelled == 0:
        return None
    setup = setup_of(view)
    if setup is not None and setup.changes_all:
        return Opening("found", setup.heading, Markup("{}").format(setup.says[0]), about=str(setup.about))
    verdict = verdict_of(view)
    lines = finding(view, verdict)
    said = Markup(" ").join(lines if verdict.kind == "none" else lines[:1])
    return Opening(verdict.kind, verdict.heading, said, about=subject(view, verdict))


def subject(view: View, verdict: PageVerdict) -> str:
    """What the verdict is about: the problems by name, or how little was looked at."""
    if verdict.kind == "found":
        return listed([problem.name for problem in verdict.problems], MOST_TOLD)
    facts = view.manifest["recordings"]
    voices = f" of {plural(facts['speakers'], 'voice')}" if facts["speakers"] else ""
    takes = f"{plural(facts['count'], 'take')}{voices}"
    return f"in {takes}" if verdict.kind == "none" else takes


def finding(view: View, verdict: PageVerdict) -> list[Markup]:
    """What fails, a sentence a problem that the heading names; or what holds."""
    if verdict.kind == "found":
        first, *rest = (problem.sentence for problem in verdict.problems[: told(verdict)])
        return [first + _limits(view, placed=bool(verdict.problems[0].placement)), *rest]
    here = at_placement(view, view.reference)
    if verdict.kind == "little":
        return [Markup("{} with a label: too few to call anything a problem or none.").format(plural(here.commands, "command"))]
    harsh = beyond_everyday(view)
    text = Markup("{} of {} are accepted {}, and nothing that was tried{} takes many of them away.")
    inside = "" if harsh is None else " in the everyday range"
    holds = text.format(number(here.accepted), plural(here.commands, "command"), BEGINS[view.reference], inside)
    return [holds + _limits(view, placed=False), *([] if harsh is None else [harsh])]


def told(verdict: PageVerdict) -> int:
    """How many problems are told by name and in a sentence each: all of three, the largest two of more."""
    count = len(verdict.problems)
    return count if count <= MOST_TOLD + 1 else MOST_TOLD


def _limits(view: View, *, placed: bool) -> Markup:
    """Of what the sentence before is true: of these files, and of a device that hears one window a word."""
    limits = ["these files only"] if _few_speakers(view) else []
    limits += ["for a device that hears one window a word"] if placed and not _triggered(view) else []
    said = "; ".join(limits)
    return Markup(" <span class=soft>({}.)</span>").format(said[:1].upper() + said[1:]) if said else Markup("")


def _triggered(view: View) -> bool:
    return bool((view.model.get("deployment") or {}).get("kind"))


def _few_speakers(view: View) -> bool:
    speakers = view.manifest["recordings"]["speakers"]
    return not speakers or speakers < MANY_SPEAKERS


def plays(view: View) -> list[Play]:
    """The first failing card's two sounds: as it fails, and where it is accepted."""
    cards = [card for card in view.failures.failures if (view.run.evidence / f"{card.id}.wav").exists()]
    if not cards:
        return []
    card = cards[0]
    good = "left alone" if card.label in view.first.point.rejections else "accepted"
    found = [Play(f"{card.id}-sound", f"“{card.word}” as it fails")]
    if (view.run.evidence / f"{card.id}-counterpart.wav").exists():
        found.append(Play(f"{card.id}-counterpart-sound", f"“{card.word}” where it is {good}"))
    return found


def not_tested(view: View) -> str:
    """What this run does not show."""
    facts = view.manifest["recordings"]
    missing = ["other voices"] if not facts["speakers"] or facts["speakers"] < MANY_SPEAKERS else []
    families = {kind.family for kind in view.kinds.values()}
    missing += [] if "room" in families else ["rooms"]
    missing += [] if "noise" in families else ["noise"]
    missing += [] if "level" in families else ["levels"]
    missing.append("streaming")
    here = at_placement(view, view.reference)
    text_ = f"{', '.join(missing[:-1])} and {missing[-1]}." if len(missing) > 1 else f"{missing[0]}."
    if not here.commands:
        return text_
    least = wilson(0, here.commands).high
    takes = f"{plural(here.commands, 'take')} of a command" if here.commands == 1 else f"{number(here.commands)} takes of commands"
    return f"{text_} With {takes}, even no miss leaves a miss rate of up to {percent(least)} possible."


def curve_of(view: View, counts: list[LeadCounts]) -> Markup | None:
    """Commands accepted over the lead: one line where variants agree, the best range, marks at the three placements."""
    if not counts or len(counts[0].leads) < 2:
        return None
    first = counts[0]
    frame = PlotFrame(WIDTH, HEIGHT, (first.leads[0], first.leads[-1]), (0, max(1, first.commands)))
    parts = [frame.ticks(round_ticks(*frame.x, 9), round_ticks(0, frame.y[1]), "silence before the word (lead), ms")]
    if first.leads[0] < 0:
        parts.insert(0, frame.area(first.leads[0], 0, "veil"))
        parts.append(text(PlotPoint(frame.at(first.leads[0], 0).x + 6, frame.at(0, 0).y - 6), "the word is cut"))
    best = first.best()
    if best is not None and best.high > best.low:
        parts.insert(0, frame.area(best.low, best.high, "best"))
    if first.others:
        parts.append(frame.line(first.leads, np.minimum(first.acted, frame.y[1]).tolist(), "acted"))
    for other in counts[1:]:
        if not np.array_equal(other.accepted, first.accepted):
            parts.append(frame.line(other.leads, other.accepted.tolist(), f"variant v{other.variant.mark}"))
    parts.append(frame.line(first.leads, first.accepted.tolist(), "variant v0"))
    parts += _marks(view, frame, [(first.leads, first.accepted.tolist())])
    return frame.drawn(_sentence(first), *parts)


def _marks(view: View, frame: PlotFrame, curves: Sequence[Curve]) -> list[Markup]:
    """Dots where the placements lie on average, with how many are accepted there."""
    dots: list[Markup] = []
    texts: list[PlotText] = []
    for place in view.placements:
        rows = view.of(view.first, view.placed[view.placed["placement"] == place])
        there = at_placement(view, place)
        lead = float(rows["offset_ms"].median())
        words = f"{place} {number(there.accepted)}"
        dots.append(frame.dot(lead, there.accepted, "mark"))
        texts.append(frame.beside(lead, there.accepted, words, "name", curves=curves, others=texts))
    return [*dots, *(one.drawn for one in texts)]


def _sentence(counts: LeadCounts) -> str:
    best = counts.best()
    text_ = f"Commands accepted of {number(counts.commands)} by lead: {number(counts.at(0))} at 0 ms"
    if best is None:
        return text_ + "."
    return f"{text_}, {number(best.accepted)} from {number(best.low)} to {number(best.high)} ms."


def caption_of(counts: list[LeadCounts]) -> str:
    """What the lines are."""
    if not counts:
        return ""
    first = counts[0]
    alike = [other.variant.short for other in counts[1:] if np.array_equal(other.accepted, first.accepted)]
    unlike = [other.variant.short for other in counts[1:] if other.variant.short not in alike]
    who = " and ".join([first.variant.short, *alike]) + (" alike" if alike else "")
    parts = [f"Commands accepted, of {number(first.commands)} ({who}{'; ' + listed(unlike) + ' dashed' if unlike else ''})"]
    parts += [f"other words acted on, of {number(first.others)} (dotted)"] if first.others else []
    parts += [f"{plural(first.left_out, 'recording')} that cannot be moved left out"] if first.left_out else []
    return "; ".join(parts) + "."


def bars_of(view: View) -> list[OutcomeBar]:
    """Outcomes at each placement as a bar."""
    names = {"start": "at the start", "center": "in the middle", "end": "at the end"}
    order = [view.reference, *(place for place in view.placements if place != view.reference)]
    return [_bar(names[place], at_placement(view, place)) for place in order if place in view.placements]


def _bar(where: str, found: Met) -> OutcomeBar:
    kinds: list[tuple[str, int, str]] = [
        ("accepted", found.accepted, "accepted"),
        ("missed", found.missed, "missed"),
        ("substituted", found.substituted, "wrong command" if found.substituted == 1 else "wrong commands"),
    ]
    there = [(name, count, word) for name, count, word in kinds if count]
    widest = max((count for _, count, _ in there), default=0)
    parts = [
        AxisStretch(name, f"{number(count)} {word}" if 4 * count >= found.commands or count == widest else number(count))
        for name, count, word in there
    ]
    columns = " ".join(f"minmax(max-content, {count}fr)" for _, count, _ in there) or "1fr"
    others = f"{number(found.acted)} of {number(found.others)}" if found.others else ""
    return OutcomeBar(where, columns, parts, others)
