"""How the share of good outcomes falls over the levels of each perturbation, each variant with its interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final, NamedTuple

import numpy as np
from pandas import DataFrame

from robustness.analysis.accuracy import curve, tolerance, unharmed
from robustness.conditions import FAMILIES
from robustness.report.figures import Figure, Table, Trace, color, interval_line, plain, vertical
from robustness.report.sections.base import SECTIONS, Section, SectionPart, fill
from robustness.report.sections.outcomes import cohort
from robustness.report.view import Variant, View, rows_of
from robustness.report.words import alike, level_of, listed, number, percent, plural, some_of
from robustness.run.perturbations import PerturbationFacts
from robustness.run.sounds import ConditionSounds, read_sounds

TEMPLATE = """
<p>The share of good outcomes (a command accepted, another word left alone) over {{ count }}{% if several %};
bands are 95 % intervals{% endif %}. {{ who }}
{% if draws %}Draws of one level are averaged within a recording and never count as more recordings. {% endif %}
{% if heard %}A click on a point plays “{{ heard }}” at the nearest level that is kept; so do the buttons.{% endif %}</p>
<ul class="key">
{% for v in variants %}
<li><svg width="34" height="10" aria-hidden="true">
<line x1="0" y1="5" x2="34" y2="5" stroke="{{ color(v.mark) }}" stroke-width="2" stroke-dasharray="{{ dashes[v.mark % 6] }}"/>
</svg>{{ v.short }}</li>
{% endfor %}
{% if cohorts %}<li><svg width="34" height="10" aria-hidden="true">
<line x1="0" y1="5" x2="34" y2="5" stroke="var(--soft)" stroke-dasharray="1 3"/></svg>
only recordings that lose no speech at any level</li>{% endif %}
</ul>
{% for family in families %}
<h3>{{ family.title }}</h3>
<div class="panels small">
{% for f in family.panels %}<div>{{ figure(f.figure) }}
{% if f.sounds %}<p class="plays">{% for s in f.sounds %}
<button class="play" data-hear="{{ f.figure.id }}" data-level="{{ s.level }}" aria-label="{{ f.figure.title }}, {{ s.text }}">
{{- "▶ " ~ s.text }}</button>
{% endfor %}</p>{% endif %}
{% for line in f.says %}<p class="soft">{{ line }}</p>{% endfor %}</div>
{% endfor %}
</div>
{% endfor %}
"""

CURVE: Final = "curve-"  # how the address of a curve's figure begins
TITLES: Final = {
    "placement": "Where the word lies",
    "time": "Time and pitch",
    "level": "Level",
    "noise": "Noise",
    "room": "Rooms and distance",
    "microphone": "Microphones",
    "channel": "Codecs and links",
    "mask": "Gaps",
    "history": "What sounded before",
    "scene": "Scenes",
}
NEAR: Final = 1e-4  # of the largest level: a level that is reached so exactly needs no sentence
BAR: Final = 0.9  # the share of good outcomes that tolerances to a shift are given at
STROKES: Final = ("none", "7 4", "2 3", "7 3 2 3", "11 4", "11 4 2 4")


class LevelSound(NamedTuple):
    """A level that can be heard: the number, as it stands in the page's data, and in words."""

    level: float
    text: str


@dataclass(frozen=True)
class Panel:
    """One curve's figure, the sentences below it, and which levels can be heard."""

    figure: Figure
    says: list[str]
    cohort: bool
    family: str = ""
    sounds: tuple[LevelSound, ...] = ()


class FamilyPanels(NamedTuple):
    """The curves of a family, as small multiples."""

    title: str
    panels: list[Panel]


