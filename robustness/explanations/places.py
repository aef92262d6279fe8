"""Which is the nearest place found where the right answer returns?

The atlas of a run knows the answers on a grid of leads; where the sweep made none, the leads that keep the recording whole are asked here,
every 10 ms. Between the last wrong and the first right one on each side, and everywhere within 20 ms, every whole ms is asked anew, so
that the place named was tried. Farther away, right answers that lie wholly between two wrong leads are not looked for.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, NamedTuple

import pandas as pd
import torch

from robustness.explanations.movable import Movable
from robustness.models.classifier import Classifier
from robustness.run.folder import Run
from robustness.sweep.engine import BATCH, answers

SHIFTING: Final = "time-shift"
STEP_MS: Final = 10  # of the leads asked where the sweep made no atlas
NEARBY_MS: Final = 20  # two steps of the atlas; within this every ms is tried


@dataclass(frozen=True)
class LeadAtlas:
    """Right or wrong by lead, for one recording and variant; leads in ms, ascending, one step apart."""

    leads_ms: tuple[float, ...]
    right: tuple[bool, ...]

    @property
    def range_ms(self) -> tuple[float, float] | None:
        """The first and the last lead; None where there is none."""
        return (self.leads_ms[0], self.leads_ms[-1]) if self.leads_ms else None


class Restored(NamedTuple):
    """The nearest lead at which the answer is right, and what it costs."""

    at_ms: float
    by_ms: float  # from the failing lead; later is positive
    lost_ms: float  # of the speech, there


class Atlases:
    """The atlas rows of some recordings of a run, by recording and variant; read once, part by part.

    Args:
        run: its trials.
        recordings: ids; the rows of all others are let go. None keeps all.
    """

    def __init__(self, run: Run, recordings: Collection[str] | None = None) -> None:
        columns = ["recording", "variant", "level", "correct"]
        wanted = [pd.DataFrame(columns=columns)]
        for rows in run.batches(columns, perturbation=SHIFTING, placement="offset", fill="zeros"):
            own = rows if recordings is None else rows[rows["recording"].isin(recordings)]
            wanted.append(own.astype({"recording": object, "variant": object}))
        kept = pd.concat([rows for rows in wanted if len(rows)] or wanted)
        self._rows = kept.sort_values("level", kind="stable")
        self._places = self._rows.groupby(["recording", "variant"], observed=True).indices

    def of(self, recording: str, variant: str) -> LeadAtlas:
        """The atlas of one recording and variant; an empty one where the sweep made none."""
        rows = self._rows.iloc[self._places.get((recording, variant), [])]
        return LeadAtlas(tuple(rows["level"].astype(float)), tuple(rows["correct"].astype(bool)))


def asked(classifier: Classifier, recording: Movable, label: str) -> LeadAtlas:
    """An atlas made now: right or wrong at the leads that keep the recording whole inside the window, every 10 ms.

    Args:
        classifier: the variant asked.
        recording: what moves.
        label: the right answer.
    """
    last_ms = int(recording.lead_ms("end"))
    leads = [float(ms) for ms in dict.fromkeys([*range(0, last_ms + 1, STEP_MS), last_ms])]
    wanted = classifier.labels.index(label)
    parts = [answers([classifier], recording.at(leads[i : i + BATCH]).samples)[0].argmax(1) == wanted for i in range(0, len(leads), BATCH)]
    return LeadAtlas(tuple(leads), tuple(torch.cat(parts).tolist()))


def restore(classifier: Classifier, recording: Movable, label: str, here_ms: float, atlas: LeadAtlas) -> Restored | None:
    """The nearest lead found with the right answer, to 1 ms, verified; None where the atlas has no right answer.

    Args:
        classifier: the variant asked.
        recording: what moves.
        label: the right answer.
        here_ms: the lead at which the answer is wrong.
        atlas: where to look.
    """
    wanted = classifier.labels.index(label)
    leads = candidates(here_ms, atlas)
    for first in range(0, len(leads), BATCH):
        windows = recording.at(leads[first : first + BATCH])
        right = (answers([classifier], windows.samples)[0].argmax(1) == wanted).nonzero().flatten()
        if len(right):
            at_ms = leads[first + int(right[0])]
            lost = recording.frame.ms(windows.lost[int(right[0])].sum())
            return Restored(at_ms, at_ms - here_ms, float(lost))
    return None


def candidates(here_ms: float, atlas: LeadAtlas) -> list[float]:
    """The leads to try, nearest first, and of two equally near the later: whole ms, no farther than the atlas's nearest right one."""
    right = [lead for lead, is_right in zip(atlas.leads_ms, atlas.right, strict=True) if is_right and lead != here_ms]
    if not right:
        return []
    farthest = min(abs(lead - here_ms) for lead in right)
    low, high = int(atlas.leads_ms[0]), int(atlas.leads_ms[-1])
    nearby = {float(ms) for ms in range(low, high + 1) if abs(ms - here_ms) <= NEARBY_MS}
    leads = nearby | _between(here_ms, atlas, max((x for x in right if x < here_ms), default=None))
    leads |= _between(here_ms, atlas, min((x for x in right if x > here_ms), default=None))
    return sorted((x for x in leads if 0 < abs(x - here_ms) <= farthest), key=lambda x: (abs(x - here_ms), -x))


def _between(here_ms: float, atlas: LeadAtlas, right_ms: float | None) -> set[float]:
    """Every whole ms from the last wrong lead of the atlas to its first right one on that side."""
    if right_ms is None:
        return set()
    index = atlas.leads_ms.index(right_ms)
    before = index - 1 if right_ms > here_ms else index + 1
    wrong_ms = atlas.leads_ms[before] if 0 <= before < len(atlas.leads_ms) else right_ms
    low, high = sorted((right_ms, wrong_ms))
    return {float(ms) for ms in range(int(low), int(high) + 1)}
