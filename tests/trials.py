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


def outcome_of(
    label: str | None, predicted: str, p: float, threshold: float | None = None, rejections: tuple[str, ...] = ("unknown",)
) -> str | None:
    """What a device does that goes by its winning label and one threshold, said once more, a row at a time."""
    acts = predicted not in rejections and (threshold is None or p >= threshold)
    if label is None:
        return None
    if label in rejections:
        return "falsely accepted" if acts else "left alone"
    return "missed" if not acts else "accepted right" if predicted == label else "substituted"


def with_outcomes(rows: pd.DataFrame, model: dict[str, Any]) -> pd.DataFrame:
    """Rows of a run with what the device does in each, by that definition.

    Args:
        rows: label, predicted, p_predicted and perturbation.
        model: its entry in the manifest.
    """
    rejections = tuple(name for name in (model["unknown"], model["silence"]) if name)
    rejection = (*rejections, "no word")[0]
    columns = (rows[name] for name in ("label", "predicted", "p_predicted", "perturbation"))
    found = [
        outcome_of(
            rejection if kind == "no-word" else label if isinstance(label, str) else None,
            said,
            p,
            model["threshold"],
            (*rejections, "no word"),
        )
        for label, said, p, kind in zip(*columns, strict=True)
    ]
    return rows.assign(outcome=pd.Series(found, index=rows.index, dtype=object))
