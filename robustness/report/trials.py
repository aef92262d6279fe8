"""Which trials are drawn, and what their recordings have.

The trials of a run as the page reads them: part by part, or those under one perturbation; never all at once.

Windows without a word are left out. Loads no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd
from pandas import DataFrame, Series

from robustness.analysis.answers import answer_parts, answers_of
from robustness.conditions import NO_WORD
from robustness.run.folder import Run


def of_recording(trials: DataFrame, values: Series[float]) -> Series[float]:
    """What each trial's recording has, [trials]; NaN where it has none.

    Args:
        trials: rows with `recording`.
        values: by the id of a recording.
    """
    words = trials["recording"].astype("category")
    own = values.set_axis(values.index.astype(str)).reindex(words.cat.categories.astype(str)).to_numpy(dtype=float)
    return Series(np.append(own, np.nan)[words.cat.codes.to_numpy()], index=trials.index)  # a missing one has the code −1


def whole_recordings(trials: DataFrame) -> DataFrame:
    """What an interrupted run finished: the recordings with the most rows, under the conditions that all of them and all variants have."""
    if trials.empty:
        return trials
    rows = trials.groupby("recording", observed=True)["draw"].transform("size")
    done = trials[rows == rows.max()]
    together = done.groupby(["perturbation", "placement", "fill", "level", "draw"], observed=True, dropna=False)["variant"].transform(
        "size"
    )
    kept: DataFrame = done[together == together.max()]
    return kept


COLUMNS: Final = (
    *("variant", "recording", "label", "placement", "fill", "perturbation", "level", "draw"),
    *("offset_ms", "predicted", "correct", "p_label", "p_predicted", "margin"),
    *("outcome", "outcome_margin", "command", "p_command", "lost_start_ms", "lost_end_ms"),
)


@dataclass(frozen=True, eq=False)
class Trials:
    """The trials of a run; of one that was interrupted, what it finished."""

    run: Run

    def parts(self, **equals: str) -> Iterator[DataFrame]:
        """The trials where each named column has the value given, a part of the run at a time: all rows of a recording are in one."""
        if not self.run.manifest["complete"]:
            yield self.under(**equals)
            return
        for rows in answer_parts(self.run, COLUMNS, **equals):
            yield rows[rows["perturbation"] != NO_WORD]

    def under(self, **equals: str) -> DataFrame:
        """The trials where each named column has the value given, at once; name a perturbation, for of all of them there are too many."""
        if self.run.manifest["complete"]:
            rows = answers_of(self.run, COLUMNS, **equals)
            return rows[rows["perturbation"] != NO_WORD]
        rows = self._finished
        for column, value in equals.items():
            rows = rows[rows[column] == value]
        return rows

    def gathered(self, reduced: Callable[[DataFrame], DataFrame], **equals: str) -> DataFrame:
        """What is left of every part once it is reduced, one after the other."""
        parts = [reduced(rows) for rows in self.parts(**equals)]
        kept = [rows for rows in parts if len(rows)] or parts[:1]
        return pd.concat(kept) if kept else reduced(self.under(perturbation=""))

    @cached_property
    def _finished(self) -> DataFrame:
        """All that an interrupted run finished: which that is, only all of its rows tell."""
        rows = answers_of(self.run, COLUMNS)
        return whole_recordings(rows[rows["perturbation"] != NO_WORD])
