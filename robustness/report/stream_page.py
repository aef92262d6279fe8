"""A model streamed over takes, on one page: the verdict, the takes with what is said, the words that fail alone, curves, errors to hear.

One file that works from disk, offline, as the report's; the same scores give the same bytes. Loads no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from markupsafe import Markup
from plotly.offline import get_plotlyjs

from robustness.report.figures import Figure
from robustness.report.packing import own, packed_page
from robustness.report.sections.base import MACROS, TEMPLATES
from robustness.report.stream_figures import TakeSound, curve_figure, hop_figure, timeline_figure
from robustness.report.terms import with_glossary
from robustness.report.words import number, percent, plural
from robustness.streaming.figures import StreamFigures
from robustness.streaming.sentences import alarms_sentence, failing_sentences, phases_sentence, repairs_sentence, stream_sentence
from robustness.streaming.streams import VariantStream

SCRIPTS: Final = ("figures.js", "page.js")
MOST_TAKES: Final = 6  # that are drawn; the figures count all
MOST_WORDS: Final = 200  # that have a sentence
MOST_PLAYERS: Final = 40
MOST_MISTAKES: Final = 500  # rows of the table; the counts above it are of all
BEFORE_MS: Final = 1500.0  # heard before a mistake
AFTER_MS: Final = 300.0
TakeCut = Callable[[int, float, float], str]

PAGE: Final = """{% include "head" %}
<body>
<a class="skip" href="#main">Skip to the verdict</a>
<header>
<h1>{{ title }}</h1>
<p class="scope">{{ scope | join(" · ") }}</p>
</header>
<main id="main">
<p class="lead">{{ verdict[0] | spoken }}</p>
{% for line in verdict[1:] %}<p class="wide">{{ line | spoken }}</p>{% endfor %}
{% for notice in notices %}<p class="warning">{{ notice }}</p>{% endfor %}
<section id="variants" aria-labelledby="variants-title">
<h2 id="variants-title">What is hit, missed and said wrongly</h2>
{{ table(figures) }}
{% for part in parts %}<h3>{{ part.name }}</h3>
{% for line in part.lines %}<p class="wide">{{ line | spoken }}</p>{% endfor %}
{% if part.words %}<details{% if loop.first %} open{% endif %}><summary>{{ part.count }}</summary>
<ul>{% for line in part.words %}<li>{{ line | spoken }}</li>{% endfor %}</ul></details>{% endif %}
{% endfor %}
</section>
<section id="takes" aria-labelledby="takes-title">
<h2 id="takes-title">The takes, and what {{ first }} says in them</h2>
{% for take in takes %}<h3>{{ take.name }}</h3>
{% if take.flac %}<p><audio id="take-{{ loop.index0 }}" controls preload="none" aria-label="{{ take.name }}"
 src="data:audio/flac;base64,{{ take.flac }}"></audio> A click on the figure plays from there; a stretch drawn with the mouse is enlarged, a
