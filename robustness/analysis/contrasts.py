"""What do the recordings of one group have in common that others do not have? Each measure and each name with a test.

Numbers are compared by Mann and Whitney's test (1947), names by Fisher's exact test (1922), and p of all of them is adjusted by Benjamini
and Hochberg (1995). Recordings are counted as if none knew of another. Loads no torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import scipy  # its `stats` at their first use: to import them takes half a second
from pandas import DataFrame

from robustness.analysis.intervals import adjusted

FEWEST: Final = 5  # recordings in the group and beside it, for a test of numbers
FEWEST_NAMED: Final = 3  # recordings of a name in the group
LEVEL: Final = 0.05  # of q


@dataclass(frozen=True)
class Contrast:
    """A measure, or a name, in which a group differs from the others.

    Attributes:
        column: of the table.
        name: the value of the column, such as a speaker; None of a number.
        inside: the median in the group, or how many have the name.
        outside: the same of the others.
        sizes: how many there are in the group, and how many others.
        p: of the test.
        q: p adjusted for all that were tested together.
    """

    column: str
    name: str | None
    inside: float
    outside: float
    sizes: tuple[int, int]
    p: float
    q: float = float("nan")


def contrasts(group: DataFrame, others: DataFrame, numbers: Sequence[str], names: Sequence[str]) -> tuple[Contrast, ...]:
    """Those that hold with q under 0.05, the surest first.

    Args:
        group: recordings, a row each.
        others: recordings of the same kind that are not in the group.
        numbers: columns that hold numbers.
        names: columns that hold names.
    """
    tested = [*_numbers(group, others, numbers), *_names(group, others, names)]
    if not tested:
        return ()
    sure = [replace(one, q=q) for one, q in zip(tested, adjusted([one.p for one in tested]), strict=True)]
    return tuple(sorted((one for one in sure if one.q < LEVEL), key=lambda one: (one.q, one.column, one.name or "")))


def _numbers(group: DataFrame, others: DataFrame, columns: Sequence[str]) -> Iterator[Contrast]:
    for column in columns:
        inside, outside = (table[column].dropna().to_numpy(dtype=float) for table in (group, others))
        if min(len(inside), len(outside)) < FEWEST or len(np.unique(np.r_[inside, outside])) < 2:
            continue
        p = float(scipy.stats.mannwhitneyu(inside, outside, alternative="two-sided").pvalue)
        yield Contrast(column, None, float(np.median(inside)), float(np.median(outside)), (len(inside), len(outside)), p)


def _names(group: DataFrame, others: DataFrame, columns: Sequence[str]) -> Iterator[Contrast]:
    for column in columns:
        inside, outside = (table[column].dropna().astype(str) for table in (group, others))
        if outside.empty or len({*inside, *outside}) < 2:
            continue
        for name, count in inside.value_counts().items():
            if count < FEWEST_NAMED:
                continue
            there = int((outside == name).sum())
            table = np.array([[int(count), len(inside) - int(count)], [there, len(outside) - there]])
            p = float(scipy.stats.fisher_exact(table, alternative="greater").pvalue)
            yield Contrast(column, str(name), int(count), there, (len(inside), len(outside)), p)
