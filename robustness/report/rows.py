"""Which trials are drawn, and what their recordings have."""

from __future__ import annotations

import numpy as np
from pandas import DataFrame, Series


def of_recording(trials: DataFrame, values: Series[float]) -> Series[float]:
    """What each trial's recording has, [trials]; NaN where it has none.

    Args:
        trials: rows with `recording`.
        values: by the id of a recording.
    """
    words = trials["recording"].astype("category")
    own = values.set_axis(values.index.astype(str)).reindex(words.cat.categories.astype(str)).to_numpy(dtype=float)
    return Series(np.append(own, np.nan)[words.cat.codes.to_numpy()], index=trials.index)  # a missing one has the code −1


def whole(trials: DataFrame) -> DataFrame:
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
