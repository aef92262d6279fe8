"""Can a map be believed? What else says of it, and what it does when it is tested.

Every map has its completeness gap and a second opinion. Those of the first target are tested: deletion and insertion against random orders,
weights drawn anew, β-infidelity, max-sensitivity, and how like it the maps of other labels are. A map that fails says so on its face.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from robustness.attributions.base import ATTRIBUTIONS
from robustness.attributions.deletion import SPREADS
from robustness.attributions.masking import Explainable
from robustness.attributions.randomization import MOST_ALIKE
from robustness.attributions.stability import NEIGHBOURS, class_sensitivity, infidelity, max_sensitivity
from robustness.attributions.trust import Checks, TrustBox
from robustness.explanations.maps import rank_correlation
from robustness.explanations.question import Question
from robustness.explanations.target_maps import Progress, TargetMap
from robustness.models.classifier import Classifier
from robustness.report.words import number, signed

Pairs = list[tuple[str, str]]
OTHERS: Final = 4  # labels, the likeliest, whose maps a map is compared with


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
            row |= tests_of(one, case, boxes[one.classifier], question.seed)
        rows.append(row)
    return rows


def tests_of(one: TargetMap, case: Explainable, checks: Checks, seed: int) -> dict[str, Any]:
    """What the tests of one map gave: what it failed, and the figures in words."""
    method, values = ATTRIBUTIONS[one.method](), one.relevance.map[0]
    box = checks.of_map(method, one.relevance)
    unfaithful = infidelity(case, values, seed)
    figures = [
        *_figures(box),
        ("β-infidelity", "nothing falls" if unfaithful is None else f"{number(unfaithful, 2)}; 0 is best, 1 says nothing"),
    ]
    figures.append((f"max-sensitivity, over {NEIGHBOURS} neighbours", _sensitivity(max_sensitivity(case, method, values, seed))))
    figures.append((f"rank correlation with maps of the {OTHERS} next labels", _alike(class_sensitivity(case, method, OTHERS))))
    return {"failed": box.failed, "figures": figures}


def _figures(box: TrustBox) -> Pairs:
    figures: Pairs = []
    if box.lift is not None:
        for name in ("deletion", "insertion"):
            lift, spread = getattr(box.lift, name), box.lift.spread
            chance = f"more than {number(SPREADS * spread, 2)} is beyond chance"
            figures.append((f"{name} lift over random", f"{signed(lift, 2)} logits; {chance}"))
    for stage in box.stages:
        like = "none, for a map is constant" if stage.spearman is None else number(stage.spearman, 2)
        like += f"; beyond ±{MOST_ALIKE:g} it would not depend on what was learnt" if stage.layers == stage.of else ""
        figures.append((f"rank correlation with {stage.layers} of {stage.of} layers drawn anew", like))
    figures.append(("seed, and passes with the tests", f"{box.seed}, {number(box.passes)}"))
    return figures


def _sensitivity(value: float) -> str:
    return "none: the answer flips for a neighbour" if math.isnan(value) else f"{number(value, 2)} of the map's own size; 0 is best"


def _alike(found: Mapping[str, float | None]) -> str:
    values = {label: value for label, value in found.items() if value is not None}
    if not values:
        return "none"
    most = max(values, key=lambda label: values[label])
    return f"{number(float(np.median(list(values.values()))), 2)} in the median; most like {most}, {number(values[most], 2)}"


def second_opinion(one: TargetMap, maps: Sequence[TargetMap]) -> float | None:
    """The rank correlation with the first other method on the same variant and target, over cells where either is not zero."""
    other = next((m for m in maps if (m.variant, m.target) == (one.variant, one.target) and m.method != one.method), None)
    if other is None:
        return None
    cells = (np.abs(one.map) > 0) | (np.abs(other.map) > 0)
    return rank_correlation(one.map[cells], other.map[cells])