double click shows all.</p>{% endif %}
{{ figure(take.figure, take.sound) }}
{% endfor %}
</section>
{% if curve %}<section id="operating" aria-labelledby="operating-title">
<h2 id="operating-title">Words missed against false alarms an hour</h2>
<p class="wide">At every threshold of the plain rule, exactly. Variants are compared at equal false alarms an hour, not at equal
thresholds.</p>
{{ figure(curve) }}</section>{% endif %}
{% if hops %}<section id="hop" aria-labelledby="hop-title">
<h2 id="hop-title">How often must the device answer?</h2>
{{ figure(hops) }}</section>{% endif %}
<section id="mistakes" aria-labelledby="mistakes-title">
<h2 id="mistakes-title">Mistakes of {{ first }}, to hear</h2>
{% if mistakes %}<div class="scroll"><table><caption class="hidden">Mistakes</caption>
<thead><tr><th scope="col">take</th><th scope="col">at s</th><th scope="col">what</th><th scope="col">word</th><th scope="col">said</th>
<th scope="col">score</th><th scope="col">hear</th></tr></thead>
<tbody>{% for row in mistakes %}<tr><th scope="row">{{ row.take }}</th><td>{{ row.at }}</td><td>{{ row.kind }}</td><td>{{ row.word }}</td>
<td>{{ row.said }}</td><td>{{ row.score }}</td><td>{% if row.flac %}<audio controls preload="none"
 aria-label="{{ row.kind }} at {{ row.at }} s" src="data:audio/flac;base64,{{ row.flac }}"></audio>{% endif %}</td></tr>
{% endfor %}</tbody></table></div>
{% if more %}<p class="soft">{{ more }}</p>{% endif %}{% else %}<p>It makes none at the first phase.</p>{% endif %}
</section>
<section id="method" aria-labelledby="method-title">
<h2 id="method-title">How it was counted</h2>
<p class="wide">{{ method }}</p>
<pre class="command"><code>{{ repeat }}</code></pre>
</section>
</main>
{{ packed }}
</body>
</html>
"""
HEAD: Final = (
    *("variant", "words", "hit", "missed", "wrong command", "twice", "false alarms", "hours", "an hour", "95 % interval"),
    *("median latency in ms", "hit at the worst phase"),
)
METHOD: Final = (
    "An answer stands at the end of its window. Detections and words are matched one to one, as many as can be: a detection can be of a "
    "word from the word's start to {tail} ms after its end. A wrong command is another command during a word of the vocabulary; a false "
    "alarm is a command outside of every such word, and its hours are those in which one can come; their interval is that of a Poisson "
    "count (Garwood 1936). Latency is from the word's end. The rule is {rule} ({source}), with {settings}. A word fails in a single window "
    "if its outcome is bad at the start, in the center or at the end of a window of zeros."
)


def spoken(text: str) -> Markup:
    """A sentence with its words in backticks as quoted ones, escaped."""
    parts = text.split("`")
    return Markup("").join(Markup("<b>{}</b>").format(part) if place % 2 else part for place, part in enumerate(parts))


TEMPLATES.filters["spoken"] = spoken


class Mistake(NamedTuple):
    """A row of the table of errors, with its sound as FLAC in base64, or none."""

    take: str
    at: str
    kind: str
    word: str
    said: str
    score: str
    flac: str


class RunNotes(NamedTuple):
    """What the page says of the run itself."""

    notices: Sequence[str]
    repeat: str


def stream_page(variants: Sequence[VariantStream], sounds: Sequence[TakeSound], cut: TakeCut | None, made: RunNotes) -> str:
    """The page as text.

    Args:
        variants: one or several, of the same takes.
        sounds: the takes as they sound; none where scores were given.
        cut: a stretch of a take in ms as FLAC in base64; None leaves the players out.
        made: notices, and the command that makes it again.
    """
    first, hop_ms = variants[0], variants[0].phases.hop_ms
    shown = range(min(MOST_TAKES, len(first.scores)))
    timelines = [timeline_figure(at, first, sounds[at] if at < len(sounds) else None) for at in shown]
    curve, hops = curve_figure(variants), hop_figure(variants)
    drawn = [*timelines, *(one for one in (curve, hops) if one is not None)]
    packed = packed_page(
        [get_plotlyjs(), *(own(f"scripts/{name}") for name in SCRIPTS)], {"figures": {one.id: one.spec() for one in drawn}}
    )
    mistakes = mistakes_of(first, cut)
    total = sum(figures.misses + figures.wrong_commands + figures.repeats + figures.false_alarms for figures in first.phases.figures[:1])
    rendered = TEMPLATES.from_string(MACROS + PAGE).render(
        title=f"{first.name.partition(',')[0]}, streamed every {hop_ms:g} ms",
        scope=scope_of(variants),
        verdict=verdict_of(first),
        notices=made.notices,
        policy=packed.policy,
        style=Markup(own("style.css")),
        figures={"caption": "Figures at the first phase", "head": HEAD, "rows": [_row(one) for one in variants]},
        parts=[_part(one, said=place == 0) for place, one in enumerate(variants)],
        first=first.name,
        takes=[_take(at, one, first, sounds) for at, one in enumerate(timelines)],
        curve=curve,
        hops=hops,
        mistakes=mistakes,
        more=f"{number(total - len(mistakes))} more are not listed." if total > len(mistakes) else "",
        method=_method(first),
        repeat=made.repeat,
        packed=packed.elements,
    )
    return with_glossary(rendered) + "\n"


def scope_of(variants: Sequence[VariantStream]) -> list[str]:
    """What was streamed, and how."""
    first = variants[0]
    hours = sum(one.duration_ms for one in first.scores) / 3_600_000
    length = f"{hours:.2f} h" if hours >= 0.1 else f"{hours * 3600:.0f} s"
    phases = plural(len(first.phases.matchings), "phase")
    return [f"{plural(len(first.scores), 'take')}, {length}", f"rule {first.rule.name}", f"H = {first.phases.hop_ms:g} ms, {phases}"]


def verdict_of(one: VariantStream) -> list[str]:
    """Whether fragility is harmless when the model runs many times a second: the answer first, then what it rests on."""
    figures, found = one.phases.figures[0], one.repairs
    parts = [stream_sentence(figures), phases_sentence(one.phases), alarms_sentence(figures)]
    if found.words:
        harmless = not found.made and found.repaired == found.failing
        answer = "Fragility in a single window is harmless here" if harmless else "Fragility in a single window is not harmless here"
        parts = [f"{answer}: {repairs_sentence(found, one.phases.hop_ms, one.phases.step_ms)}", *parts]
    return [part for part in parts if part]


def _row(one: VariantStream) -> list[str]:
    figures: StreamFigures = one.phases.figures[0]
    worst, rate = one.phases.figures[one.phases.worst], figures.rate
    between = f"{number(rate.low, 2)}–{number(rate.high, 2)}" if figures.hours else "–"
    counts = (figures.words, figures.hits, figures.misses, figures.wrong_words, figures.repeats, figures.false_alarms)
    return [
        one.name,
        *map(number, counts),
        number(figures.hours, 3),
        number(rate.value, 2),
        between,
        number(figures.latency_ms),
        f"{worst.hits} ({percent(worst.hit_rate)})" if worst.words else "–",
    ]


def _part(one: VariantStream, *, said: bool) -> dict[str, Any]:
    """A variant in sentences; those that the verdict has said are not said again."""
    found, hop_ms = one.repairs, one.phases.hop_ms
    lines = [] if said else verdict_of(one)
    words = failing_sentences(one.records, hop_ms, MOST_WORDS) if found.words else []
    return {"name": one.name, "lines": lines, "words": words, "count": f"each of {plural(len(words), 'word')}"}


def _take(at: int, figure: Figure, one: VariantStream, sounds: Sequence[TakeSound]) -> dict[str, Any]:
    flac = sounds[at].flac if at < len(sounds) else ""
    return {"name": one.scores[at].take, "figure": figure, "flac": flac, "sound": f"take-{at}" if flac else ""}


def mistakes_of(one: VariantStream, cut: TakeCut | None) -> list[Mistake]:
    """The errors at the first phase in order of time, the first of them with their sounds."""
    found: list[Mistake] = []
    for at, matching in enumerate(one.phases.matchings[0]):
        words = matching.timeline.words
        rows = [(words[place].end_ms, "missed", words[place].label, "–", "–") for place in matching.missed]
        for heard in matching.heard:
            if heard.kind != "hit":
                word = "–" if heard.word is None else words[heard.word].label
                rows.append((heard.detection.time_ms, heard.kind, word, heard.detection.label, f"{heard.detection.score:.2f}"))
        for time_ms, kind, word, said, score in sorted(rows)[: MOST_MISTAKES - len(found)]:
            after = AFTER_MS if kind != "missed" else BEFORE_MS / 2
            flac = cut(at, time_ms - BEFORE_MS, time_ms + after) if cut is not None and len(found) < MOST_PLAYERS else ""
            found.append(Mistake(one.scores[at].take, f"{time_ms / 1000:.2f}", kind, word, said, score, flac))
    return found


def _method(one: VariantStream) -> str:
    settings = ", ".join(
        f"{name} = {value:g}" if isinstance(value, float) else f"{name} = {value}"
        for name, value in one.rule.settings.items()
        if value is not None
    )
    return METHOD.format(tail=f"{one.timelines[0].tolerance_ms:g}", rule=one.rule.name, source=one.rule.source, settings=settings)
