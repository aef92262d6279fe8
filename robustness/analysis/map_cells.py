"""Which cells of a map say the most? Loads no torch."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

TOP_SHARE: Final = 0.1  # of the cells that are not zero


def top_cells(values: NDArray[Any], share: float = TOP_SHARE) -> NDArray[np.bool_]:
    """Which cells hold the largest |values|: the share of those that are not zero, at least one; ties go together."""
    strength = np.abs(values)
    there = np.sort(strength[strength > 0])[::-1]
    if not len(there):
        return np.zeros(values.shape, dtype=bool)
    least = there[max(1, round(share * len(there))) - 1]
    found: NDArray[np.bool_] = strength >= least
    return found
