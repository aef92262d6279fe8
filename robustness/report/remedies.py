"""What can be done about it, and what does each remedy reach? From the answers of the run alone: a remedy is told with its number.

Where the word may lie, what another threshold would give, what training would have to learn. Loads no torch.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from markupsafe import Markup
from pandas import DataFrame

from robustness.analysis.outcomes import FALSE_ACCEPT, LEFT_ALONE
from robustness.report.lead_counts import LeadCounts, LeadRange
from robustness.report.problems import KNOWN, PageVerdict, Problem, at_placement
from robustness.report.view import View
from robustness.report.words import NO_BREAK, PLACES, listed, number, percent, plural

THRESHOLDS: Final = tuple(round(0.05 * step, 2) for step in range(19, 3, -1))  # 0.95 … 0.2
MOST_STEPS: Final = 3  # leads on the way to the best, that are told


class AtThreshold(NamedTuple):
    """What one threshold gives in some rows: counts of recordings."""

    threshold: float
    accepted: int
    acted: int


def remedies(view: View, verdict: PageVerdict, counts: LeadCounts | None) -> list[Markup]:
    """What to do, the cheapest first; each with what it reaches on these recordings."""
    if verdict.kind != "found":
        return []
    placement = next((problem for problem in verdict.problems if problem.placement), None)
    found = []
    if placement is not None and counts is not None:
        found += [line for line in (pre_roll(counts, counts.best(), placement), shifts(view, counts)) if line]
    found += [line for line in (threshold_line(view, placement),) if line]
    noisy = [problem.name for problem in verdict.problems if problem.name in view.grids or problem.name.replace(" ", "-") in view.grids]
    if noisy:
        found.append(
            Markup("Train with {}, then run this on the new model: <code>robustness compare</code> says what it gains.").format(
                listed(noisy)
            )
        )
    return found


def pre_roll(counts: LeadCounts, best: LeadRange | None, placement: Problem) -> Markup | None:
    """Where to begin listening, so that most commands are accepted; None where no lead is better than what fails."""
    here = counts.at(0.0)
    if best is None or best.accepted <= here or best.high <= 0:
        return None
    low = max(best.low, 0.0)
    span = f"{number(low)}" if low == best.high else f"{number(low)}–{number(best.high)}"
    every = best.accepted == counts.commands
    share = ("all " if counts.commands > 1 else "") if every else f"{number(best.accepted)} of "
    verb = "is" if best.accepted == 1 else "are"
    but = listed([f"{number(count)} at {number(lead)}{NO_BREAK}ms" for lead, count in best.exceptions if lead >= low])
    text = Markup("Start listening <b>{}{}ms before the word</b>: {}{} {} accepted{}.{}")
    said = (share, plural(counts.commands, "command"), verb, f" (but {but})" if but else "")
    return text.format(span, NO_BREAK, *said, _elsewhere(counts, best, low))


def _elsewhere(counts: LeadCounts, best: LeadRange, low: float) -> str:
    """What less and more time before the word gives, and what the window cuts."""
    shorter = listed([f"{number(count)} at {number(lead)}{NO_BREAK}ms" for lead, count in _steps(counts, low)], MOST_STEPS)
    longer = _beyond(counts, best)
    cut = f"the window then ends before {plural(best.cut, 'command')} {'does' if best.cut == 1 else 'do'}" if best.cut else ""
    parts = (f"less gives {shorter}" if shorter else "", f"more gives {longer}" if longer else "", cut)
    told = "; ".join(part for part in parts if part)
    return f" {told[:1].upper()}{told[1:]}." if told else ""


def _steps(counts: LeadCounts, until: float) -> list[tuple[float, int]]:
    """Leads on the way up: the first of the largest gains, and the start."""
    inside = [(lead, int(n)) for lead, n in zip(counts.leads, counts.accepted, strict=True) if 0 <= lead < until]
    if not inside:
        return []
    risen, most = [], inside[0][1]
    for lead, count in inside[1:]:
        if count > most:
            risen.append((count - most, lead, count))
            most = count
    largest = sorted(risen, reverse=True)[: MOST_STEPS - 1]
    return [inside[0], *sorted((lead, count) for _, lead, count in largest)]


def _beyond(counts: LeadCounts, best: LeadRange) -> str:
    after = [(lead, int(n)) for lead, n, cut in zip(counts.leads, counts.accepted, counts.cut, strict=True) if lead > best.high and not cut]
    if not after:
        return ""
    least, most = min(n for _, n in after), max(n for _, n in after)
    return number(least) if least == most else f"{number(least)}–{number(most)}"


def shifts(view: View, counts: LeadCounts) -> Markup | None:
    """That training should move the word; which other model of this run does better at the start."""
    others = {}
    for variant in view.variants[1:]:
        if variant.model["name"] != view.first.model["name"] and (other := LeadCounts.of(view, variant)) is not None:
            others[variant.model["name"]] = other.at(0.0)
    better = {name: count for name, count in others.items() if count > counts.at(0.0)}
    if better:
        name, count = max(better.items(), key=lambda item: item[1])
        return Markup("Take <b>{}</b>, which accepts {} of {} at the start.").format(name, number(count), number(counts.commands))
    return Markup("Or train with the word moved, and cut, by as much as the device may move it.")


def thresholds(view: View, rows: DataFrame) -> list[AtThreshold]:
    """What each threshold would give the first variant in some rows, by the winning command and its probability."""
    mine = view.of(view.first, rows)
    known, other = mine["outcome"].isin(KNOWN), mine["outcome"].isin([LEFT_ALONE, FALSE_ACCEPT])
    acts = ~mine["predicted"].isin(list(view.first.point.rejections))
    right = known & (mine["predicted"].astype(str) == mine["label"].astype(str))
    p = mine["p_predicted"].to_numpy(dtype=np.float32)
    found = []
    for threshold in THRESHOLDS:
        over = p >= np.float32(threshold)
        found.append(AtThreshold(threshold, int((right & over).sum()), int((other & acts & over).sum())))
    return found


def threshold_line(view: View, placement: Problem | None) -> Markup | None:
    """What a lower threshold would give where most is lost, and which other words it would let in; None where it gives nothing."""
    point = view.first.point
    if point.threshold is None or point.own or not point.contest:
        return None
    place = placement.placement if placement is not None and placement.placement else view.reference
    rows = view.placed[view.placed["placement"] == place]
    here = at_placement(view, place)
    options = [one for one in thresholds(view, rows) if one.threshold < point.threshold and one.accepted > here.accepted]
    if not options:
        return None
    half = next((one for one in options if one.accepted >= here.accepted + (here.commands - here.accepted) / 2), None)
    if half is None:
        last = options[-1]
        text = Markup("Leave the threshold: even at {}, {} of {} are accepted {}.")
        return text.format(percent(last.threshold), number(last.accepted), number(here.commands), PLACES[place])
    usual = {one.threshold: one for one in thresholds(view, view.clean)}[half.threshold]
    others = f" and acts on {number(max(half.acted, usual.acted))} of {plural(here.others, 'other word')} ({number(here.acted)} now)"
    text = Markup("Threshold: {} in place of {} accepts {} of {} {}{}.")
    return text.format(
        percent(half.threshold),
        percent(point.threshold),
        number(half.accepted),
        number(here.commands),
        PLACES[place],
        others if here.others else "",
    )
