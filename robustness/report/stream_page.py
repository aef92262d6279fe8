"""A model streamed over takes, on one page: the verdict, the takes with what is said, the words that fail alone, curves, errors to hear.

One file that works from disk, offline, as the report's; the same scores give the same bytes. Loads no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from markupsafe import Markup
from plotly.offline import get_plotlyjs

from robustness.report.figures import Figure
from robustness.report.packing import PackedPage, own, packed_page
from robustness.report.sections.base import MACROS, TEMPLATES, compiled
from robustness.report.stream_figures import curve_figure, hop_figure, latency_figure, pairs_table, phase_map, states_table
from robustness.report.stream_timeline import TakeSound, timeline_figure
from robustness.report.terms import with_glossary
from robustness.report.words import number, percent, plural
from robustness.streaming.advice import advice_of
from robustness.streaming.figures import StreamFigures
from robustness.streaming.pairing import PairedHits
from robustness.streaming.sentences import (
    alarms_sentence,
    failing_sentences,
    lasting,
    phases_sentence,
    repairs_sentence,
    shown,
    states_sentence,
    stream_sentence,
)
from robustness.streaming.streams import VariantStream

SCRIPTS: Final = ("figures.js", "page.js", "stream.js")
MOST_TAKES: Final = 6  # that are drawn; the figures count all
MOST_WORDS: Final = 200  # that have a sentence
FEW_WORDS: Final = 24  # whose sentences stand open
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
{% if advice %}<dl class="answers"><dt>Do</dt><dd><ol>
{% for line in advice %}<li>{{ line | spoken }}</li>{% endfor %}</ol></dd></dl>{% endif %}
{% for notice in notices %}<p class="warning">{{ notice }}</p>{% endfor %}
<section id="variants" aria-labelledby="variants-title">
<h2 id="variants-title">What is hit, missed and said wrongly</h2>
{{ table(figures) }}
{% for part in parts %}<h3>{{ part.name }}</h3>
{% for line in part.lines %}<p class="wide">{{ line | spoken }}</p>{% endfor %}
{% if part.words %}<details{% if loop.first and part.few %} open{% endif %}><summary>{{ part.count }}</summary>
<ul>{% for line in part.words %}<li>{{ line | spoken }}</li>{% endfor %}</ul></details>{% endif %}
{% endfor %}
</section>
<section id="takes" aria-labelledby="takes-title">
<h2 id="takes-title">The takes, and what {{ first }} says in them</h2>
<p class="soft wide">A stretch drawn with the mouse is enlarged, a double click shows all. A click plays what lies there: {{ plays }}</p>
{% for take in takes %}<h3>{{ take.name }}</h3>
{% if take.flac %}<p><audio id="take-{{ loop.index0 }}" controls preload="none" aria-label="{{ take.name }}"
 src="data:audio/flac;base64,{{ take.flac }}"></audio></p>{% endif %}
<p class="moves">{% for move in ("earlier", "later", "closer", "wider", "all") %}<button type="button" data-move="{{ move }}"
 data-of="{{ take.figure.id }}" aria-label="{{ move }}, {{ take.name }}">{{ move }}</button> {% endfor %}</p>
{{ figure(take.figure, take.sound) }}
{% endfor %}{% if more_takes %}<p class="soft">{{ more_takes }}</p>{% endif %}
</section>
{% if curve %}<section id="operating" aria-labelledby="operating-title">
<h2 id="operating-title">Words missed against false alarms an hour</h2>
<p class="wide">At every threshold of the plain rule, exactly. Variants are compared at equal false alarms an hour, not at equal
thresholds.</p>
{{ figure(curve) }}
{% if pairs %}<h3>The same words at equal false alarms an hour</h3>{{ table(pairs) }}{% endif %}</section>{% endif %}
{% if hops %}<section id="hop" aria-labelledby="hop-title">
<h2 id="hop-title">How often must the device answer?</h2>
{{ figure(hops) }}
{% if phases %}<h3>By hop and phase, {{ first }}</h3>{{ figure(phases) }}{% endif %}</section>{% endif %}
{% if latency %}<section id="late" aria-labelledby="late-title">
<h2 id="late-title">How late do hits come?</h2>
{{ figure(latency) }}</section>{% endif %}
{% if states %}<section id="state" aria-labelledby="state-title">
<h2 id="state-title">Does it matter what came before?</h2>
<p class="wide">{{ states_say }}</p>
{% if states.rows %}{{ table(states) }}{% endif %}</section>{% endif %}
<section id="mistakes" aria-labelledby="mistakes-title">
<h2 id="mistakes-title">Mistakes of {{ first }}, to hear</h2>
{% if mistakes %}<div class="scroll"><table><caption class="hidden">Mistakes</caption>
<thead><tr><th scope="col">take</th><th scope="col">at s</th><th scope="col">what</th><th scope="col">word</th><th scope="col">said</th>
<th scope="col">score</th><th scope="col">hear</th></tr></thead>
<tbody>{% for row in mistakes %}<tr><th scope="row">{{ row.take }}</th><td>
{%- if row.figure %}<button type="button" data-at="{{ row.at_ms }}" data-of="{{ row.figure }}"
 aria-label="show {{ row.at }} s of {{ row.take }}">{{ row.at }}</button>{% else %}{{ row.at }}{% endif %}</td>
<td>{{ row.kind }}</td><td>{{ row.word }}</td>
<td>{{ row.said }}</td><td>{{ row.score }}</td><td>{% if row.flac %}<audio id="{{ row.address }}" controls preload="none"
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
CAPTION: Final = "Figures at the first phase; latency is the median, hit at worst is at the worst phase"
HEAD: Final = (
    *("variant", "words", "hit", "missed", "wrong command", "twice", "false alarms", "in", "an hour", "95 % interval"),
    *("latency, ms", "hit at worst"),
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
    """A row of the table of errors, with its sound as FLAC in base64, or none.

    Attributes:
        place: of the take.
        time_ms: where it lies.
    """

    place: int
    time_ms: float
    take: str
    kind: str
    word: str
    said: str
    score: str
    flac: str

    @property
    def at(self) -> str:
        """In seconds."""
        return f"{self.time_ms / 1000:.2f}"

    @property
    def at_ms(self) -> str:
        """In ms."""
        return f"{self.time_ms:.0f}"

    @property
    def address(self) -> str:
        """Of its sound."""
        return f"mistake-{self.place}-{self.time_ms:.0f}"

    @property
    def figure(self) -> str:
        """The address of the figure that shows it; empty if its take is not drawn."""
        return f"timeline-{self.place}" if self.place < MOST_TAKES else ""


class RunNotes(NamedTuple):
    """What the page says of the run itself."""

    notices: Sequence[str]
    repeat: str
    pairs: Sequence[PairedHits] = ()


def stream_page(variants: Sequence[VariantStream], sounds: Sequence[TakeSound], cut: TakeCut | None, made: RunNotes) -> str:
    """The page as text.

    Args:
        variants: one or several, of the same takes.
        sounds: the takes as they sound; none where scores were given.
        cut: a stretch of a take in ms as FLAC in base64; None leaves the players out.
        made: notices, and the command that makes it again.
    """
    first, hop_ms = variants[0], variants[0].phases.hop_ms
    drawn = range(min(MOST_TAKES, len(first.scores)))
    mistakes = mistakes_of(first, cut)
    heard = {(one.place, one.time_ms): one.address for one in mistakes if one.flac}
    timelines = [timeline_figure(at, first, sounds[at] if at < len(sounds) else None, heard) for at in drawn]
    curves = _curves(variants)
    packed = _packed([*timelines, *(one for one in curves.values() if one is not None)])
    rendered = compiled(MACROS + PAGE).render(
        title=f"{first.name.partition(',')[0]}, streamed every {hop_ms:g} ms",
        scope=scope_of(variants),
        verdict=verdict_of(first),
        advice=advice_of(first),
        notices=made.notices,
        policy=packed.policy,
        style=Markup(own("style.css")),
        figures={"caption": CAPTION, "head": HEAD, "rows": [_row(one) for one in variants]},
        parts=[_part(one, said=place == 0) for place, one in enumerate(variants)],
        first=first.name,
        takes=[_take(at, one, first, sounds) for at, one in enumerate(timelines)],
        **curves,
        pairs=pairs_table(made.pairs),
        states=states_table(variants) if sounds else None,
        states_say=states_sentence(first.states, memory=first.memory),
        plays=_plays(sounds, mistakes),
        more_takes=_more_takes(len(first.scores) - len(timelines)),
        mistakes=mistakes,
        more=_more(first.phases.figures[0], len(mistakes)),
        method=_method(first),
        repeat=made.repeat,
        packed=packed.elements,
    )
    return with_glossary(rendered) + "\n"


def _curves(variants: Sequence[VariantStream]) -> dict[str, Figure | None]:
    """The figures below the takes, by their names in the page."""
    return {
        "curve": curve_figure(variants),
        "hops": hop_figure(variants),
        "phases": phase_map(variants[0]),
        "latency": latency_figure(variants),
    }


def _packed(drawn: Sequence[Figure]) -> PackedPage:
    """The scripts, and the data of the figures."""
    return packed_page([get_plotlyjs(), *(own(f"scripts/{name}") for name in SCRIPTS)], {"figures": {one.id: one.spec() for one in drawn}})


def scope_of(variants: Sequence[VariantStream]) -> list[str]:
    """What was streamed, and how."""
    first = variants[0]
    length = lasting(sum(one.duration_ms for one in first.scores) / 3_600_000)
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
    between = f"{shown(rate.low)}–{shown(rate.high)}" if figures.hours else "–"
    counts = (figures.words, figures.hits, figures.misses, figures.wrong_words, figures.repeats, figures.false_alarms)
    return [
        one.name,
        *map(number, counts),
        lasting(figures.hours),
        shown(rate.value),
        between,
        number(figures.latency_ms),
        f"{worst.hits} ({percent(worst.hit_rate)})" if worst.words else "–",
    ]


def _part(one: VariantStream, *, said: bool) -> dict[str, Any]:
    """A variant in sentences; those that the verdict has said are not said again."""
    found, hop_ms = one.repairs, one.phases.hop_ms
    lines = [] if said else verdict_of(one)
    words = failing_sentences(one.records, hop_ms, MOST_WORDS) if found.words else []
    count = f"each of {plural(found.failing + found.made, 'word that fails', 'words that fail')}, alone or streamed"
    return {"name": one.name, "lines": lines, "words": words, "count": count, "few": len(words) <= FEW_WORDS}


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
            found.append(Mistake(at, time_ms, one.scores[at].take, kind, word, said, score, flac))
    return found


def _more_takes(rest: int) -> str:
    return f"{plural(rest, 'more take')} {'is' if rest == 1 else 'are'} not drawn." if rest > 0 else ""


def _more(figures: StreamFigures, listed: int) -> str:
    rest = figures.misses + figures.wrong_commands + figures.repeats + figures.false_alarms - listed
    return f"{number(rest)} more {'is' if rest == 1 else 'are'} not listed." if rest > 0 else ""


def _plays(sounds: Sequence[TakeSound], mistakes: Sequence[Mistake]) -> str:
    if any(sound.flac for sound in sounds):
        return "a short take from there on, a mistake its own stretch."
    return (
        "the marks of mistakes that can be heard in the table below." if any(one.flac for one in mistakes) else "no sound is on this page."
    )


def _method(one: VariantStream) -> str:
    settings = ", ".join(
        f"{name} = {value:g}" if isinstance(value, float) else f"{name} = {value}"
        for name, value in one.rule.settings.items()
        if value is not None
    )
    return METHOD.format(tail=f"{one.timelines[0].tolerance_ms:g}", rule=one.rule.name, source=one.rule.source, settings=settings)
