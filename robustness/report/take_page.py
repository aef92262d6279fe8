"""A long take with the words that were found in it, on one page: are they the words that were said? Loads no torch.

The tutorial's picture: waveform and level over time with the words and the cuts, and a table in which each word can be heard.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any, Final, NamedTuple

from markupsafe import Markup
from plotly.offline import get_plotlyjs

from robustness.report.figures import Figure, FloatArray, Trace, packed, plain
from robustness.report.opening import Opening
from robustness.report.packing import own, packed_page
from robustness.report.sections.base import MACROS, compiled
from robustness.report.words import listed, number, plural

SCRIPTS: Final = ("figures.js", "page.js")
PAGE: Final = """{% include "head" %}
<body>
<a class="skip" href="#main">Skip to what was found</a>
<header>
<h1>{{ title }}</h1>
<p class="scope">{{ scope | join(" · ") }}</p>
</header>
<main id="main">
{{ opening }}
<section id="picture" aria-labelledby="picture-title">
<h2 id="picture-title">Where they were found</h2>
<p class="wide">{{ told }}</p>
{{ figure(drawing) }}
</section>
<section id="words" aria-labelledby="words-title">
<h2 id="words-title">Each word, to hear</h2>
<div class="scroll" tabindex="0" role="group" aria-label="the words"><table><caption class="hidden">The words of the take</caption>
<thead><tr>{% for name in head %}<th scope="col">{{ name }}</th>{% endfor %}</tr></thead>
<tbody>{% for row in rows %}<tr><th scope="row">{{ row.label }}</th>{% for cell in row.cells %}<td>{{ cell }}</td>{% endfor %}
<td>{% if row.flac %}<audio controls preload="none" aria-label="{{ row.label }}, {{ row.at }}"
 src="data:audio/flac;base64,{{ row.flac }}"></audio>{% endif %}</td></tr>
{% endfor %}</tbody></table></div>
</section>
</main>
{{ packed }}
</body>
</html>
"""
HEAD: Final = ("word", "where, s", "word, ms", "file, ms", "loudest, dBFS", "file", "hear")


class CutWord(NamedTuple):
    """A word of a take, and what went into its file.

    Attributes:
        label: as it was given.
        start_ms: where it begins in the take.
        end_ms: where it ends.
        cut_start_ms: where its file begins in the take.
        cut_end_ms: where it ends.
        level_dbfs: its loudest frame.
        file: the file's name.
        odd: whether it is much shorter or longer than the usual word.
        flac: the file's sound in base64; empty leaves the player out.
    """

    label: str
    start_ms: float
    end_ms: float
    cut_start_ms: float
    cut_end_ms: float
    level_dbfs: float
    file: str
    odd: bool = False
    flac: str = ""

    @property
    def duration_ms(self) -> float:
        """From its beginning to its end."""
        return self.end_ms - self.start_ms


class CutTake(NamedTuple):
    """A take as the page shows it.

    Attributes:
        name: of the take.
        duration_ms: of it.
        low: the smallest sample of each of some equal stretches, full scale ±1.
        high: the largest.
        levels_dbfs: the level over time, in equal steps from the beginning to the end.
        pause_dbfs: the level of its pauses.
        peak_dbfs: its highest.
        word_dbfs: what a word must reach.
        edge_dbfs: where it begins and ends.
        min_word_ms: how long it must last.
        min_pause_ms: a shorter gap lies inside it.
        words: in order.
    """

    name: str
    duration_ms: float
    low: FloatArray
    high: FloatArray
    levels_dbfs: FloatArray
    pause_dbfs: float
    peak_dbfs: float
    word_dbfs: float
    edge_dbfs: float
    min_word_ms: float
    min_pause_ms: float
    words: Sequence[CutWord]


def take_page(take: CutTake) -> str:
    """The page as text; the same take gives the same bytes."""
    drawing = take_figure(take)
    scripts = [get_plotlyjs(), *(own(f"scripts/{name}") for name in SCRIPTS)]
    made = packed_page(scripts, {"figures": {drawing.id: drawing.spec()}})
    levels = [f"{name} {number(level, 1)} dBFS" for name, level in (("pauses at", take.pause_dbfs), ("peak", take.peak_dbfs))]
    rendered = compiled(MACROS + PAGE).render(
        title=f"{take.name}: {plural(len(take.words), 'word')}",
        scope=[f"a take of {number(take.duration_ms / 1000, 1)} s", *levels],
        opening=opening_of(take.words).html,
        told=_told(take),
        drawing=drawing,
        head=HEAD,
        rows=[_row(word) for word in take.words],
        policy=made.policy,
        style=Markup(own("style.css")),
        packed=made.elements,
    )
    return rendered + "\n"


def opening_of(words: Sequence[CutWord]) -> Opening:
    """Whether a word stands out, and what to do: only a listener knows whether these are the words that were said."""
    typical = median(word.duration_ms for word in words)
    odd = [word for word in words if word.odd]
    found = f"As many words were found as were given: {number(len(words))}."
    then = "Then give the folder to robustness report with a model card."
    if not odd:
        first = f"Listen down the table: a word missed and a noise taken for a word leave the count as it was. {then}"
        return Opening("none", "WORDS FOUND", f"{found} None is much shorter or longer than the others.", first)
    names = listed([f"{word.label} ({number(word.duration_ms)} ms)" for word in odd])
    stand, them = ("stands", "it") if len(odd) == 1 else ("stand", "them")
    first = f"Listen to {them} first: a piece of a word or two words in one shift all names after {them}. {then}"
    return Opening("found", "LISTEN FIRST", f"{found} By length {names} {stand} out from the usual {number(typical)} ms.", first)


def take_figure(take: CutTake) -> Figure:
    """Waveform above, level below, with the words, what went into their files, and the detector's two levels."""
    layout: dict[str, Any] = {
        "shapes": _bands(take),
        "annotations": _names(take),
        "showlegend": True,
        "legend": {"orientation": "h", "y": -0.14},
        "margin": {"l": 52, "r": 10, "t": 52, "b": 38},
        "dragmode": "zoom",
        "xaxis": {"anchor": "y2", "fixedrange": False, "range": [0, take.duration_ms / 1000], "title": {"text": "time, s"}},
        "yaxis": {"domain": [0.52, 1.0], "title": {"text": "waveform"}},
        "yaxis2": {"domain": [0.0, 0.47], "title": {"text": "level, dBFS"}},
    }
    sentence = f"{take.name}: waveform and level over {number(take.duration_ms / 1000, 1)} s with {plural(len(take.words), 'word')}"
    return Figure("take", "", sentence, [*_waveform(take), *_levels(take)], layout, height=520)


