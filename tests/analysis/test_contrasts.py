"""Whether what sets a group of recordings apart is found, by the tests' own definitions, and nothing is found where nothing does."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from robustness.analysis.contrasts import contrasts


def table(count: int, level_dbfs: float, speaker: str, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame({"level_dbfs": random.normal(level_dbfs, 2, count), "length_ms": random.normal(500, 60, count), "speaker": speaker})


def test_a_lower_level_and_a_speaker_are_found_and_a_like_length_is_not() -> None:
    quiet, loud = table(12, -40, "ann", 0), pd.concat([table(20, -20, "bob", 1), table(2, -20, "ann", 2)])
    found = contrasts(quiet, loud, ("level_dbfs", "length_ms"), ("speaker",))
    assert [(one.column, one.name) for one in found] == [("speaker", "ann"), ("level_dbfs", None)]
    level = found[1]
    assert (level.inside, level.outside) == (quiet["level_dbfs"].median(), loud["level_dbfs"].median())
    assert level.p == stats.mannwhitneyu(quiet["level_dbfs"], loud["level_dbfs"], alternative="two-sided").pvalue
    p = sorted([level.p, found[0].p, stats.mannwhitneyu(quiet["length_ms"], loud["length_ms"], alternative="two-sided").pvalue])
    by_hand = [min(p[j] * 3 / (j + 1) for j in range(i, 3)) for i in range(3)]  # Benjamini and Hochberg
    assert sorted(one.q for one in found) == pytest.approx(by_hand[:2])


@pytest.mark.parametrize(("inside", "outside"), [(4, 20), (12, 4), (12, 0)])
def test_of_too_few_nothing_is_said(inside: int, outside: int) -> None:
    assert contrasts(table(inside, -40, "ann", 0), table(outside, -20, "ann", 1), ("level_dbfs",), ("speaker",)) == ()


def test_what_all_share_sets_nobody_apart() -> None:
    assert contrasts(table(12, -20, "ann", 0), table(12, -20, "ann", 1), ("level_dbfs",), ("speaker",)) == ()
