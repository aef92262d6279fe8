"""Where does the device do the right thing again? The nearest place found, of those that lose no speech.

The leads that keep the whole word inside the window are asked every 10 ms. Between the last bad and the first good one on each side, and
everywhere within 20 ms, every whole ms is asked anew, so that the place named was tried. Farther away, good answers that lie wholly between
two bad leads are not looked for. A lead that cuts speech is no remedy, and is never named.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, NamedTuple

from robustness.explanations.answering import answers_of, by_variant
from robustness.explanations.subject import Subject
from robustness.sweep.engine import BATCH, Engine

STEP_MS: Final = 10  # of the leads asked first
NEARBY_MS: Final = 20  # two steps; within this every ms is tried


@dataclass(frozen=True)
class LeadAtlas:
    """Good or bad by lead, for one recording and variant; leads in ms, ascending; at none of them speech is lost."""

    leads_ms: tuple[float, ...]
    good: tuple[bool, ...]

    @property
    def range_ms(self) -> tuple[float, float] | None:
        """The first and the last lead; None where there is none."""
        return (self.leads_ms[0], self.leads_ms[-1]) if self.leads_ms else None


class Restored(NamedTuple):
    """The nearest lead at which the answer is good."""

    at_ms: float
    by_ms: float  # from the failing lead; later is positive


def whole_leads(subject: Subject) -> list[float]:
    """The leads that lose no speech, every 10 ms and at both ends, in whole ms, ascending; none where the word is too long."""
    start, end = subject.speech_ms(0.0)
    window_ms = subject.frame.samples * 1000 / subject.frame.rate_hz
    first, last = math.ceil(-start), math.floor(window_ms - end)
    inner = range(math.ceil(first / STEP_MS) * STEP_MS, last + 1, STEP_MS)
    return [float(ms) for ms in sorted({*inner, first, last})] if first <= last else []


class AnswerAtLead(NamedTuple):
    """Which variants do the right thing at a lead, and whether the whole recording lies in the window there."""

    good: Mapping[str, bool]
    whole: bool


@dataclass(eq=False)
class LeadAnswers:
    """What is answered to a recording wherever it lies; each lead is asked once, of all variants together.

    Attributes:
        engine: of the variants.
        subject: what moves.
        truth: the right answer.
    """

    engine: Engine
    subject: Subject
    truth: str
    _known: dict[float, AnswerAtLead] = field(default_factory=dict)

    def at(self, leads_ms: Sequence[float]) -> list[AnswerAtLead]:
        """The answers at some leads."""
        new = [lead for lead in leads_ms if lead not in self._known]
        if new:
            windows = self.subject.at(new)
            found = answers_of(self.engine, windows.samples, [self.truth] * len(new))
            good = [{variant: given[row].good for variant, given in found.items()} for row in range(len(new))]
            self._known |= zip(new, map(AnswerAtLead, good, (windows.lost.sum(1) == 0).tolist()), strict=True)
        return [self._known[lead] for lead in leads_ms]

    @cached_property
    def atlases(self) -> dict[str, LeadAtlas]:
        """Good or bad at the leads that lose no speech, by variant."""
        leads = tuple(whole_leads(self.subject))
        found = self.at(leads)
        return {v: LeadAtlas(leads, tuple(one.good[v] for one in found)) for v in by_variant(self.engine.classifiers)}

    def nearest_good(self, variant: str, here_ms: float, atlas: LeadAtlas) -> Restored | None:
        """The nearest lead found with a good answer, to 1 ms, verified; None where the atlas has none.

        Args:
            variant: which is to be good.
            here_ms: the lead at which the answer is bad.
            atlas: where to look.
        """
        leads = leads_to_ask(here_ms, atlas)
        for first in range(0, len(leads), BATCH):
            some = leads[first : first + BATCH]
            for lead, one in zip(some, self.at(some), strict=True):
                if one.good[variant] and one.whole:
                    return Restored(lead, lead - here_ms)
        return None


def leads_to_ask(here_ms: float, atlas: LeadAtlas) -> list[float]:
    """The leads to try, nearest first, and of two equally near the later: whole ms, no farther than the atlas's nearest good one."""
    good = [lead for lead, is_good in zip(atlas.leads_ms, atlas.good, strict=True) if is_good and lead != here_ms]
    if not good:
        return []
    farthest = min(abs(lead - here_ms) for lead in good)
    low, high = int(atlas.leads_ms[0]), int(atlas.leads_ms[-1])
    nearby = {float(ms) for ms in range(low, high + 1) if abs(ms - here_ms) <= NEARBY_MS}
    leads = nearby | _between(here_ms, atlas, max((x for x in good if x < here_ms), default=None))
    leads |= _between(here_ms, atlas, min((x for x in good if x > here_ms), default=None))
    return sorted((x for x in leads if 0 < abs(x - here_ms) <= farthest), key=lambda x: (abs(x - here_ms), -x))


def _between(here_ms: float, atlas: LeadAtlas, good_ms: float | None) -> set[float]:
    """Every whole ms from the last bad lead of the atlas to its first good one on that side."""
    if good_ms is None:
        return set()
    index = atlas.leads_ms.index(good_ms)
    before = index - 1 if good_ms > here_ms else index + 1
    bad_ms = atlas.leads_ms[before] if 0 <= before < len(atlas.leads_ms) else good_ms
    low, high = sorted((good_ms, bad_ms))
    return {float(ms) for ms in range(int(low), int(high) + 1)}
