"""The figures of a card that compare: two variants' maps, segment by segment, and what the place does to the evidence.

The figures of a failure card: what was heard, which part of it spoke for what, and the margin against the lead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from robustness.report.cards.noise import against_noise
from robustness.report.figures import (
    WRONG_TO_RIGHT,
    Figure,
    Table,
    Trace,
    band,
    frequency_ticks,
    packed_range,
    packed_signed,
    plain,
    stroke,
    vertical,
)
from robustness.report.map_figure import Scale, overlaid, scale_of
from robustness.report.view import Variant, View, rows_of
from robustness.report.words import number, percent, signed
from robustness.run.damage import inside, read_arrays, read_sound
from robustness.run.evidence import FailureCard, LeadSteps, MapDifference, SegmentValues, VariantAnswer


def compared_figures(card: CardFigures) -> list[Figure]:
    """Differences of maps, values of segments, the counterpart, the ladder: those that the run has."""
    return [*(_difference(card, d) for d in _differences(card)), *_segments(card), *_ladder(card)]


def _difference(card: CardFigures, found: MapDifference) -> Figure:
    """One variant's map minus the float one's, by the same method."""
    name = f"{found.method}, {card.short(found.of)} minus {card.short(found.against)}"
    return overlaid(card, found.key, name, scale_of(card.arrays, [found.key]))


def _differences(card: CardFigures) -> list[MapDifference]:
    return [d for d in card.facts.differences if d.key in card.arrays]


def _segments(card: CardFigures) -> list[Figure]:
    """Exact Shapley values of tenths of the window: each variant against silence, the worst one against its counterpart."""
    facts, other = card.facts.segments, card.facts.donor
    if not facts:
        return []
    edges, data, rows = facts.edges_ms, [], {}
    for variant in card.view.variants:
        if variant.name in facts.values:
            data.append(_steps(edges, facts.values[variant.name], f"{variant.short} against silence", stroke(variant.mark)["line"]))
            rows[f"{variant.short} against silence"] = facts.values[variant.name]
    if other:
        name = f"{card.short(other.variant)} against where it is accepted"
        data.append(_steps(other.edges_ms, other.values, name, {"color": "var(--wrong)", "width": 1.5, "dash": "dashdot"}))
        rows[name] = other.values
    layout, sums = card.time_layout() | {"yaxis": {"title": {"text": "logits"}, "zeroline": True}, "showlegend": False}, _sums(card, facts)
    table = Table(
        f"What each segment adds to the margin, in logits; rows sum to {sums}",
        ["against", *(f"{number(low)}–{number(high)} ms" for low, high in pairwise(edges))],
        [[name, *(signed(value, 2) for value in values)] for name, values in rows.items()],
    )
    sentence = f"Exact Shapley values by segment; they sum to {sums}."
    return [Figure(f"{card.id}-segments", "segments, exact Shapley values; hover names the line", sentence, data, layout, table, HEIGHT)]


def _sums(card: CardFigures, facts: SegmentValues) -> str:
    """What the values of each line sum to."""
    other = card.facts.donor
    sums = [f"{signed(change, 2)} ({card.short(name)} against silence)" for name, change in facts.change.items()]
    return ", ".join([*sums, *([f"{signed(other.change, 2)} (against where it is accepted)"] if other else [])])


def _steps(edges: Sequence[float], values: Sequence[float], name: str, line: dict[str, Any]) -> Trace:
    x = [edge for low, high in pairwise(edges) for edge in (low, high)]
    y = [round(value, 4) for value in values for _ in range(2)]
    hover = f"%{{x}} ms: %{{y:.2f}} logits, {name}<extra></extra>"
    return {"type": "scatter", "mode": "lines", "x": x, "y": y, "line": line, "name": name, "hovertemplate": hover}


def _ladder(card: CardFigures) -> list[Figure]:
    """Time strips from the wrong place to the right one, one under another."""
    facts = card.facts.ladder
    if not facts or facts.key not in card.arrays:
        return []
    strips, leads, right = card.arrays[facts.key], facts.leads_ms, facts.right
    largest = float(facts.max_abs)
    tried_sizes = zip(leads, right, facts.margins, strict=True)
    marks = [f"{number(lead)} {'✓' if ok else '✗'} {signed(margin, 1)}" for lead, ok, margin in tried_sizes]
    heat: Trace = {
        "type": "heatmap",
        "z": packed_signed(np.asarray(strips), largest),
        "x0": 0,
        "dx": card.facts.hop_ms,
        "zmin": -largest,
        "zmax": largest,
        "colorscale": WRONG_TO_RIGHT,
        "showscale": False,
        "ygap": 2,
        "hovertemplate": "%{x} ms: %{z:.2g} logits<extra></extra>",
    }
    axis = {"tickvals": list(range(len(leads))), "ticktext": marks, "autorange": "reversed", "showgrid": False, "tickfont": {"size": 10}}
    layout = {
        "xaxis": {"title": {"text": "ms"}, "range": [0, card.facts.window_ms], "showgrid": False},
        "yaxis": axis,
        "shapes": [_flip(at + 0.5) for at, (above, below) in enumerate(pairwise(right)) if above != below],
        "margin": {"t": 6, "l": 84, "r": 4, "b": 36},
    }
    flips = [leads[i + 1] for i, (a, b) in enumerate(pairwise(right)) if a != b]
    flipped = (
        f"the answer turns at a lead of {', '.join(number(ms) for ms in flips)} ms" if flips else "the answer does not turn on the way"
    )
    target = card.facts.target
    what = f"{target.label} over {target.rival}, ±{largest:.2g}"
    title = f"evidence by lead, {card.short(facts.variant)}: {what}; the line marks the flip"
    sentence = f"Time strips by occlusion at each lead, from the wrong place to the right one: {flipped}."
    table = Table("Margin and answer by lead", ["lead", "margin, logits", "answer"], _rows(facts))
    return [Figure(f"{card.id}-strips", title, sentence, [heat], layout, table, HEIGHT)]


def _rows(facts: LeadSteps) -> list[list[str]]:
    each = zip(facts.leads_ms, facts.margins, facts.right, strict=True)
    return [[f"{number(lead)} ms", signed(margin, 1), "right" if ok else "wrong"] for lead, margin, ok in each]


def _flip(y: float) -> dict[str, Any]:
    line = {"color": "var(--right)", "width": 2}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "yref": "y", "y0": y, "y1": y, "line": line}


ENVELOPE_MS: Final = 4.0  # a waveform is drawn as its extremes in stretches of this length
BLOCK_MS: Final = 100.0  # of the tables behind pictures
OCTAVES_HZ: Final = (0.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0, 24000.0)
HEIGHT: Final = 236
WAVE_SHARE: Final = 0.18  # of the height, above the log-mel

Picture = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class CardFigures:
    """A failure's evidence, and its arrays and sound as they lie in the run folder."""

    view: View
    facts: FailureCard

    @property
    def id(self) -> str:
        """Its address."""
        return self.facts.id

    @cached_property
    def answers(self) -> list[tuple[Variant, VariantAnswer]]:
        """What each variant answers here, in the page's order."""
        found = self.facts.variants
        return [(variant, found[variant.name]) for variant in self.view.variants if variant.name in found]

    @cached_property
    def arrays(self) -> dict[str, Picture]:
        """Log-mel and maps, [bands frames] each."""
        return read_arrays(self.view.run.path, f"evidence/{self.facts.arrays}")

    @property
    def sound(self) -> Path | None:
        """What the model heard, where sounds were kept."""
        return None if self.facts.sound is None else inside(self.view.run.path, f"evidence/{self.facts.sound}")

    def figures(self) -> list[Figure]:
        """Every figure of the card, in order."""
        found = [self.heard()]
        for method in self.facts.methods:
            keys = [f"{method.name}/{variant}" for variant in method.variants]
            there = [key for key in keys if key in self.arrays]
            scale = scale_of(self.arrays, there) if there else None
            found += [self.map(method.name, key.split("/", 1)[1], scale) for key in there if scale]
        margins = self.ladder() if self.view.at_a_place(self.facts.condition) else against_noise(self.view, self.id, self.facts)
        return [*found, *([margins] if margins else [])]

    def heard(self) -> Figure:
        """Waveform and log-mel of what the model heard."""
        facts, mel = self.facts, self.arrays["log_mel"]
        time = {"x0": 0, "dx": facts.hop_ms}
        scale = {
            "colorscale": "Viridis",
            "colorbar": {"thickness": 8, "outlinewidth": 0, "title": {"text": "dB", "side": "right"}, "nticks": 5},
        }
        heat = {
            "type": "heatmap",
            "z": packed_range(mel),
            **time,
            **scale,
            "hovertemplate": "%{x} ms: %{z:.0f} dB<extra></extra>",
            "name": "",
        }
        top = 1.0 - WAVE_SHARE - 0.03 if self.sound else 1.0
        layout = self.time_layout() | {"yaxis": {"domain": [0, top], **self.bands_axis(), "title": {"text": "Hz"}, "showgrid": False}}
        data: list[Trace] = [heat]
        if self.sound:
            data.append(_envelope(*read_sound(self.view.run.path, f"evidence/{self.facts.sound}")))
            quiet = {"showticklabels": False, "ticks": "", "showgrid": False, "domain": [1 - WAVE_SHARE, 1]}
            layout["yaxis2"] = quiet
        title = "what the model was given: waveform and log-mel" if self.sound else "what the model was given: log-mel (no sound was kept)"
        speech, recording = (" to ".join(map(number, span)) for span in (facts.speech_ms, facts.recording_ms))
        sentence = f"Log-mel of {facts.word}: speech from {speech} ms, padding outside {recording} ms."
        return Figure(f"{self.id}-heard", title, sentence, data, layout, self.blocks(mel, "dB"), HEIGHT)

    def short(self, variant: str) -> str:
        """A variant's name as the page has it."""
        return next((v.short for v in self.view.variants if v.name == variant), variant)

    def map(self, method: str, variant: str, scale: Scale) -> Figure:
        """One attribution map on a scale centered on zero; what it failed stands on its face."""
        box = (self.facts.trust or {}).get(f"{method}/{variant}")
        failed = box.failed if box else ()
        warning = f" · FAILS ITS CHECKS: {'; '.join(failed)}" if failed else ""
        return overlaid(self, f"{method}/{variant}", f"{method.replace('-', ' ')}, {self.short(variant)}", scale, warning)

    def address_of(self, key: str) -> str:
        """An address for a map: its method, and the variant's own slug where it is one variant's."""
        slugs, (method, variant) = {v.name: v.slug for v in self.view.variants}, key.split("/", 1)
        return f"{self.id}-{method}-{'-minus-'.join(slugs.get(name, 'x') for name in variant.split('-minus-'))}"

    def ladder(self) -> Figure | None:
        """The outcome margin against the lead, with the lead that brings it back marked; None where the run has none."""
        view, facts = self.view, self.facts
        rows = view.atlas[view.atlas["recording"] == facts.recording]
        if rows["outcome_margin"].isna().all():
            return None
        data: list[Trace] = []
        for variant in view.variants:
            mine = view.of(variant, rows).sort_values("level")
            heard = [f"{row.predicted} {percent(row.p_predicted)}, outcome margin {signed(row.outcome_margin, 1)}" for row in rows_of(mine)]
            hover = [plain(f"{variant.short}, lead {number(lead)} ms: {text}") for lead, text in zip(mine["level"], heard, strict=True)]
            line = {"type": "scatter", "mode": "lines", "x": list(mine["level"]), "y": [round(float(m), 3) for m in mine["outcome_margin"]]}
            data.append(line | {"text": hover, "hovertemplate": "%{text}<extra></extra>", "line": stroke(variant.mark)["line"]})
        return self._ladder_figure(data, rows)

    def _ladder_figure(self, data: list[Trace], rows: Any) -> Figure:
        facts = self.facts
        slack = facts.window_ms - (facts.recording_ms[1] - facts.recording_ms[0])
        first, last = float(rows["level"].min()), float(rows["level"].max())
        wrong = [answer.restored_at_ms for _, answer in self.answers if answer.wrong]
        flip = next((ms for ms in wrong if ms is not None), None)
        here = facts.offset_ms
        zero = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": 0, "y1": 0, "line": {"color": "var(--ink)", "width": 1}}
        shapes = [band(first, 0.0), band(max(0.0, slack), last), zero, vertical(here, dash="dot")]
        notes = [{**_note(here, "here"), "xanchor": "right"}]
        if flip is not None:
            shapes.append(vertical(flip, dash="solid", ink="var(--right)", width=2))
            notes.append({**_note(flip, f"good at {number(flip)} ms"), "xanchor": "left", "font": {"color": "var(--right)", "size": 11}})
        layout = {
            "margin": {"t": 22, "l": 40, "r": 8, "b": 38},
            "xaxis": {"title": {"text": "lead, ms from the window’s start"}, "range": [first, last]},
            "yaxis": {"title": {"text": "outcome margin, log-odds"}},
            "shapes": shapes,
            "annotations": notes,
        }
        said = "restored nowhere" if flip is None else f"good at a lead of {number(flip)} ms"
        sentence = f"Outcome margin of {facts.target.label} against the lead: bad at {number(here)} ms, {said}."
        return Figure(
            f"{self.id}-ladder",
            "outcome margin against the lead; grey: the recording is cut",
            sentence,
            data,
            layout,
            self._steps(rows),
            HEIGHT,
        )

    def _steps(self, rows: Any) -> Table:
        round_leads = rows[rows["level"] % 50 == 0]
        said = [f"{row.predicted} {signed(row.outcome_margin, 1)}" for row in rows_of(round_leads)]
        cells = dict(reversed([*zip(zip(round_leads["level"], round_leads["variant"], strict=True), said, strict=True)]))
        leads = sorted(set(round_leads["level"]))
        body = [[f"{number(lead)} ms", *(cells[lead, variant.name] for variant in self.view.variants)] for lead in leads]
        return Table("Answer and outcome margin by lead, every 50 ms", ["lead", *(v.short for v in self.view.variants)], body)

    def time_layout(self) -> dict[str, Any]:
        """The time axis, with the speech span and the padding marked."""
        facts = self.facts
        start, end = facts.recording_ms
        shapes = [band(0.0, start)] if start > 0 else []
        shapes += [band(end, facts.window_ms)] if end < facts.window_ms else []
        shapes += [vertical(ms, dash="dash", width=1.2) for ms in facts.speech_ms if 0 <= ms <= facts.window_ms]
        return {
            "xaxis": {"title": {"text": "ms"}, "range": [0, facts.window_ms], "showgrid": False},
            "shapes": shapes,
            "margin": {"t": 6, "l": 44, "r": 4, "b": 36},
        }

    def bands_axis(self) -> dict[str, Any]:
        """The frequency axis, which counts bands."""
        return {**frequency_ticks(self.facts.band_hz), "range": [-0.5, len(self.facts.band_hz) - 0.5]}

    def blocks(self, array: Picture, unit: str) -> Table:
        """A picture as means over octaves and tenths of a second."""
        hertz, hop = np.asarray(self.facts.band_hz), self.facts.hop_ms
        wide = max(1, round(BLOCK_MS / hop))
        rows = []
        for low, high in pairwise(OCTAVES_HZ):
            bands = array[(hertz >= low) & (hertz < high)]
            if len(bands):
                means = [bands[:, i : i + wide].mean() for i in range(0, array.shape[1] - 1, wide)]
                rows.append([f"{number(low)}–{number(high)} Hz", *(number(float(m), 0 if unit == "dB" else 2) for m in means)])
        head = ["band", *(f"{number(i * hop)} ms" for i in range(0, array.shape[1] - 1, wide))]
        return Table(f"Means in {unit}, by band and every {number(wide * hop)} ms", head, rows)


def _note(x: float, text: str) -> dict[str, Any]:
    return {"x": x, "y": 1, "yref": "paper", "yanchor": "bottom", "text": text, "showarrow": False, "font": {"size": 11}}


def _envelope(rate_hz: int, samples: NDArray[np.float64]) -> Trace:
    """The extremes of a sound in short stretches, as a filled outline on the second axis."""
    size = max(1, round(rate_hz * ENVELOPE_MS / 1000))
    whole = samples[: len(samples) // size * size].reshape(-1, size)
    peak = max(1e-9, float(np.abs(samples).max()))
    times = [round((i + 0.5) * ENVELOPE_MS, 1) for i in range(len(whole))]
    outline = [*np.round(whole.max(1) / peak, 3).tolist(), *np.round(whole.min(1) / peak, 3)[::-1].tolist()]
    style = {"fill": "toself", "fillcolor": "var(--soft)", "line": {"width": 0}, "mode": "lines", "hoverinfo": "skip"}
    return {"type": "scatter", "x": [*times, *times[::-1]], "y": outline, "yaxis": "y2", **style}
