"""The answers of a run with what the device does with each, whichever version wrote the run.

Runs of schema 1 hold no outcomes: they are derived from the answer, its probability, the label and the threshold; their outcome margin is
missing, for that needs the logits. Loads no torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import pandas as pd
from pandas import DataFrame, Series

from robustness.analysis.outcomes import OUTCOMES, OperatingPoint, outcomes
from robustness.run.folder import Run

NEEDED: Final = ("variant", "label", "perturbation", "predicted", "p_predicted", "command", "p_command")
WITHOUT: Final = 1  # the schema whose trials have no outcome


def operating_points(manifest: Mapping[str, Any]) -> dict[str, OperatingPoint]:
    """Each variant's operating point by its name in the trials."""
    models = manifest["models"]
    several = len(models) > 1
    return {f"{m['name']} · {v['name']}" if several else v["name"]: OperatingPoint.of(m) for m in models for v in m["variants"]}


def answers_of(run: Run, columns: Sequence[str], **equals: object) -> DataFrame:
    """Rows of a run's trials, of these columns, where each named column has the value given; with every outcome."""
    return _completed(run, run.trials(columns=_wanted(run, columns), **equals), columns)


def answer_parts(run: Run, columns: Sequence[str], **equals: object) -> Iterator[DataFrame]:
    """The same rows, a frame for each part on disk."""
    for part in run.batches(columns=_wanted(run, columns), **equals):
        yield _completed(run, part, columns)


def outcomes_by_variant(trials: DataFrame, points: Mapping[str, OperatingPoint]) -> Series[str]:
    """What the device does in each of these trials, each variant at its own operating point."""
    parts = [outcomes(trials[trials["variant"] == name], point) for name, point in points.items()]
    codes = pd.concat([part.cat.codes for part in parts]).reindex(trials.index)
    return Series(pd.Categorical.from_codes(codes, categories=pd.Index(OUTCOMES)), index=trials.index)


def _wanted(run: Run, columns: Sequence[str]) -> list[str]:
    old = run.schema == WITHOUT and "outcome" in columns
    return list(dict.fromkeys([*columns, *(NEEDED if old else ())]))


def _completed(run: Run, trials: DataFrame, columns: Sequence[str]) -> DataFrame:
    if "outcome" in columns:
        if run.schema == WITHOUT:
            trials = trials.assign(outcome=outcomes_by_variant(trials, operating_points(run.manifest)))
        else:
            trials = trials.assign(outcome=trials["outcome"].astype(pd.CategoricalDtype(pd.Index(OUTCOMES))))
    return trials[list(columns)]
