"""What would another threshold give? Commands accepted against other words acted on, at every threshold, with the card's own marked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from markupsafe import Markup

from robustness.report.drawing import PlotFrame, PlotPoint, round_ticks, text
from robustness.report.figures import Table
from robustness.report.problems import BEGINS, at_placement, verdict_of
from robustness.report.remedies import AtThreshold, thresholds
from robustness.report.sections.base import SECTIONS, Section, SectionPart, fill
from robustness.report.view import View
from robustness.report.words import number, percent, plural

TEMPLATE = """
<p class="wide">Counted anew from the winning label and its probability in each answer, at every twentieth; the threshold of the card is
marked. A threshold does not change what the network answers, only what the device does with it.</p>
<div class="panels">
{% for panel in panels %}<figure id="{{ panel.id }}">{{ panel.drawing }}<figcaption>{{ panel.caption }}</figcaption>
<details class="behind"><summary>the numbers</summary>{{ table(panel.table) }}</details></figure>{% endfor %}
</div>
"""
SIZE: Final = (520, 210)


@dataclass(frozen=True)
class ThresholdPanel:
    """The trade-off at one placement."""

    id: str
    drawing: Markup
    caption: str
    table: Table


@SECTIONS.register
@dataclass(frozen=True)
class Threshold(Section):
    """The trade-off over thresholds, at the reference and where most is lost."""

    name: ClassVar[str] = "threshold"
    title: ClassVar[str] = "Threshold"
    order: ClassVar[int] = 43

    def part(self, view: View) -> SectionPart | None:
        """A panel a placement; None where no threshold of one number decides."""
        point = view.first.point
        if not view.labelled or point.own or not point.contest or not at_placement(view, view.reference).commands:
            return None
        places = [view.reference]
        places += [problem.placement for problem in verdict_of(view).problems if problem.placement]
        return SectionPart(fill(TEMPLATE, panels=[_panel(view, place) for place in dict.fromkeys(places)]))


def _panel(view: View, place: str) -> ThresholdPanel:
    rows = view.placed[view.placed["placement"] == place]
    found = sorted(thresholds(view, rows))
    there = at_placement(view, place)
    where = BEGINS[place].replace("when the word", "word")
    caption = f"{where[0].upper()}{where[1:]}: commands accepted, of {number(there.commands)} (line)"
    caption += f"; other words acted on, of {number(there.others)} (dotted)" if there.others else ""
    head = ["threshold", "commands accepted", "other words acted on"]
    body = [[percent(one.threshold), number(one.accepted), number(one.acted)] for one in found]
    drawing = _drawn(found, there.commands, there.others, view.first.point.threshold)
    return ThresholdPanel(f"threshold-{place}", drawing, caption + ".", Table(f"What each threshold gives: {where}", head, body))


def _drawn(found: list[AtThreshold], commands: int, others: int, now: float | None) -> Markup:
    xs = [100 * one.threshold for one in found]
    frame = PlotFrame(*SIZE, (xs[0], xs[-1]), (0, max(1, commands)))
    parts = [frame.ticks(round_ticks(*frame.x, 9), round_ticks(0, frame.y[1]), "threshold, %")]
    if others:
        parts.append(frame.line(xs, [min(one.acted, frame.y[1]) for one in found], "acted"))
    parts.append(frame.line(xs, [one.accepted for one in found], "variant v0"))
    ends = [f"{number(one.accepted)} at {percent(one.threshold)}" for one in (found[0], found[-1])]
    if now is not None:
        nearest = min(found, key=lambda one: abs(one.threshold - now))
        parts.append(frame.dot(100 * now, nearest.accepted, "mark"))
        spot = frame.at(100 * now, nearest.accepted)
        parts.append(text(PlotPoint(spot.x - 8, spot.y - 9), f"now {number(100 * now)} %: {number(nearest.accepted)}", "name end"))
    return frame.drawn(f"Of {plural(commands, 'command')} {'is' if commands == 1 else 'are'} accepted: {' and '.join(ends)}.", *parts)
