"""Over all recordings that share a failing condition: what did the condition cost, and what does one edit give, in pairs?

Each recording is compared with itself; known and unknown words stand apart, the number of speakers beside. No p-values: the condition and
the edit were chosen because of what these same recordings did.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Final

import pandas as pd

from robustness.conditions import Condition
from robustness.explanations.cases import Cases
from robustness.explanations.edits import Attempt, Edit
from robustness.explanations.side_effects import ChangedMargin, Others
from robustness.run.restoration import CohortEffect

FEWEST: Final = 2  # recordings that fail at a placement: one alone is its own card


def paired(words: str, pairs: Sequence[ChangedMargin], speakers: Mapping[str, str | None]) -> CohortEffect:
    """What happens to some recordings."""
    changes = [one.after - one.before for one in pairs]
    return CohortEffect(
        words=words,
        recordings=len(pairs),
        speakers=len({speakers[one.recording] for one in pairs} - {None}),
        higher=sum(change > 0 for change in changes),
        lower=sum(change < 0 for change in changes),
        median=median(changes),
        right_before=sum(one.before > 0 for one in pairs),
        right_after=sum(one.after > 0 for one in pairs),
        turned_right=sum(one.before <= 0 < one.after for one in pairs),
        turned_wrong=sum(one.after <= 0 < one.before for one in pairs),
    )


def apart(pairs: Sequence[ChangedMargin], cases: Cases, variant: str) -> list[CohortEffect]:
    """Known and unknown words, each by itself; what is not there is left out."""
    classifier = cases.classifiers[variant]
    rejections = classifier.point.rejections
    speakers = {one.id: one.speaker for one in cases.known}
    unknown = {one.id for one in cases.known if one.label is not None and classifier.truth(one.label) in rejections}
    groups = {
        "known": [one for one in pairs if one.recording not in unknown],
        "unknown": [one for one in pairs if one.recording in unknown],
    }
    return [paired(words, some, speakers) for words, some in groups.items() if some]


def cost(cases: Cases, placement: str, variant: str) -> list[CohortEffect]:
    """What a placement costs against the reference, on every labelled recording of the run."""
    reference = cases.classifiers[variant].frame.reference
    rows = cases.placed[cases.placed["variant"] == variant]
    before, after = (_margins(rows, place) for place in (reference, placement))
    return apart([ChangedMargin(name, before[name], margin) for name, margin in after.items() if name in before], cases, variant)


def _margins(rows: pd.DataFrame, placement: str) -> dict[str, float]:
    there = rows[rows["placement"] == placement]
    return dict(zip(there["recording"].astype(str), there["margin"].astype(float), strict=True))


def shared_edit(tried: Sequence[Sequence[Attempt]], names: Sequence[str | None]) -> Edit | None:
    """The edit to give to all: the one most often named, at the mildest size that restores most of those that fail; None where none is."""
    often = Counter(name for name in names if name is not None).most_common(1)
    if len(tried) < FEWEST or not often:
        return None
    name = often[0][0]
    restores = Counter(rung.size for found in tried for attempt in found if attempt.name == name for rung in attempt.rungs if rung.restores)
    size = max(restores, key=lambda size: (restores[size], -abs(size)))
    return Edit(name, size)


def given(others: Others, condition: Condition, edit: Edit, variant: str) -> list[CohortEffect]:
    """What an edit gives to the recordings under a condition."""
    return apart(others.changed(condition, edit, variant), others.cases, variant)
