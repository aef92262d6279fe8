"""What the page leads with: which recordings fail where, which condition is the worst, what a second variant changes.

An answer fails where a user of the device would meet a missed, a wrong or a needless command, at the operating point.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple

import pandas as pd
from pandas import DataFrame, Series

from robustness.metrics import changed_answers, compared, speakers_of
from robustness.outcomes import ACCEPTED, FALSE_ACCEPT, MISSED, REJECTED, SUBSTITUTED
from robustness.report.view import Variant, View
from robustness.statistics import Estimate, PairedChange, mean_score

RIGHT: Final = (ACCEPTED, REJECTED)
FAILING: Final = (MISSED, SUBSTITUTED, FALSE_ACCEPT)
LEAST_MS: Final = 0.5  # less of a word than this in the window is nothing of it


class Failing(NamedTuple):
    """A recording that is right at the reference and fails at another placement."""

    recording: str
    word: str
    label: str
    predicted: str
    outcome: str
    variants: tuple[str, ...]  # the short names of those that fail


@dataclass(frozen=True)
class Placed:
    """What one placement does to the recordings, over all variants."""

    placement: str
    failing: tuple[Failing, ...]
    right_before: int  # recordings that some variant answers rightly at the reference


class Worst(NamedTuple):
    """The condition in which the fewest are right."""

    condition: dict[str, Any]
    variant: Variant
    right: Estimate
    conditions: int


class Change(NamedTuple):
    """What one variant changes against the first over the recordings' table, and in all conditions that are not alike."""

    variant: Variant
    changed: int
    answers: int
    everywhere: DataFrame  # every answer that differs, of the trials that `distinct` keeps
    all_answers: int
    paired: dict[str, PairedChange]  # by placement


def judged(view: View, trials: DataFrame) -> DataFrame:
    """Trials with their outcomes."""
    return trials.assign(outcome=view.outcome(trials))


def failing_at(view: View, placement: str) -> Placed:
    """Which recordings that are right at the reference fail at a placement, worst margin first."""
    clean, there = judged(view, view.clean), judged(view, view.placed[view.placed["placement"] == placement])
    keys = ["recording", "variant"]
    before = clean.astype(dict.fromkeys(keys, str)).set_index(keys)["outcome"]
    rows = there.astype(dict.fromkeys(keys, str)).set_index(keys)
    right_before = before.isin(RIGHT)
    lost = rows[rows["outcome"].isin(FAILING) & right_before.reindex(rows.index, fill_value=False)].reset_index()
    order = {name: i for i, name in enumerate(view.recordings.index)}
    found = [_failing(view, name, group) for name, group in sorted(lost.groupby("recording"), key=lambda item: order[str(item[0])])]
    return Placed(placement, tuple(found), int(right_before.groupby(level="recording").any().sum()))


def _failing(view: View, recording: Any, rows: DataFrame) -> Failing:
    shorts = tuple(v.short for v in view.variants if v.name in set(rows["variant"]))
    first = rows.sort_values("margin").iloc[0]
    word = str(view.recordings.loc[recording, "name"])
    return Failing(str(recording), word, str(first["label"]), str(first["predicted"]), str(first["outcome"]), shorts)


def by_placement(view: View) -> list[Placed]:
    """Every placement but the reference, the one that fails most first."""
    found = [failing_at(view, place) for place in view.placements if place != view.reference]
    return sorted(found, key=lambda placed: -len(placed.failing))


def measure(view: View, trials: DataFrame) -> Series[float]:
    """What is counted as right: known words accepted right; where there are none, unknown words rejected; [trials], NaN where neither."""
    outcome = view.outcome(trials)
    known = outcome.isin([ACCEPTED, MISSED, SUBSTITUTED])
    if has_known(view):
        return (outcome == ACCEPTED).astype(float).where(known)
    return (outcome == REJECTED).astype(float).where(outcome.notna())


def has_known(view: View) -> bool:
    """Whether any recording is a word of the vocabulary."""
    labels = view.recordings["label"].dropna()
    return bool((~labels.isin(view.first.point.rejections)).any())


def score_of(view: View, trials: DataFrame) -> Estimate:
    """The share that is right in one condition of one variant, draws averaged within a recording."""
    score = measure(view, trials).groupby(trials["recording"].astype(str)).mean().dropna()
    return mean_score(score, speakers_of(list(score.index), view.speakers))


def neutral(view: View, trials: DataFrame) -> Series[bool]:
    """Which trials repeat the clean one, [trials]: a level that changes nothing, at the reference placement, padded with zeros."""
    levels = {name: float(grid["neutral"]) for name, grid in view.grids.items()}
    same_place = (trials["placement"] == view.reference) & (trials["fill"] == "zeros")
    return same_place & (trials["level"] == trials["perturbation"].astype(object).map(levels).astype(float))


def distinct(view: View, trials: DataFrame) -> DataFrame:
    """The trials but those that repeat the clean one, and those in which nothing of the word is left in the window."""
    span = view.recordings["speech_end_ms"] - view.recordings["speech_start_ms"]
    spoken = trials["recording"].astype(object).map(dict(zip(span.index, span, strict=True))).astype(float)
    gone = trials["lost_start_ms"] + trials["lost_end_ms"] >= spoken - LEAST_MS
    return trials[~(neutral(view, trials) | gone)]


def keeping_speech(view: View, trials: DataFrame) -> DataFrame:
    """The clean trials and those of every other condition in which no recording loses speech."""
    rows = trials[~neutral(view, trials)]
    lost = (rows["lost_start_ms"] + rows["lost_end_ms"]).fillna(0.0)
    keys = ["perturbation", "placement", "fill", "level"]
    return rows[lost.groupby([rows[key] for key in keys], observed=True, dropna=False).transform("max") <= 0]


def worst_condition(view: View, trials: DataFrame) -> Worst | None:
    """The condition of these trials in which the fewest are right, over all variants; the first among equals."""
    keys = ["perturbation", "placement", "fill", "level", "variant"]
    rows = trials[trials["placement"] != "offset"]
    right = measure(view, rows)
    if right.isna().all():
        return None
    rows = rows[right.notna()].assign(right=right)
    by_recording = rows.groupby([*keys, "recording"], observed=True, dropna=False)["right"].mean()
    share = by_recording.groupby(level=keys, observed=True, dropna=False).mean()
    kind, placement, fill, level, name = share.index[int(share.argmin())]
    level = None if pd.isna(level) else float(level)
    here = (rows["perturbation"] == kind) & (rows["placement"] == placement) & (rows["fill"] == fill) & (rows["variant"] == name)
    here &= rows["level"].isna() if level is None else rows["level"] == level
    condition = {"perturbation": kind, "placement": placement, "fill": fill, "level": level}
    variant = next(v for v in view.variants if v.name == name)
    return Worst(condition, variant, score_of(view, rows[here]), len(share.droplevel("variant").index.unique()))


@lru_cache(maxsize=1)
def changes(view: View) -> tuple[Change, ...]:
    """What each other variant changes against the first."""
    return tuple(_change(view, variant) for variant in view.variants[1:])


def _change(view: View, variant: Variant) -> Change:
    first, other = view.first.name, variant.name
    trials = distinct(view, view.trials)
    table, everything = changed_answers(view.placed, first, other), changed_answers(trials, first, other)
    paired = {place: compared(view.placed[view.placed["placement"] == place], first, other, view.speakers) for place in view.placements}
    return Change(variant, len(table), len(view.of(variant, view.placed)), everything, len(view.of(variant, trials)), paired)
