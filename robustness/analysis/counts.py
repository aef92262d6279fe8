"""How many recordings met each outcome in one condition, and how often a command is found where there is no word?

Every function takes trials with their `outcome`, a row a prediction. Draws are averaged within a recording. Loads no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd
from pandas import DataFrame

from robustness.analysis.accuracy import accuracy, balanced_accuracy, speakers_of
from robustness.analysis.intervals import Estimate, mean_score, poisson_rate
from robustness.analysis.outcomes import ACCEPTED, FALSE_ACCEPT, LEFT_ALONE, MISSED, SUBSTITUTED
from robustness.conditions import MADE, NO_WORD

ALL, RECORDED = "all", "recorded"  # kinds of windows without a word, together


class Counts(NamedTuple):
    """How many recordings met each outcome in one condition, of those it can happen to."""

    right: Estimate  # of the known words
    missed: Estimate
    substituted: Estimate
    falsely_accepted: Estimate  # of the unknown words
    accuracy: Estimate  # of all labelled recordings, by the winning label
    balanced: float  # accuracy averaged over labels
    known: int
    unknown: int


def counts(trials: DataFrame, speakers: Mapping[str, str] | None = None) -> Counts:
    """The outcomes of one condition of one variant; several draws are averaged within a recording.

    Args:
        trials: rows of one variant and condition.
        speakers: recording → speaker; None where not known.
    """
    outcome = trials["outcome"]
    rejected = outcome.isin([LEFT_ALONE, FALSE_ACCEPT])
    known, unknown = trials[outcome.notna() & ~rejected], trials[rejected]

    def share(rows: DataFrame, name: str) -> Estimate:
        scores = (outcome[rows.index] == name).astype(float).groupby(rows["recording"], observed=True).mean()
        return mean_score(scores, speakers_of(scores.index, speakers))

    return Counts(
        share(known, ACCEPTED),
        share(known, MISSED),
        share(known, SUBSTITUTED),
        share(unknown, FALSE_ACCEPT),
        accuracy(trials, speakers),
        balanced_accuracy(trials),
        known["recording"].nunique(),
        unknown["recording"].nunique(),
    )


def no_word_rates(trials: DataFrame, window_ms: float) -> DataFrame:
    """Commands found in windows without a word, by variant and kind of sound, and those of all kinds and of all recorded ones together.

    An hour of recorded sound is an hour of what a device hears; made noise and silence have windows, and no hours.

    Returns:
        variant, kind (a sound, `all` or `recorded`), windows, accepted, value (an hour), low, high; the last three NaN of made noise.
    """
    rows = trials[trials["perturbation"] == NO_WORD]
    accepted = rows["outcome"] == FALSE_ACCEPT
    table = DataFrame({"variant": rows["variant"].astype(str), "kind": rows["recording"].astype(str), "accepted": accepted})
    recorded = table[~table["kind"].isin(MADE)]
    table = pd.concat([table, table.assign(kind=ALL), recorded.assign(kind=RECORDED)])
    found = table.groupby(["variant", "kind"], sort=False)["accepted"].agg(["size", "sum"]).reset_index()
    rates = [
        poisson_rate(int(k), 0.0 if kind in (*MADE, ALL) else n * window_ms / 3_600_000)
        for kind, k, n in zip(found["kind"], found["sum"], found["size"], strict=True)
    ]
    ends = DataFrame(rates, columns=["value", "low", "high", "total"])[["value", "low", "high"]]
    return pd.concat([found.rename(columns={"size": "windows", "sum": "accepted"}), ends], axis=1)
