"""What the trials say: how many outcomes are good, their curves, changes against a reference, tolerance to a shift.

Right is a good outcome, by what the device does (`analysis.outcomes`). Accuracy, balanced accuracy and what is asked for by "label" go by
the winning label (`correct`). Every function takes the trials of a run (a row is one prediction) and returns a table or a named result. A
recording counts once: its draws are averaged first. Levels are in the perturbation's unit. Loads no torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, cast

import numpy as np
import pandas as pd
from pandas import DataFrame, Series

from robustness.analysis.intervals import Estimate, PairedChange, mean_score, paired_change
from robustness.analysis.outcomes import good

CONDITION: Final = ["variant", "perturbation", "placement", "fill", "level"]
By = Literal["outcome", "label"]  # what the device does, or the winning label


def rightness(trials: DataFrame, by: By = "outcome") -> Series[float]:
    """1 where a trial is right, 0 where it is wrong, NaN where the truth is not known, [trials]."""
    return good(trials["outcome"]) if by == "outcome" else trials["correct"].astype(float)


def judged(trials: DataFrame, by: By = "outcome") -> DataFrame:
    """The trials whose truth is known, with the column `right`: 1 or 0."""
    right = rightness(trials, by)
    return trials.assign(right=right)[right.notna()]


def speakers_of(recordings: Sequence[str] | pd.Index[Any], speakers: Mapping[str, str] | None) -> list[str | None] | None:
    """The speakers of these recordings, or None where none is given."""
    if speakers is None:
        return None
    names = recordings.to_numpy(dtype=object) if isinstance(recordings, pd.Index) else recordings  # an index of strings is slow to walk
    return [speakers.get(name) for name in names]


def known_speakers(column: Series[Any]) -> dict[str, str] | None:
    """Recording → speaker, from the speakers by recording; None where not all are known."""
    return None if column.isna().any() else dict(zip(column.index.astype(str), column.astype(str), strict=True))


def scores(trials: DataFrame, by: By = "outcome") -> Series[float]:
    """The share of draws that are right, one a recording; recordings without a label are left out."""
    known = judged(trials, by)
    return known["right"].groupby(known["recording"], observed=True).mean()


def good_share(trials: DataFrame, speakers: Mapping[str, str] | None = None) -> Estimate:
    """The share of recordings with a good outcome in one condition of one variant."""
    score = scores(trials)
    return mean_score(score, speakers_of(score.index, speakers))


def accuracy(trials: DataFrame, speakers: Mapping[str, str] | None = None) -> Estimate:
    """Accuracy, by the winning label, over the recordings of one condition of one variant."""
    score = scores(trials, "label")
    return mean_score(score, speakers_of(score.index, speakers))


def balanced_accuracy(trials: DataFrame) -> float:
    """Accuracy, by the winning label, averaged over labels; NaN without labels."""
    known = judged(trials, "label")
    return float(known["right"].groupby(known["label"], observed=True).mean().mean())


def curve(
    trials: DataFrame, recordings: Sequence[str] | None = None, speakers: Mapping[str, str] | None = None, by: By = "outcome"
) -> DataFrame:
    """The share that is right at each level of one perturbation, by variant.

    Args:
        trials: rows of one perturbation and fill.
        recordings: the cohort; None for all.
        speakers: recording → speaker; None where not known.
        by: the outcome, or the winning label.

    Returns:
        variant, level, right (sum of the scores), value, low, high, total; sorted.
    """
    chosen = judged(trials, by)
    if recordings is not None:
        chosen = chosen[chosen["recording"].isin(recordings)]
    if chosen.empty:
        return DataFrame(columns=["variant", "level", "right", "value", "low", "high", "total"])
    keys = ["variant", "level", "recording"]
    score = chosen["right"].groupby([chosen[key] for key in keys], observed=True).mean()
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
    """The largest shift to each side of `neutral` up to which the share that is right stays at `bar` or above.

    Args:
        curve_of_one: level and value of one variant, as `curve` returns them.
        bar: the share to hold.
        neutral: the level that changes nothing.
    """
    points = curve_of_one.sort_values("level")

    def reach(side: DataFrame) -> float | None:
        holds = (side["value"] >= bar).cummin()
        kept = side["level"][holds]
        return None if kept.empty else float(kept.iloc[-1])

    return Tolerance(reach(points[points["level"] <= neutral][::-1]), reach(points[points["level"] >= neutral]))


class Flips(NamedTuple):
    """Outcomes that differ from the reference condition, each way over its own denominator."""

    right_to_wrong: int
    right: int
    wrong_to_right: int
    wrong: int
    changed: int  # answers that have another winning label, whatever the truth, also of recordings without a label
    recordings: int


def flips(reference: DataFrame, condition: DataFrame, by: By = "outcome") -> Flips:
    """Compares two conditions of one variant over the recordings they share; one row a recording each."""
    both = _matched(reference, condition, by)
    known = both[both["right_a"].notna() & both["right_b"].notna()]
    before, after = known["right_a"] > 0, known["right_b"] > 0
    return Flips(
        int((before & ~after).sum()),
        int(before.sum()),
        int((~before & after).sum()),
        int((~before).sum()),
        int((both["predicted_a"] != both["predicted_b"]).sum()),
        len(both),
    )


def _matched(a: DataFrame, b: DataFrame, by: By) -> DataFrame:
    """Two sets of trials side by side by recording; each must hold one row a recording: one condition of one variant."""
    columns = ["recording", "predicted", "right"]
    left, right = (part.assign(right=rightness(part, by))[columns].astype({"recording": str, "predicted": str}) for part in (a, b))
    return left.merge(right, on="recording", suffixes=("_a", "_b"), validate="one_to_one")


def compared(trials: DataFrame, before: str, after: str, speakers: Mapping[str, str] | None = None, by: By = "outcome") -> PairedChange:
    """Two variants on the same condition, one row a recording each.

    Args:
        trials: of that condition.
        before: a variant.
        after: another one.
        speakers: recording → speaker; None where not known.
        by: the outcome, or the winning label.
    """
    pair = _matched(trials[trials["variant"] == before], trials[trials["variant"] == after], by)
    pair = pair[pair["right_a"].notna() & pair["right_b"].notna()]
    who = speakers_of(list(pair["recording"]), speakers)
    return paired_change(pair["right_a"] > 0, pair["right_b"] > 0, who)


def changed_answers(trials: DataFrame, before: str, after: str) -> DataFrame:
    """Every trial that two variants answer differently: its condition, both answers and both verdicts."""
    keys = ["recording", *CONDITION[1:], "draw"]
    columns = [*keys, "predicted", "correct"]
    left, right = (trials.loc[trials["variant"] == name, columns] for name in (before, after))
    both = left.merge(right, on=keys, suffixes=("_before", "_after"))
    return both[both["predicted_before"].astype(object) != both["predicted_after"].astype(object)]


def worst_case(inside: DataFrame, speakers: Mapping[str, str] | None = None, by: By = "outcome") -> Estimate:
    """The share of recordings that are right at every one of these rows; give offsets within their slack, of testable recordings.

    Args:
        inside: rows of one variant.
        speakers: recording → speaker; None where not known.
        by: the outcome, or the winning label.
    """
    known = judged(inside, by)
    always = known["right"].groupby(known["recording"], observed=True).min()
    return mean_score(always, speakers_of(always.index, speakers))


def consistency(inside: DataFrame, of: str = "outcome") -> float:
    """The chance that two different offsets of a recording, drawn at random, give one outcome, averaged over recordings.

    After Zhang 2019 (arXiv:1904.11486), whose is of answers: `of="predicted"`.
    """
    known = inside[inside[of].notna()]
    same = known.groupby(["recording", of], observed=True).size()
    per_recording = same.groupby(level=0)
    total = per_recording.sum()
    pairs = same.mul(same - 1).groupby(level=0).sum()
    movable = total > 1
    return float((pairs / (total * (total - 1)).where(movable))[movable].mean()) if movable.any() else float(np.nan)
