"""Where is the same recording answered rightly by the same variant?

At the reference placement where it is right there; else at the nearest right lead found; else at the nearest right placement; else nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from robustness.explanations.failures import Failure
from robustness.explanations.movable import Movable
from robustness.explanations.places import Restored


@dataclass(frozen=True)
class Counterpart:
    """A placement that is answered rightly, and the lead there."""

    placement: str
    offset_ms: float


def counterpart_of(failure: Failure, recording: Movable, placed: pd.DataFrame, restored: Restored | None) -> Counterpart | None:
    """The counterpart of a failure, for the variant that is worst: where it does not fail.

    Args:
        failure: what went wrong.
        recording: what moves.
        placed: the run's answers at each place, from `placed_trials`.
        restored: the nearest right place of the worst variant.
    """
    reference = recording.frame.reference
    same = (placed["recording"] == failure.recording) & (placed["variant"] == failure.variant)
    right = list(placed.loc[same & ~placed["failing"], "placement"])
    if reference in right:
        return Counterpart(reference, recording.lead_ms(reference))
    if restored is not None:
        return Counterpart("offset", restored.at_ms)
    found = [Counterpart(place, recording.lead_ms(place)) for place in right]
    return min(found, key=lambda other: abs(other.offset_ms - failure.offset_ms), default=None)
