"""In which condition are the fewest right: of the placements, and of all conditions in which no recording loses speech?

A recording counts once a condition, its draws averaged. Trials come part by part; kept of them is a share a recording and condition.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import pandas as pd
from pandas import DataFrame, Series

from robustness.metrics import speakers_of
from robustness.report.findings import measure, neutral
from robustness.report.view import Variant, View
from robustness.statistics import Estimate, mean_score

CONDITION: Final = ["perturbation", "placement", "fill", "level"]
KEYS: Final = [*CONDITION, "variant"]


class Worst(NamedTuple):
    """The condition in which the fewest are right."""

    condition: dict[str, Any]
    variant: Variant
    right: Estimate
    conditions: int


def worst_condition(view: View, parts: Iterable[DataFrame], *, keeping_speech: bool = False) -> Worst | None:
    """The condition in which the fewest are right, over all variants; the first among equals.

    Args:
        view: the run.
        parts: trials; all those of a recording in one part.
        keeping_speech: of the clean condition, and every other but its repeats in which no recording loses speech.
    """
    shares, lost = [], []
    for part in parts:
        rows = part[part["placement"] != "offset"]
        if keeping_speech:
            rows = rows[~neutral(view, rows)]
            lost.append(_lost(rows))
        shares.append(_shares(view, rows))
    kept = [some for some in shares if len(some)]
    if not kept:
        return None
    by_recording = pd.concat(kept)
    share = by_recording.groupby(level=KEYS, observed=True, dropna=False).mean()
    if keeping_speech:
        most = pd.concat(lost).groupby(level=CONDITION, observed=True, dropna=False).max()
        harmless = {_plain(key) for key, ms in most.items() if ms <= 0}
        share = share[[_plain(key[: len(CONDITION)]) in harmless for key in share.index]]
    return _least(view, by_recording, share) if len(share) else None


def _plain(key: Any) -> tuple[Any, ...]:
    """The key of a condition; None where it has no level."""
    return tuple(None if pd.isna(part) else part for part in key)


def _shares(view: View, rows: DataFrame) -> Series[float]:
    """The share of draws that is right, by condition, variant and recording; empty where nothing can be right."""
    right = measure(view, rows)
    if right.isna().all():
        return Series(dtype=float)
    rows = rows[right.notna()].assign(right=right)
    return rows.groupby([*KEYS, "recording"], observed=True, dropna=False)["right"].mean()


def _lost(rows: DataFrame) -> Series[float]:
    """The most that a recording loses, in ms, by condition."""
    lost = (rows["lost_start_ms"] + rows["lost_end_ms"]).fillna(0.0)
    return lost.groupby([rows[key] for key in CONDITION], observed=True, dropna=False).max()


def _least(view: View, by_recording: Series[float], share: Series[float]) -> Worst:
    key = _plain(share.index[int(share.argmin())])
    for name, value in zip(KEYS, key, strict=True):
        column = by_recording.index.get_level_values(name)
        by_recording = by_recording[column.isna() if value is None else column == value]
    score = by_recording.droplevel([*KEYS])
    estimate = mean_score(score, speakers_of(list(score.index), view.speakers))
    condition = dict(zip(CONDITION, key, strict=False))
    variant = next(v for v in view.variants if v.name == key[-1])
    return Worst(condition, variant, estimate, len(share.droplevel("variant").index.unique()))
