"""What the page leads with: which recordings fail where, which condition is the worst, what a second variant changes.

An answer fails where a user of the device would meet a missed, a wrong or a needless command, at the operating point.

In which condition are the fewest right: of the placements, and of all conditions in which no recording loses speech?

A recording counts once a condition, its draws averaged. Trials come part by part; kept of them is a share a recording and condition.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple

import pandas as pd
from pandas import DataFrame, Series

from robustness.analysis.accuracy import changed_answers, compared, speakers_of
from robustness.analysis.intervals import Estimate, PairedChange, mean_score
from robustness.analysis.outcomes import ACCEPTED, BAD, GOOD, LEFT_ALONE, MISSED, SUBSTITUTED
from robustness.report.trials import of_recording
from robustness.report.view import Variant, View, rows_of

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
class PlacedCounts:
    """What one placement does to the recordings, over all variants."""

    placement: str
    failing: tuple[Failing, ...]
    right_before: int  # recordings with a good outcome at the reference in some variant, that can be moved
    untestable: int  # recordings that cannot be moved, and are left out


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


def failing_at(view: View, placement: str) -> PlacedCounts:
    """Which recordings that are right at the reference fail at a placement, worst margin first; of those that can be moved."""
    stuck = view.recordings.index[view.recordings["untestable"].astype(bool)]
    clean, there = (judged(view, rows) for rows in (view.clean, view.placed[view.placed["placement"] == placement]))
    clean, there = (rows[~rows["recording"].isin(stuck)] for rows in (clean, there))
    keys = ["recording", "variant"]
    before = clean.astype(dict.fromkeys(keys, str)).set_index(keys)["outcome"]
    rows = there.astype(dict.fromkeys(keys, str)).set_index(keys)
    right_before = before.isin(GOOD)
    lost = rows[rows["outcome"].isin(BAD) & right_before.reindex(rows.index, fill_value=False)].reset_index()
    return PlacedCounts(placement, tuple(_failing(view, lost)), int(right_before.groupby(level="recording").any().sum()), len(stuck))


def _failing(view: View, lost: DataFrame) -> Iterator[Failing]:
    """The recordings of these rows in the page's order, each by its worst margin."""
    place = pd.Series(range(len(view.recordings)), index=view.recordings.index)
    fails: dict[str, set[str]] = {}
    for recording, variant in zip(lost["recording"], lost["variant"], strict=True):
        fails.setdefault(recording, set()).add(variant)
    worst = lost.sort_values("margin", kind="stable").drop_duplicates("recording").set_index("recording")
    worst = worst.assign(word=view.recordings["name"].reindex(worst.index), place=place.reindex(worst.index)).sort_values("place")
    for row in rows_of(worst):
        shorts = tuple(v.short for v in view.variants if v.name in fails[row.Index])
        yield Failing(str(row.Index), str(row.word), str(row.label), str(row.predicted), str(row.outcome), shorts)


def by_placement(view: View) -> list[PlacedCounts]:
    """Every placement but the reference, the one that fails most first."""
    found = [failing_at(view, place) for place in view.placements if place != view.reference]
    return sorted(found, key=lambda placed: -len(placed.failing))


def measure(view: View, trials: DataFrame) -> Series[float]:
    """What is counted as right: known words accepted right; where there are none, unknown words rejected; [trials], NaN where neither."""
    outcome = view.outcome(trials)
    known = outcome.isin([ACCEPTED, MISSED, SUBSTITUTED])
    if has_known(view):
        return (outcome == ACCEPTED).astype(float).where(known)
    return (outcome == LEFT_ALONE).astype(float).where(outcome.notna())


def has_known(view: View) -> bool:
    """Whether any recording is a word of the vocabulary."""
    labels = view.recordings["label"].dropna()
    return bool((~labels.isin(view.first.point.rejections)).any())


def score_of(view: View, trials: DataFrame) -> Estimate:
    """The share that is right in one condition of one variant, draws averaged within a recording."""
    score = measure(view, trials).groupby(trials["recording"], observed=True).mean().dropna()
    return mean_score(score, speakers_of(list(score.index), view.speakers))


def neutral(view: View, trials: DataFrame) -> Series[bool]:
    """Which trials repeat the clean one, [trials]: a level that changes nothing, at the reference placement, padded with zeros."""
    found = Series(False, index=trials.index)
    for name, grid in view.grids.items():
        found |= (trials["perturbation"] == name) & (trials["level"] == float(grid["neutral"]))
    return found & (trials["placement"] == view.reference) & (trials["fill"] == "zeros")


def distinct(view: View, trials: DataFrame) -> DataFrame:
    """The trials but those that repeat the clean one, and those in which nothing of the word is left in the window."""
    span = view.recordings["speech_end_ms"] - view.recordings["speech_start_ms"]
    spoken = of_recording(trials, span)
    gone = trials["lost_start_ms"] + trials["lost_end_ms"] >= spoken - LEAST_MS
    return trials[~(neutral(view, trials) | gone)]


@lru_cache(maxsize=1)
def changes(view: View) -> tuple[Change, ...]:
    """What each other variant changes against the first."""
    return tuple(_change(view, variant) for variant in view.variants[1:])


def _change(view: View, variant: Variant) -> Change:
    first, other = view.first.name, variant.name
    answers = 0

    def differing(rows: DataFrame) -> DataFrame:
        nonlocal answers
        rows = distinct(view, rows)
        answers += len(view.of(variant, rows))
        return changed_answers(rows, first, other)

    everything = view.trials.gathered(differing)
    table = changed_answers(view.placed, first, other)
    paired = {place: compared(view.placed[view.placed["placement"] == place], first, other, view.speakers) for place in view.placements}
    return Change(variant, len(table), len(view.of(variant, view.placed)), everything, answers, paired)


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
