"""A take on the page: its waveform, the words, the commands' probabilities and what is said, over time. Loads no torch.

Long lines are not drawn as a whole: they are tiles, packed arrays of even steps, of which the browser draws what is seen at a scale that
fits (scripts/stream.js).
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from robustness.report.figures import DASHES, Figure, FloatArray, Trace, color, packed, plain
from robustness.report.words import plural
from robustness.streaming.matching import Matching, MatchKind
from robustness.streaming.streams import VariantStream

MINUTE_MS: Final = 60_000.0
LEAST_SHOWN: Final = 0.1  # a label that never reaches this has no trace
MOST_LABELS: Final = 12
MOST_ANSWERS: Final = 400_000  # of a page in all its lines; beyond, each piece is the largest of several answers
KINDS: Final[dict[MatchKind, tuple[str, str]]] = {
    "hit": ("circle", "var(--right)"),
    "repeat": ("circle-open", "var(--right)"),
    "wrong command": ("x", "var(--wrong)"),
    "false alarm": ("triangle-up", "var(--wrong)"),
}
MARKS: Final[dict[str, tuple[str, str]]] = {**{str(kind): mark for kind, mark in KINDS.items()}, "missed": ("line-ns-open", "var(--wrong)")}
Sounds = dict[tuple[int, float], str]  # the address of the sound of a mark, by take and time


class TakeSound(NamedTuple):
    """How a take sounds, for the page.

    Attributes:
        name: of the take.
        duration_ms: of it.
        low: the smallest sample of each of some equal stretches.
        high: the largest.
        flac: all of it in base64, where it is short; else empty.
    """

    name: str
    duration_ms: float
    low: FloatArray
    high: FloatArray
    flac: str = ""


def timeline_figure(at: int, one: VariantStream, sound: TakeSound | None, sounds: Sounds) -> Figure:
    """A take: its waveform, the words, the commands' probabilities and what is said, over time."""
    scores, matching = one.scores[at], one.phases.matchings[0][at]
    heard = {time: address for (take, time), address in sounds.items() if take == at}
    data = [*(_waveform(sound) if sound else []), *_words(matching), *_posteriors(one, at), *_detections(matching, heard)]
    layout = {
        "dragmode": "zoom",
        "showlegend": True,
        "legend": {"orientation": "h", "y": -0.22},
        "xaxis": {
            "fixedrange": False,
            "range": [0, scores.duration_ms],
            "title": {"text": "time in the take, in seconds" if scores.duration_ms < MINUTE_MS else "time in the take"},
        },
        "yaxis": {"domain": [0.0, 0.58], "range": [-0.02, 1.14], "title": {"text": "probability"}},
        "yaxis2": {"domain": [0.64, 1.0], "range": [-1.4, 1.0], "showticklabels": False, "ticks": "", "title": {"text": "take"}},
    }
    sentence = (
        f"{scores.take}: {plural(len(matching.timeline.words), 'word')} and {plural(len(matching.heard), 'detection')} over "
        f"{scores.duration_ms / 1000:.0f} s"
    )
    return Figure(f"timeline-{at}", "", sentence, data, layout, height=380)


def _waveform(sound: TakeSound) -> list[Trace]:
    largest = float(max(np.abs(sound.low).max(initial=0.0), np.abs(sound.high).max(initial=0.0))) or 1.0
    step = sound.duration_ms / len(sound.low)
    ends = {name: packed(values / largest, low=0.0, step=1 / 127, kind="i1") for name, values in (("low", sound.low), ("high", sound.high))}
    tile = {"step_ms": step, "first_ms": step / 2, **ends}
    line = {"color": "var(--soft)", "width": 1}
    shown = {"line": line, "yaxis": "y2", "hoverinfo": "skip", "showlegend": False, "tile": tile}
    return [{"type": "scatter", "mode": "lines", "name": "waveform", **shown}]


def _words(matching: Matching) -> list[Trace]:
    """A bar under the waveform for every word, with the word at its middle."""
    xs: list[float | None] = []
    for word in matching.timeline.words:
        xs += [round(word.start_ms, 1), round(word.end_ms, 1), None]
    bar = {"type": "scatter", "mode": "lines", "name": "words", "x": xs, "y": [None if x is None else -1.1 for x in xs], "yaxis": "y2"}
    middles = [round((word.start_ms + word.end_ms) / 2, 1) for word in matching.timeline.words]
    text = {
        "type": "scatter",
        "mode": "text" if len(middles) <= 60 else "markers",
        "x": middles,
        "y": [-1.27] * len(middles),
        "text": [plain(word.label) for word in matching.timeline.words],
        "marker": {"size": 4, "color": "var(--ink)"},
        "textfont": {"size": 10, "color": "var(--ink)"},
        "hovertemplate": "%{text}<extra></extra>",
        "yaxis": "y2",
        "showlegend": False,
    }
    return [bar | {"line": {"color": "var(--ink)", "width": 4}, "hoverinfo": "skip"}, text]


def _posteriors(one: VariantStream, at: int) -> list[Trace]:
    """The commands' probabilities at the first phase, those of them that reach something."""
    scores = one.scores[at].every(len(one.phases.matchings))
    places = [place for place in np.flatnonzero(scores.acts).tolist() if scores.values[:, place].max() >= LEAST_SHOWN]
    places = sorted(places, key=lambda place: -float(scores.values[:, place].sum()))[:MOST_LABELS]
    most = MOST_ANSWERS // max(1, len(places) * len(one.scores))
    every = -(-len(scores) // most)
    traces = []
    for mark, place in enumerate(sorted(places)):
        values = np.maximum.reduceat(scores.values[:, place], np.arange(0, len(scores), every))
        tile = {"step_ms": scores.step_ms * every, "first_ms": float(scores.times_ms[0])}
        line = {"color": color(mark), "dash": DASHES[mark % len(DASHES)], "width": 1.2}
        label = plain(scores.labels[place])
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": label,
                "tile": tile | {"high": packed(values.astype(float), low=0.0, step=1 / 255)},
                "line": line,
                "hovertemplate": f"{label} %{{y:.2f}} at %{{x:.0f}} ms<extra></extra>",
            }
        )
    return traces


def _detections(matching: Matching, sounds: dict[float, str]) -> list[Trace]:
    marks = {
        kind: [
            (one.detection.time_ms, f"{kind}: {plain(one.detection.label)}, {one.detection.score:.2f}") for one in matching.of_kind(kind)
        ]
        for kind in KINDS
    }
    words = [matching.timeline.words[place] for place in matching.missed]
    named = [*marks.items(), ("missed", [(word.end_ms, f"missed: {plain(word.label)}") for word in words])]
    return [_marks(kind, mine, sounds) for kind, mine in named if mine]


def _marks(kind: str, marks: list[tuple[float, str]], sounds: dict[float, str]) -> Trace:
    symbol, ink = MARKS[kind]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": kind,
        "x": [round(time, 1) for time, _ in marks],
        "y": [1.08] * len(marks),
        "text": [text + (", click to hear" if time in sounds else "") for time, text in marks],
        "customdata": [sounds.get(time, "") for time, _ in marks],
        "marker": {"symbol": symbol, "size": 9, "color": ink, "line": {"color": ink}},
        "hovertemplate": "%{text}<extra></extra>",
    }