def _waveform(take: CutTake) -> list[Trace]:
    step_s = take.duration_ms / 1000 / len(take.low)
    shared = {"type": "scatter", "mode": "lines", "x0": step_s / 2, "dx": step_s, "hoverinfo": "skip", "showlegend": False}
    line = {"color": "var(--variant-0)", "width": 0.5}
    low, high = (packed(values, low=0.0, step=1 / 127, kind="i1") for values in (take.low, take.high))
    return [{**shared, "y": low, "line": line}, {**shared, "y": high, "line": line, "fill": "tonexty", "fillcolor": "var(--variant-0)"}]


def _levels(take: CutTake) -> list[Trace]:
    step_s = take.duration_ms / 1000 / len(take.levels_dbfs)
    level = {"type": "scatter", "mode": "lines", "x0": 0, "dx": step_s, "y": packed(take.levels_dbfs, low=0.0, step=0.1, kind="i2")}
    traces: list[Trace] = [{**level, "name": "level", "line": {"color": "var(--variant-0)", "width": 1}, "yaxis": "y2", "hoverinfo": "y"}]
    ends = [0, take.duration_ms / 1000]
    for name, height, ink, dash in (
        ("a word reaches", take.word_dbfs, "var(--wrong)", "dash"),
        ("begins and ends at", take.edge_dbfs, "var(--variant-2)", "dot"),
    ):
        line = {"color": ink, "width": 1.5, "dash": dash}
        shown = f"{name} {number(height, 1)} dBFS"
        traces.append({"type": "scatter", "mode": "lines", "x": ends, "y": [height] * 2, "line": line, "name": shown, "yaxis": "y2"})
    return traces


def _bands(take: CutTake) -> list[dict[str, Any]]:
    shape = {"type": "rect", "xref": "x", "yref": "paper", "y0": 0, "y1": 1, "line": {"width": 0}, "layer": "below"}
    cuts = [shape | {"x0": one.cut_start_ms / 1000, "x1": one.cut_end_ms / 1000, "fillcolor": "var(--veil)"} for one in take.words]
    return cuts + [shape | {"x0": one.start_ms / 1000, "x1": one.end_ms / 1000, "fillcolor": "var(--veil)"} for one in take.words]


def _names(take: CutTake) -> list[dict[str, Any]]:
    place = {"xref": "x", "yref": "paper", "y": 1.0, "yanchor": "bottom", "showarrow": False, "textangle": -45}
    return [place | {"x": (one.start_ms + one.end_ms) / 2000, "text": plain(one.label)} for one in take.words]


def _told(take: CutTake) -> str:
    return (
        f"A word must reach {number(take.word_dbfs, 1)} dBFS, and begins and ends at {number(take.edge_dbfs, 1)} dBFS; it lasts at least "
        f"{take.min_word_ms:g} ms, and gaps under {take.min_pause_ms:g} ms lie inside it. Dark bands are the words found, light bands what "
        "went into their files. A stretch drawn with the mouse is enlarged, a double click shows all."
    )


def _row(word: CutWord) -> dict[str, Any]:
    where = f"{number(word.start_ms / 1000, 2)}–{number(word.end_ms / 1000, 2)}"
    lengths = (number(word.duration_ms), number(word.cut_end_ms - word.cut_start_ms))
    return {"label": word.label, "at": where, "cells": [where, *lengths, number(word.level_dbfs, 1), word.file], "flac": word.flac}
