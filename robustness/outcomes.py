"""What a user of the device meets: commands accepted, missed or mistaken, and sounds that are no command accepted as one.

At the operating point, a threshold on the winning probability; without one the winning label counts. Every function takes the trials
of a run, a row a prediction. Loads no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas import DataFrame, Series

from robustness.conditions import MADE, NO_WORD
from robustness.metrics import accuracy, balanced_accuracy, speakers_of
from robustness.statistics import Estimate, mean_score, poisson_rate

ACCEPTED: Final = "accepted right"
MISSED: Final = "missed"
SUBSTITUTED: Final = "substituted"
FALSE_ACCEPT: Final = "falsely accepted"
REJECTED: Final = "rightly rejected"
ALL, RECORDED = "all", "recorded"  # kinds of windows without a word, together
OUTCOMES: Final = (MISSED, SUBSTITUTED, ACCEPTED, REJECTED, FALSE_ACCEPT)


@dataclass(frozen=True)
class OperatingPoint:
    """When a device acts on an answer.

    Attributes:
        rejections: labels on which it does nothing (unknown, silence).
        threshold: on the winning probability; None takes every answer.
    """

    rejections: frozenset[str]
    threshold: float | None = None

    @classmethod
    def of(cls, model: Mapping[str, Any]) -> OperatingPoint:
        """From a model's entry in the manifest."""
        return cls(frozenset(name for name in (model["unknown"], model["silence"]) if name), model["threshold"])

    def accepts(self, trials: DataFrame) -> Series[bool]:
        """Whether a command is carried out."""
        command = ~trials["predicted"].isin(list(self.rejections))
        return command if self.threshold is None else command & (trials["p_predicted"] >= self.threshold)


def outcomes(trials: DataFrame, point: OperatingPoint) -> Series[str]:
    """What a user of the device meets in each trial; missing where the label is not known."""
    label, accepted = trials["label"], point.accepts(trials).to_numpy()
    rejected = label.isin(list(point.rejections)).to_numpy()
    known = label.notna().to_numpy() & ~rejected
    wordless = rejected | (trials["perturbation"] == NO_WORD).to_numpy()
    right = same(label, trials["predicted"])
    code = np.full(len(trials), -1, dtype=np.int64)
    code[known] = 0
    code[known & accepted] = 1
    code[known & accepted & right] = 2
    code[wordless] = 3
    code[wordless & accepted] = 4
    return Series(pd.Categorical.from_codes(code, categories=pd.Index(OUTCOMES)), index=trials.index)


def same(a: Series[str], b: Series[str]) -> NDArray[np.bool_]:
    """Where two columns hold the same word, [rows]; nowhere where one is missing. Compares places in a list of words, not the words."""
    first, second = (column.astype("category") for column in (a, b))
    there = second.cat.categories.get_indexer(first.cat.categories)
    there = np.append(there, -1)  # a missing word has the code −1
    places = there[first.cat.codes.to_numpy()]
    found: NDArray[np.bool_] = (places >= 0) & (places == second.cat.codes.to_numpy())
    return found


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


def counts(trials: DataFrame, point: OperatingPoint, speakers: Mapping[str, str] | None = None) -> Counts:
    """The outcomes of one condition of one variant; several draws are averaged within a recording.

    Args:
        trials: rows of one variant and condition.
        point: the operating point.
        speakers: recording → speaker; None where not known.
    """
    outcome = outcomes(trials, point)
    rejected = outcome.isin([REJECTED, FALSE_ACCEPT])
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


def no_word_rates(trials: DataFrame, point: OperatingPoint, window_ms: float) -> DataFrame:
    """Commands found in windows without a word, by variant and kind of sound, and those of all kinds and of all recorded ones together.

    An hour of recorded sound is an hour of what a device hears; made noise and silence have windows, and no hours.

    Returns:
        variant, kind (a sound, `all` or `recorded`), windows, accepted, value (an hour), low, high; the last three NaN of made noise.
    """
    rows = trials[trials["perturbation"] == NO_WORD]
    accepted = point.accepts(rows)
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
