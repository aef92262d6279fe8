"""How one explanation becomes one HTML file that works from disk, offline: a map that switches, sounds, segments, trust.

Looks and scripts are the report's, with a template, a style and a script of its own. Every name is escaped by jinja2, data in JSON too; the
same explanation gives the same bytes.
"""

from __future__ import annotations

import base64
import io
from dataclasses import asdict
from importlib.resources import files
from typing import Any, Final

import numpy as np
import soundfile
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from robustness.explanations.explanation import Explanation, MapRow
from robustness.explanations.sounds import COUNTERPART, HEARD, ONLY, WITHOUT, Sound
from robustness.inspector.wording import (
    METHODS,
    answer_text,
    inspector_scope,
    inspector_title,
    method_facts,
    opening,
    segment_table,
    shown_of,
    target_facts,
    tested_in_words,
    trust_facts,
    trust_table,
)
from robustness.report.cards.layers import followed
from robustness.report.figures import frequency_ticks, packed, packed_range, packed_signed
from robustness.report.map_figure import MEL, OVER
from robustness.report.packing import own, packed_page
from robustness.report.sections.base import MACROS, compiled
from robustness.report.terms import with_glossary

RADIOS: Final = """
{%- macro radios(name, legend, choices) -%}
<fieldset><legend>{{ legend }}</legend>
{% for choice in choices %}<label title="{{ choice.get("title") or "" }}">
<input type="radio" name="{{ name }}" value="{{ choice.value }}"{% if loop.first %} checked{% endif %}> {{ choice.text }}</label>
{% endfor %}</fieldset>
{%- endmacro -%}
"""
PLAYERS: Final = {
    HEARD: "What the model was given",
    ONLY: "Only the top 10 % of the evidence",
    WITHOUT: "Everything but it",
    COUNTERPART: "The same recording where it is accepted",
}
LISTENING: Final = (
    "The strongest tenth of the map chosen above, for and against, kept alone or taken out: its cells are scaled on the magnitude of the "
    "STFT, with the phase as it was. Under each sound is what every variant answers to it."
)


def inspector_page(found: Explanation, repeat: str = "", *, audio: bool = True, report: str = "") -> str:
    """The page as text.

    Args:
        found: what is known.
        repeat: the command that makes it again.
        audio: whether the sounds are on it; voices are personal data.
        report: the address of the report's page from this page, if it lies in a run.
    """
    players = [name for name in PLAYERS if name != COUNTERPART or found.question.counterpart is not None]
    shown = shown_of(found)
    scripts = [get_plotlyjs(), own("scripts/figures.js"), _text("inspector.js")]
    packed = packed_page(scripts, {"figures": {}, "inspector": inspector_data(found, players, audio=audio)})
    names = list(dict.fromkeys(row.cost.method for row in found.rows))
    rendered = compiled(MACROS + RADIOS + _text("inspector.html")).render(
        title=inspector_title(found),
        scope=inspector_scope(found),
        opening=opening(found, report).html,
        policy=packed.policy,
        style=Markup(own("style.css") + "\n" + _text("inspector.css")),
        targets=[{"value": name, "text": fact["text"]} for name, fact in target_facts(found).items()],
        methods=[{"value": name, "text": name.replace("-", " "), "title": METHODS.get(name)} for name in names],
        shown=[{"value": i, "text": one["text"]} for i, one in enumerate(shown)],
        listening=LISTENING,
        players=[{"id": name, "title": PLAYERS[name]} for name in players],
        audio=audio,
        segments=segment_table(found),
        followed=followed(found.following, {name: name for name in found.question.classifiers}),
        trust=trust_table(found),
        method=method_facts(found),
        repeat=repeat,
        packed=packed.elements,
    )
    return with_glossary(rendered) + "\n"