@SECTIONS.register
@dataclass(frozen=True)
class Curves(Section):
    """Good outcomes over the grid of every perturbation that has one."""

    name: ClassVar[str] = "curves"
    title: ClassVar[str] = "Curves"
    order: ClassVar[int] = 40

    def part(self, view: View) -> SectionPart | None:
        """A panel for each perturbation."""
        if not view.labelled:
            return None
        kinds = sorted((kind for kind in view.kinds.values() if not kind.placements), key=_order)
        kept = read_sounds(view.run.evidence)
        panels = [panel for kind in kinds if (panel := _panel(view, kind.name, kept))]
        if not panels:
            return None
        html = fill(
            TEMPLATE,
            count=plural(view.labelled, "recording"),
            who=cohort(view),
            several=len(set(view.speakers.values())) != 1 if view.speakers else True,
            draws=any(kind.draws > 1 for kind in view.kinds.values()),
            variants=view.variants,
            color=color,
            dashes=STROKES,
            cohorts=any(panel.cohort for panel in panels),
            families=by_family(panels),
            heard="" if kept is None else view.recordings.loc[kept.recording, "name"],
        )
        sounds = {} if kept is None else {panel.figure.id: _heard(panel, kept) for panel in panels if panel.sounds}
        return SectionPart(html, tuple(panel.figure for panel in panels), {"sounds": sounds} if sounds else {})


def by_family(panels: list[Panel]) -> list[FamilyPanels]:
    """The panels under a heading for each family, in the order in which they come."""
    found: dict[str, list[Panel]] = {}
    for panel in panels:
        found.setdefault(panel.family, []).append(panel)
    return [FamilyPanels(TITLES.get(family, family or "other"), some) for family, some in found.items()]


def _heard(panel: Panel, kept: ConditionSounds) -> list[dict[str, Any]]:
    """The sounds of a panel as the page's script takes them."""
    name = panel.figure.id.removeprefix(CURVE)
    return [{"level": one.level, "sound": one.sound} for one in kept.of(name)]


def _order(kind: PerturbationFacts) -> tuple[bool, int, str]:
    """The shifts of the atlas first, then by family, in a family by name."""
    return (not kind.leads, FAMILIES.index(kind.family) if kind.family in FAMILIES else len(FAMILIES), kind.name)


def _panel(view: View, name: str, kept: ConditionSounds | None = None) -> Panel | None:
    """The figure of one perturbation from the reference placement, padded with zeros."""
    rows = view.trials.under(perturbation=name, placement=view.reference, fill="zeros")
    rows = rows[~rows["level"].isin([float("inf"), float("-inf")])]
    rows = view.movable(rows) if view.kinds[name].moves else rows
    count = int(rows.loc[rows["label"].notna(), "recording"].nunique())
    points = curve(rows, speakers=view.speakers)
    if points.empty or points["level"].nunique() < 2:
        return None
    whole = unharmed(rows)
    part = 0 < len(whole) < count
    beside = curve(rows, whole, view.speakers) if part else points.iloc[:0]
    says = ([_cohort_says(len(whole), count)] if len(whole) < count else []) + _mixing_says(view, name)
    says += [f"{plural(len(view.stuck), 'recording')} that cannot be moved left out."] if view.stuck and view.kinds[name].moves else []
    says += _tolerance_says(view, points) if view.kinds[name].leads else []
    unit, sounds = view.kinds[name].unit, [] if kept is None else kept.of(name)
    heard = tuple(LevelSound(one.level, level_of(one.level, unit)) for one in sounds)
    return Panel(_figure(view, name, points, beside), says, not beside.empty, view.kinds[name].family, heard)


def _figure(view: View, name: str, points: DataFrame, beside: DataFrame) -> Figure:
    kind = view.kinds[name]
    data = [trace for variant in view.variants for trace in _lines(variant, points, beside, kind.unit)]
    layout = {
        "xaxis": {"title": {"text": f"{kind.axis}, {kind.unit}"}},
        "yaxis": {"range": [-0.02, 1.03], "tickformat": ".0%", "dtick": 0.25},
        "shapes": [vertical(kind.neutral)] if kind.leads else [],
    }
    return Figure(
        f"{CURVE}{name}", name.replace("-", " "), _sentence(view, name, points), data, layout, _table(view, name, points, beside), 200
    )


