"""Can a map be believed? What else says of it, and what it does when it is tested.

Every map has its completeness gap and a second opinion. Those of the first target are tested: deletion and insertion against random orders,
weights drawn anew, β-infidelity, max-sensitivity, and how like it the maps of other labels are. A map that fails says so on its face.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from robustness.attributions.base import ATTRIBUTIONS
from robustness.attributions.masking import Explainable
from robustness.attributions.stability import class_sensitivity, infidelity, max_sensitivity
from robustness.attributions.trust import Checks, TrustBox
from robustness.explanations.maps import rank_correlation
from robustness.explanations.question import Question
from robustness.explanations.target_maps import Progress, TargetMap
from robustness.models.classifier import Classifier

OTHERS: Final = 4  # labels, the likeliest, whose maps a map is compared with


class MapTests(NamedTuple):
    """What the tests of one map gave.

    Attributes:
        box: deletion and insertion against random orders, and weights drawn anew.
        infidelity: β-infidelity; None where nothing falls.
        sensitivity: max-sensitivity, of the map's own size; NaN where the answer flips for a neighbour.
        alike: the rank correlation with the map of each of the likeliest other labels; None where one is constant.
    """

    box: TrustBox
    infidelity: float | None
    sensitivity: float
    alike: Mapping[str, float | None]


def checked_map(
    question: Question, maps: Sequence[TargetMap], *, tested: bool, progress: Progress = lambda doing, done, total: None
) -> list[dict[str, Any]]:
    """The figures of trust of each map, as columns of a table.

    Args:
        question: what is explained.
        maps: all of them; those of the first target are tested.
        tested: False leaves the tests out, which cost several times the map.
        progress: told which map is tested, and how many were.
    """
    first = next(iter(question.targets))
    boxes: dict[Classifier, Checks] = {}
    rows: list[dict[str, Any]] = []
    count = sum(one.target == first for one in maps)
    for one in maps:
        row: dict[str, Any] = {"second_opinion": second_opinion(one, maps), "tested": tested and one.target == first}
        if row["tested"]:
            case = Explainable.of(one.classifier, one.features, question.targets[one.target], one.baseline)
            progress(f"test: {one.method}, {one.variant}", sum(other["tested"] for other in rows), count)
            if one.classifier not in boxes:
                boxes[one.classifier] = Checks(case, question.seed)
            row["tests"] = tests_of(one, case, boxes[one.classifier], question.seed)
            row["failed"] = row["tests"].box.failed
        rows.append(row)
    return rows


def tests_of(one: TargetMap, case: Explainable, checks: Checks, seed: int) -> MapTests:
    """What the tests of one map gave."""
    method, values = ATTRIBUTIONS[one.method](), one.relevance.map[0]
    return MapTests(
        checks.of_map(method, one.relevance),
        infidelity(case, values, seed),
        max_sensitivity(case, method, values, seed),
        class_sensitivity(case, method, OTHERS),
    )


def second_opinion(one: TargetMap, maps: Sequence[TargetMap]) -> float | None:
    """The rank correlation with the first other method on the same variant and target, over cells where either is not zero."""
    other = next((m for m in maps if (m.variant, m.target) == (one.variant, one.target) and m.method != one.method), None)
    if other is None:
        return None
    cells = (np.abs(one.map) > 0) | (np.abs(other.map) > 0)
    return rank_correlation(one.map[cells], other.map[cells])
