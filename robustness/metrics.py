"""What the trials say: accuracy and its curves, changes against a reference, tolerance to a shift.

Every function takes the trials of a run (a row is one prediction) and returns a table or a named result. A recording counts once: its draws
are averaged first. Levels are in the perturbation's unit. Loads no torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, cast

import numpy as np
import pandas as pd
from pandas import DataFrame, Series

from robustness.statistics import Estimate, PairedChange, mean_score, paired_change

CONDITION: Final = ["variant", "perturbation", "placement", "fill", "level"]


def speakers_of(recordings: Sequence[str] | pd.Index[Any], speakers: Mapping[str, str] | None) -> list[str | None] | None:
    """The speakers of these recordings, or None where none is given."""
    return None if speakers is None else [speakers.get(name) for name in recordings]


def known_speakers(column: Series[Any]) -> dict[str, str] | None:
    """Recording → speaker, from the speakers by recording; None where not all are known."""
    return None if column.isna().any() else dict(zip(column.index.astype(str), column.astype(str), strict=True))


def scores(trials: DataFrame) -> Series[float]:
    """The share of draws that are right, one a recording; recordings without a label are left out."""
    labelled = trials[trials["correct"].notna()]
    return labelled["correct"].astype(float).groupby(labelled["recording"], observed=True).mean()


def accuracy(trials: DataFrame, speakers: Mapping[str, str] | None = None) -> Estimate:
    """Accuracy over the recordings of one condition of one variant."""
    score = scores(trials)
    return mean_score(score, speakers_of(score.index, speakers))


def balanced_accuracy(trials: DataFrame) -> float:
    """Accuracy averaged over labels; NaN without labels."""
    labelled = trials[trials["correct"].notna()]
    return float(labelled["correct"].astype(float).groupby(labelled["label"], observed=True).mean().mean())


def curve(trials: DataFrame, recordings: Sequence[str] | None = None, speakers: Mapping[str, str] | None = None) -> DataFrame:
    """Accuracy at each level of one perturbation, by variant.

    Args:
        trials: rows of one perturbation and fill.
        recordings: the cohort; None for all.
        speakers: recording → speaker; None where not known.

    Returns:
        variant, level, right (sum of the scores), value, low, high, total; sorted.
    """
    chosen = trials[trials["correct"].notna()]
    if recordings is not None:
        chosen = chosen[chosen["recording"].isin(recordings)]
    if chosen.empty:
        return DataFrame(columns=["variant", "level", "right", "value", "low", "high", "total"])
    keys = ["variant", "level", "recording"]
    score = chosen["correct"].astype(float).groupby([chosen[key] for key in keys], observed=True).mean()
    rows = []
    for key, group in score.groupby(level=["variant", "level"], observed=True):
        variant, level = cast("tuple[str, float]", key)
        who = speakers_of(group.index.get_level_values("recording"), speakers)
        estimate = mean_score(group, who)
        rows.append({"variant": str(variant), "level": float(level), "right": float(group.sum()), **estimate._asdict()})
    return DataFrame(rows).sort_values(["variant", "level"], ignore_index=True)


def unharmed(trials: DataFrame) -> list[str]:
    """Recordings that lose no speech at any of these rows: the cohort beside the headline."""
    lost = (trials["lost_start_ms"] + trials["lost_end_ms"]).groupby(trials["recording"], observed=True).max()
    return [str(name) for name in lost.index[lost <= 0]]


class Tolerance(NamedTuple):
    """How far a level can go, on the grid, while a bar holds there and at every milder level; None where it fails at once."""

    early: float | None  # towards smaller levels
    late: float | None  # towards larger levels


def tolerance(curve_of_one: DataFrame, bar: float, neutral: float = 0.0) -> Tolerance:
    """The largest shift to each side of `neutral` up to which accuracy stays at `bar` or above.

    Args:
        curve_of_one: level and value of one variant, as `curve` returns them.
        bar: the accuracy to hold.
        neutral: the level that changes nothing.
    """
    points = curve_of_one.sort_values("level")

    def reach(side: DataFrame) -> float | None:
        holds = (side["value"] >= bar).cummin()
        kept = side["level"][holds]
        return None if kept.empty else float(kept.iloc[-1])

    return Tolerance(reach(points[points["level"] <= neutral][::-1]), reach(points[points["level"] >= neutral]))


class Flips(NamedTuple):
    """Answers that differ from the reference condition, each way over its own denominator."""

    right_to_wrong: int
    right: int
    wrong_to_right: int
    wrong: int
    changed: int  # whatever the truth, also of recordings without a label
    recordings: int


def flips(reference: DataFrame, condition: DataFrame) -> Flips:
    """Compares two conditions of one variant over the recordings they share; one row a recording each."""
    both = _matched(reference, condition)
    labelled = both[both["correct_a"].notna() & both["correct_b"].notna()]
    before, after = labelled["correct_a"].astype(bool), labelled["correct_b"].astype(bool)
    return Flips(
        int((before & ~after).sum()),
        int(before.sum()),
        int((~before & after).sum()),
        int((~before).sum()),
        int((both["predicted_a"] != both["predicted_b"]).sum()),
        len(both),
    )


def _matched(a: DataFrame, b: DataFrame) -> DataFrame:
    """Two sets of trials side by side by recording; each must hold one row a recording: one condition of one variant."""
    columns = ["recording", "predicted", "correct"]
    left, right = (part[columns].astype({"recording": str, "predicted": str}) for part in (a, b))
    return left.merge(right, on="recording", suffixes=("_a", "_b"), validate="one_to_one")


def compared(trials: DataFrame, before: str, after: str, speakers: Mapping[str, str] | None = None) -> PairedChange:
    """Two variants on the same condition, one row a recording each.

    Args:
        trials: of that condition.
        before: a variant.
        after: another one.
        speakers: recording → speaker; None where not known.
    """
    pair = _matched(trials[trials["variant"] == before], trials[trials["variant"] == after])
    pair = pair[pair["correct_a"].notna() & pair["correct_b"].notna()]
    who = speakers_of(list(pair["recording"]), speakers)
    return paired_change(pair["correct_a"].astype(bool), pair["correct_b"].astype(bool), who)


def changed_answers(trials: DataFrame, before: str, after: str) -> DataFrame:
    """Every trial that two variants answer differently: its condition, both answers and both verdicts."""
    keys = ["recording", *CONDITION[1:], "draw"]
    columns = [*keys, "predicted", "correct"]
    left, right = (trials.loc[trials["variant"] == name, columns] for name in (before, after))
    both = left.merge(right, on=keys, suffixes=("_before", "_after"))
    return both[both["predicted_before"].astype(object) != both["predicted_after"].astype(object)]


def worst_case(inside: DataFrame, speakers: Mapping[str, str] | None = None) -> Estimate:
    """The share of recordings that are right at every one of these rows; give offsets within their slack.

    Args:
        inside: rows of one variant.
        speakers: recording → speaker; None where not known.
    """
    labelled = inside[inside["correct"].notna()]
    always = labelled["correct"].astype(bool).groupby(labelled["recording"], observed=True).all()
    return mean_score(always.astype(float), speakers_of(always.index, speakers))


def consistency(inside: DataFrame) -> float:
    """The chance that two different offsets of a recording, drawn at random, give one answer (Zhang 2019), averaged over recordings."""
    answers = inside.groupby(["recording", "predicted"], observed=True).size()
    per_recording = answers.groupby(level=0)
    total = per_recording.sum()
    same = answers.mul(answers - 1).groupby(level=0).sum()
    movable = total > 1
    return float((same / (total * (total - 1)).where(movable))[movable].mean()) if movable.any() else float(np.nan)