def inspector_data(found: Explanation, players: list[str], *, audio: bool) -> dict[str, Any]:
    """What the script needs."""
    question, axes = found.question, found.axes
    spans = list(question.subject.speech_ms(question.here.lead_ms))
    return {
        **asdict(axes),
        "mel": packed_range(found.arrays["log_mel"]),
        "ticks": frequency_ticks(axes.band_hz),
        "recording_ms": list(question.subject.recording_ms(question.here.lead_ms)),
        "speech_ms": spans,
        "targets": target_facts(found),
        "shown": shown_of(found),
        "scales": (scales := scales_of(found)),
        "over": OVER,
        "grey": MEL,
        "maps": {row.key: _map(found, row, scales[row.cost.method]) for row in found.rows},
        "segments": _segments(found),
        "players": players,
        "sounds": {sound.key: _sound(found, sound, audio=audio) for sound in found.sounds},
    }


def plain_row(row: MapRow) -> dict[str, object]:
    """A map's row with the name of its array, and what its tests gave in words: `figures`."""
    tests = row.checks.tests
    return {**row.plain(), "key": row.key, "figures": None if tests is None else tested_in_words(tests)}


def scales_of(found: Explanation) -> dict[str, dict[str, float]]:
    """The largest |value| of each method's maps and differences, of the map and of its marginals: one scale for what is compared."""
    scales: dict[str, dict[str, float]] = {}
    variants = list(found.question.classifiers)
    for name, arrays in (("map", found.arrays), ("strip", found.strips), ("bar", found.bars)):
        for row in found.rows:
            here = scales.setdefault(row.cost.method, {}).get(name, 0.0)
            mine = np.abs(arrays[row.key]).max()
            base = f"{row.cost.method}/{variants[0]}/{row.cost.target}"
            gap = np.abs(arrays[row.key] - arrays[base]).max() if base in arrays else 0.0
            scales[row.cost.method][name] = max(here, float(mine), float(gap))
    return {method: {name: most or 1.0 for name, most in sizes.items()} for method, sizes in scales.items()}


def _map(found: Explanation, row: MapRow, scale: dict[str, float]) -> dict[str, Any]:
    key = row.key
    return {
        "key": key,
        "map": packed_signed(found.arrays[key], scale["map"]),
        "strip": packed_signed(found.strips[key], scale["strip"]),
        "bar": packed_signed(found.bars[key], scale["bar"]),
        "top": packed(found.tops[key].astype(np.float32), low=0.0, step=1.0),
        "row": asdict(trust_facts(row)),
    }


def _segments(found: Explanation) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    for (variant, target), rows in found.segments.groupby(["variant", "target"], sort=False):
        edges = [float(rows["start_ms"].iloc[0]), *map(float, rows["end_ms"])]
        first = rows.iloc[0]
        parts[f"{variant}/{target}"] = {
            "edges": edges,
            "baseline": float(first["baseline"]),
            "value": float(first["value"]),
            "shares": [round(float(share), 6) for share in rows["share"]],
        }
    return parts


def _sound(found: Explanation, sound: Sound, *, audio: bool) -> dict[str, Any]:
    told = [{"text": answer_text(variant, answer), "right": answer.right} for variant, answer in sound.answers.items()]
    return {"answers": told} | ({"src": f"data:audio/wav;base64,{wave_of(found, sound)}"} if audio else {})


def wave_of(found: Explanation, sound: Sound) -> str:
    """A sound as a 16-bit WAV in base64; scaled where it goes over full scale, as masking may make it."""
    samples = sound.samples.float().numpy()
    peak = float(np.abs(samples).max(initial=0.0))
    buffer = io.BytesIO()
    soundfile.write(buffer, samples / max(1.0, peak), found.question.first.frame.rate_hz, format="WAV", subtype="PCM_16")
    return base64.b64encode(buffer.getvalue()).decode()


def _text(name: str) -> str:
    return files("robustness.inspector").joinpath(name).read_text(encoding="utf-8").strip("\n")
