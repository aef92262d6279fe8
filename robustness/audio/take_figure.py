"""What a take looks like with the words that were found in it: the tutorial's picture.

Times are seconds from the take's start, levels dBFS. The waveform is drawn as its least and greatest sample in each 10 ms, so
that the page stays small and no peak is lost. The page is one file that needs no network, and has no clock and no random id.
"""

from __future__ import annotations

import html
from typing import Final

import numpy as np
from plotly import graph_objects
from plotly.subplots import make_subplots

from robustness.audio.segmentation import Samples, Segmentation

BIN_MS: Final = 10.0
# Okabe & Ito's colours: told apart by the colour-blind.
WAVE: Final = "#0072b2"
WORD_LINE: Final = "#d55e00"
EDGE_LINE: Final = "#009e73"
WORD_BAND: Final = "rgba(230,159,0,0.32)"
CUT_BAND: Final = "rgba(230,159,0,0.13)"
STYLE: Final = (
    "body{font:16px/1.45 system-ui,sans-serif;margin:1.5rem auto;max-width:1200px;padding:0 1rem;color:#1b1b1b;background:#fff}"
    "table{border-collapse:collapse}td,th{padding:.1rem .8rem;text-align:right}td:first-child,th:first-child{text-align:left}"
)


def take_page(take: Segmentation) -> str:
    """One HTML page: waveform and level over time, with words, cuts and thresholds, and a table of the words."""
    drawing = take_figure(take).to_html(
        full_html=False, include_plotlyjs=True, div_id="take", config={"displaylogo": False, "responsive": True}
    )
    heading = html.escape(f"{take.name}: {len(take.words)} word{'' if len(take.words) == 1 else 's'}")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<meta name="viewport" content="width=device-width">\n'
        f"<title>{heading}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{heading}</h1>\n<p>{_told(take)}</p>\n"
        f"{drawing}\n{_table(take)}\n</main>\n</body>\n</html>\n"
    )


def _told(take: Segmentation) -> str:
    hearing, settings = take.hearing, take.detector
    return (
        f"The pauses of the take lie at {hearing.pause_dbfs:.1f} dBFS and its peak at {hearing.peak_dbfs:.1f} dBFS. A word must reach "
        f"{hearing.word_dbfs(settings):.1f} dBFS, and begins and ends at {hearing.edge_dbfs(settings):.1f} dBFS; it lasts at least "
        f"{settings.min_word_ms:g} ms, and gaps under {settings.min_pause_ms:g} ms lie inside it. Dark bands are the words found, light "
        "bands what went into their files."
    )


def _table(take: Segmentation) -> str:
    rows = (
        f"<tr><td>{html.escape(label)}</td><td>{word.start_ms / 1000:.2f}–{word.end_ms / 1000:.2f}</td><td>{word.duration_ms:.0f}</td>"
        f"<td>{cut.end_ms - cut.start_ms:.0f}</td><td>{word.level_dbfs:.1f}</td></tr>"
        for label, word, cut in zip(take.labels, take.words, take.cuts, strict=True)
    )
    head = "".join(f"<th scope=col>{name}</th>" for name in ("word", "where, s", "word, ms", "file, ms", "loudest, dBFS"))
    return f"<table><tr>{head}</tr>{''.join(rows)}</table>"


def take_figure(take: Segmentation) -> graph_objects.Figure:
    """The drawing of `take_page`, as a figure: waveform above, level below."""
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.04)
    _draw_waveform(figure, take)
    _draw_levels(figure, take)
    figure.update_layout(
        shapes=_bands(take),
        annotations=_names(take),
        height=620,
        template="plotly_white",
        margin={"t": 60, "r": 10},
        legend={"orientation": "h", "y": -0.12},
    )
    figure.update_xaxes(title_text="time, s", row=2, col=1)
    figure.update_yaxes(title_text="waveform, full scale ±1", row=1, col=1)
    figure.update_yaxes(title_text="level, dBFS", row=2, col=1)
    return figure


def _draw_waveform(figure: graph_objects.Figure, take: Segmentation) -> None:
    seconds, low, high = _envelope(take.samples, take.hearing.duration_ms)
    outline = {"x": [*seconds, *seconds[::-1]], "y": [*high, *low[::-1]], "fill": "toself", "hoverinfo": "skip"}
    figure.add_scatter(**outline, mode="lines", line={"width": 0.5, "color": WAVE}, showlegend=False, row=1, col=1)


def _draw_levels(figure: graph_objects.Figure, take: Segmentation) -> None:
    levels = take.hearing.levels_dbfs
    seconds = np.round(np.arange(len(levels)) * take.hearing.hop_ms / 1000, 3).tolist()
    figure.add_scatter(
        x=seconds, y=np.round(levels, 1).tolist(), mode="lines", line={"width": 1, "color": WAVE}, name="level", row=2, col=1
    )
    reached, edge = take.hearing.word_dbfs(take.detector), take.hearing.edge_dbfs(take.detector)
    for name, level, colour, dash in (("a word reaches", reached, WORD_LINE, "dash"), ("begins and ends at", edge, EDGE_LINE, "dot")):
        line = {"width": 1.5, "dash": dash, "color": colour}
        figure.add_scatter(x=[0, seconds[-1]], y=[level, level], mode="lines", line=line, name=f"{name} {level:.1f} dBFS", row=2, col=1)


def _envelope(samples: Samples, duration_ms: float) -> tuple[list[float], list[float], list[float]]:
    """Times in s, and the least and greatest sample of each bin from there."""
    starts = np.linspace(0, len(samples), max(1, round(duration_ms / BIN_MS)), endpoint=False).astype(int)
    seconds = starts / len(samples) * duration_ms / 1000
    low, high = np.minimum.reduceat(samples, starts), np.maximum.reduceat(samples, starts)
    return np.round(seconds, 3).tolist(), np.round(low.astype(float), 4).tolist(), np.round(high.astype(float), 4).tolist()


def _bands(take: Segmentation) -> list[dict[str, object]]:
    spans = [(cut.start_ms, cut.end_ms, CUT_BAND) for cut in take.cuts] + [(word.start_ms, word.end_ms, WORD_BAND) for word in take.words]
    shape = {"type": "rect", "xref": "x", "yref": "paper", "y0": 0, "y1": 1, "line": {"width": 0}, "layer": "below"}
    return [shape | {"x0": start / 1000, "x1": end / 1000, "fillcolor": colour} for start, end, colour in spans]


def _names(take: Segmentation) -> list[dict[str, object]]:
    place = {"xref": "x", "yref": "paper", "y": 1.0, "yanchor": "bottom", "showarrow": False, "textangle": -45}
    centers = [(word.start_ms + word.end_ms) / 2000 for word in take.words]
    return [place | {"x": center, "text": html.escape(label)} for label, center in zip(take.labels, centers, strict=True)]
