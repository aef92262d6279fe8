"""What did the failing condition cost? The outcome margin where the same recording is good, less that where it fails.

The counterpart is that of `counterpart`. Where it is a named place, or nothing else is known, what is missing is counted up to the margin
there; else up to the median margin of the run's other recordings that are good at that placement, or, where none is, at any: what a good
answer has. A drop is never counted to the edge between good and bad alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from robustness.explanations.cases import Case
from robustness.explanations.counterpart import Counterpart
from robustness.explanations.good_recordings import GoodRecordings

Against = Literal["counterpart", "other recordings", "good run"]


@dataclass(frozen=True)
class Loss:
    """What is missing, in log-odds.

    Attributes:
        margin: where it fails.
        wanted: where nothing is missing.
        against: what `wanted` is of.
        counterpart: where the recording is right; None against other recordings.
        others: how many recordings `wanted` is the median of, of this run or of the good one; 1 against the counterpart.
    """

    margin: float
    wanted: float
    against: Against
    counterpart: Counterpart | None
    others: int = 1

    @property
    def logits(self) -> float:
        """The drop."""
        return self.wanted - self.margin


def typical(placed: pd.DataFrame, recording: str, variant: str, placement: str) -> tuple[float, int] | None:
    """The median outcome margin of the other recordings that are good in a variant, at a placement or at any, and their number.

    None where none is good anywhere.
    """
    rows = placed[(placed["variant"] == variant) & ~placed["failing"] & (placed["recording"] != recording)]
    there = rows[rows["placement"] == placement]
    margins = (there if len(there) else rows)["outcome_margin"].dropna()
    return (float(margins.median()), len(margins)) if len(margins) else None


def drop_of(case: Case, variant: str, good: GoodRecordings, margin: float, margin_at: Callable[[float], float]) -> Loss | None:
    """What one variant's failing answer lacks; None where nothing says how much an answer that is right has.

    Args:
        case: the failing recording.
        variant: the one that fails.
        good: the recordings that are right.
        margin: where it fails.
        margin_at: the variant's outcome margin at a lead in ms.
    """
    counterpart = case.counterparts[variant]
    if counterpart is not None and counterpart.placement != "offset":
        return _positive(Loss(margin, margin_at(counterpart.offset_ms), "counterpart", counterpart))
    serving, own = good.serving(variant, placement := case.failure.condition.placement), case.failure.recording
    others = typical(serving.placed, own if serving is good else "", variant, placement)
    if others is not None:
        return _positive(Loss(margin, others[0], "other recordings" if serving is good else "good run", counterpart, others[1]))
    return None if counterpart is None else _positive(Loss(margin, margin_at(counterpart.offset_ms), "counterpart", counterpart))


def _positive(drop: Loss) -> Loss | None:
    """Nothing is missing from an answer that lies above what it is compared with."""
    return drop if drop.logits > 0 else None
