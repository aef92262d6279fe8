"""Does a change make a model right where it was wrong, by more than chance? Paired, on the same recordings.

Each change that is tried is one of several: a test is asked at its level divided by how many (Bonferroni). Restored answers go by Fisher's
exact test (1922), halved errors by the sign test (Dixon and Mood 1946) or, on margins, by Wilcoxon's (1945).
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import scipy  # its `stats` at their first use: to import them takes half a second

from robustness.analysis.outcomes import Bools, Floats

LEVEL: Final = 0.05
SURE: Final = 0.01
FEWEST: Final = 5  # recordings, below which nothing is said


class PairedAccuracy(NamedTuple):
    """Right answers before and after a change.

    Attributes:
        before: how many are right.
        after: how many are right with the change.
        of: of how many recordings.
        p: of the sign test: that at least so many of the changed answers become right by chance.
        p_margins: of Wilcoxon's signed-rank test, one-sided: that margins rise so by chance; 1 where they were not compared.
    """

    before: int
    after: int
    of: int
    p: float
    p_margins: float = 1.0

    def restores(self, tried: int) -> bool:
        """Whether it brings most answers back: from under half to over twice as many and to half at least, not by chance."""
        low = 2 * self.before < self.of and self.after > 2 * self.before and 2 * self.after >= self.of
        return self.of >= FEWEST and low and self._p_unpaired() * tried <= LEVEL

    def _p_unpaired(self) -> float:
        """Of Fisher's exact test, one-sided: few recordings that almost all change are beyond the reach of the sign test."""
        table = np.asarray([[self.after, self.of - self.after], [self.before, self.of - self.before]])
        return float(scipy.stats.fisher_exact(table, alternative="greater").pvalue)

    @property
    def halves_errors(self) -> bool:
        """Whether half of the errors or more are gone, two at least."""
        return self.after - self.before >= 2 and 2 * (self.of - self.after) <= self.of - self.before

    def helps(self) -> bool:
        """Whether it halves the errors, not by chance: enough if there is other evidence of the same fault."""
        return self.halves_errors and self.p <= LEVEL

    def raises_margins(self, tried: int) -> bool:
        """Whether it halves the errors, and the true labels' margins rise in general: that no change of a good recording does."""
        return self.of >= FEWEST and self.halves_errors and self.p_margins * tried <= SURE


def paired_accuracy(before: Bools, after: Bools, margins: tuple[Floats, Floats] | None = None) -> PairedAccuracy:
    """What a change does to paired answers.

    Args:
        before: which were right, [clips].
        after: which are, [clips].
        margins: of the true labels, before and after, [clips] each.
    """
    better, worse = int((after & ~before).sum()), int((before & ~after).sum())
    p = float(scipy.stats.binomtest(better, better + worse, 0.5, alternative="greater").pvalue) if better + worse else 1.0
    rise = np.zeros(0) if margins is None else margins[1] - margins[0]
    p_margins = float(scipy.stats.wilcoxon(rise, alternative="greater").pvalue) if len(rise) >= FEWEST and rise.any() else 1.0
    return PairedAccuracy(int(before.sum()), int(after.sum()), len(before), p, p_margins)