def _lines(variant: Variant, points: DataFrame, beside: DataFrame, unit: str) -> list[Trace]:
    """A variant's share with its band, and dotted that of the recordings that lose no speech."""
    mine = points[points["variant"] == variant.name].sort_values("level")
    hover = [plain(f"{variant.short}, {level_of(p.level, unit)}: {percent(p.value)} ({_ends(p)})") for p in rows_of(mine)]
    lines = interval_line(list(mine["level"]), mine, variant.mark, hover)
    whole = beside[beside["variant"] == variant.name].sort_values("level")
    if not whole.empty:
        line = {"color": color(variant.mark), "dash": "dot", "width": 1.2}
        there = {"x": list(whole["level"]), "y": [round(v, 4) for v in whole["value"]]}
        lines.append({"type": "scatter", "mode": "lines", **there, "line": line, "hoverinfo": "skip"})
    return lines


def _ends(point: Any) -> str:
    return "–" if point.low != point.low else f"{number(100 * point.low)}–{number(100 * point.high)} %"


def _sentence(view: View, name: str, points: DataFrame) -> str:
    unit, parts = view.kinds[name].unit, []
    for variant in view.variants:
        mine = sorted(rows_of(points[points["variant"] == variant.name]), key=lambda p: p.value)
        ends = [f"{percent(p.value)} at {level_of(p.level, unit)}" for p in (mine[-1], mine[0])]
        parts.append(f"{variant.short} from {ends[0]} down to {ends[1]}")
    return f"Good outcomes over {view.kinds[name].axis}, {name.replace('-', ' ')}: {'; '.join(parts)}."


def _table(view: View, name: str, points: DataFrame, beside: DataFrame) -> Table:
    kind = view.kinds[name]
    shorts = {variant.name: variant.short for variant in view.variants}
    cohort_of = {(p.variant, p.level): f"{percent(p.value)} of {number(p.total)}" for p in rows_of(beside)}
    digits = 0 if kind.draws == 1 else 1
    rows = []
    for p in rows_of(points.sort_values(["level", "variant"])):
        counted = [number(p.right, digits), str(p.total), percent(p.value), _ends(p)]
        beside_it = [cohort_of[p.variant, p.level]] if cohort_of else []
        rows.append([level_of(p.level, kind.unit), shorts[p.variant], *counted, *beside_it])
    caption = f"Good outcomes by {kind.axis}; {plural(kind.draws, 'draw')} a recording"
    head = ["level", "variant", "good", "recordings", "share", "95 % interval"]
    return Table(caption, [*head, *(["lose no speech"] if cohort_of else [])], rows)


def _cohort_says(whole: int, count: int) -> str:
    if not whole:
        return f"Each of the {plural(count, 'recording')} loses speech at one of these levels at least: there is no dotted line."
    return f"{some_of(whole, count, 'recording', 'loses', 'lose')} no speech at any of these levels: the dotted line is theirs alone."


def _mixing_says(view: View, name: str) -> list[str]:
    """How many windows were scaled back, and how near the level reached is to the one asked; nothing if none was and it is the same."""
    kind = view.kinds[name]
    if kind.family == "placement":
        return []
    columns = ["variant", "level", "clipped", "measured"]
    rows = view.of(view.first, view.run.trials(columns=columns, perturbation=name))
    rows = rows[np.isfinite(rows["level"])]
    clipped = int(rows["clipped"].sum())
    said = f"{number(clipped)} of {plural(len(rows), 'window')} went above full scale and were scaled back"
    off = float((rows["measured"] - rows["level"]).abs().max())
    if not clipped and not off > NEAR * max(map(abs, kind.levels)):
        return []
    return [f"{said}; the level reached is within {off:.2g} {kind.unit} of the one asked." if off == off else f"{said}."]  # noqa: PLR0124


def _tolerance_says(view: View, points: DataFrame) -> list[str]:
    """How far all recordings can be shifted while the share stays at the bar."""
    said: dict[str, str] = {}
    for variant in view.variants:
        found = tolerance(points[points["variant"] == variant.name], BAR)
        if found.early is None or found.late is None:
            said[variant.short] = f"under {percent(BAR)} are good even without a shift."
        else:
            ends = f"from {number(found.early)} to +{number(found.late)} ms"
            said[variant.short] = f"at least {percent(BAR)} stay good {ends}, on this grid."
    return [f"{listed(names)}: {text}" for text, names in alike(said).items()]
