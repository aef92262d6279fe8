"""Over all recordings that share a failing condition: what did the condition cost, and what does one edit give, in pairs?

Each recording is compared with itself, by its outcome margin; known and unknown words stand apart, the number of speakers beside. No
p-values: the condition and the edit were chosen because of what these same recordings did.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import isfinite
from statistics import median
from typing import Final

import pandas as pd

from robustness.conditions import Condition
from robustness.explanations.answering import Given
from robustness.explanations.cases import Cases
from robustness.explanations.edits import Attempt, Edit
from robustness.explanations.side_effects import EditEffect, Others
from robustness.run.restoration import CohortEffect

FEWEST: Final = 2  # recordings that fail at a placement: one alone is its own card


def paired(words: str, pairs: Sequence[EditEffect], speakers: Mapping[str, str | None]) -> CohortEffect:
    """What happens to some recordings."""
    changes = [one.gain for one in pairs]
    return CohortEffect(
        words=words,
        recordings=len(pairs),
        speakers=len({speakers[one.recording] for one in pairs} - {None}),
        higher=sum(change > 0 for change in changes),
        lower=sum(change < 0 for change in changes),
        median=median(changes),
        right_before=sum(one.before.good for one in pairs),
        right_after=sum(one.after.good for one in pairs),
        turned_right=sum(one.turned_good for one in pairs),
        turned_wrong=sum(one.turned_bad for one in pairs),
    )


def apart(pairs: Sequence[EditEffect], cases: Cases, variant: str) -> list[CohortEffect]:
    """Known and unknown words, each by itself; what is not there is left out."""
    classifier = cases.classifiers[variant]
    rejections = classifier.point.rejections
    speakers = {one.id: one.speaker for one in cases.known}
    unknown = {one.id for one in cases.known if one.label is not None and classifier.truth(one.label) in rejections}
    pairs = [one for one in pairs if isfinite(one.gain)]
    groups = {
        "known": [one for one in pairs if one.recording not in unknown],
        "unknown": [one for one in pairs if one.recording in unknown],
    }
    return [paired(words, some, speakers) for words, some in groups.items() if some]


def cost(cases: Cases, placement: str, variant: str) -> list[CohortEffect]:
    """What a placement costs against the reference, on every labelled recording of the run."""
    reference = cases.classifiers[variant].frame.reference
    rows = cases.placed[cases.placed["variant"] == variant]
    before, after = (_given(rows, place) for place in (reference, placement))
    return apart([EditEffect(name, before[name], given) for name, given in after.items() if name in before], cases, variant)


def _given(rows: pd.DataFrame, placement: str) -> dict[str, Given]:
    there = rows[rows["placement"] == placement]
    columns = (there["recording"].astype(str), there["outcome_margin"].astype(float), there["predicted"], there["outcome"])
    return {name: Given(margin, str(said), str(outcome)) for name, margin, said, outcome in zip(*columns, strict=True)}


def shared_edit(tried: Sequence[Sequence[Attempt]], names: Sequence[str | None]) -> Edit | None:
    """The edit to give to all: the one most often named, at the mildest size that restores most of those that fail; None where none is."""
    often = Counter(name for name in names if name is not None).most_common(1)
    if len(tried) < FEWEST or not often:
        return None
    name = often[0][0]
    restores = Counter(
        tried_size.size
        for found in tried
        for attempt in found
        if attempt.name == name
        for tried_size in attempt.tried_sizes
        if tried_size.restores
    )
    size = max(restores, key=lambda size: (restores[size], -abs(size)))
    return Edit(name, size)


def given(others: Others, condition: Condition, edit: Edit, variant: str) -> list[CohortEffect]:
    """What an edit gives to the recordings under a condition."""
    return apart(others.changed(condition, edit, variant), others.cases, variant)
