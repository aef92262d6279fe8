"""Trials small enough to count by hand."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from robustness.analysis.outcomes import OperatingPoint, outcomes

WITH_UNKNOWN = OperatingPoint(frozenset({"unknown"}))


def trial(recording: str, label: str | None, predicted: str, **other: Any) -> dict[str, Any]:
    row: dict[str, Any] = {"variant": "float32", "recording": recording, "label": label, "placement": "center", "fill": "zeros"}
    row |= {"perturbation": "none", "level": math.nan, "draw": 0, "predicted": predicted, "p_predicted": 0.9}
    row |= {"lost_start_ms": 0.0, "lost_end_ms": 0.0, "correct": None if label is None else label == predicted}
    return row | other


def table(rows: list[dict[str, Any]], point: OperatingPoint = WITH_UNKNOWN) -> pd.DataFrame:
    """The rows as a run has them, with their outcomes."""
    frame = pd.DataFrame(rows).astype({"correct": object})
    words = ("variant", "recording", "label", "predicted", "perturbation", "placement", "fill")
    frame = frame.astype({name: "category" for name in words})
    return frame.assign(outcome=outcomes(frame, point))
