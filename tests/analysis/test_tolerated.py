"""Is the tolerated range that of every milder level, on each side by itself?"""

from __future__ import annotations

import math

import pytest

from robustness.analysis.tolerated import tolerated

INF = math.inf


@pytest.mark.parametrize(
    ("shares", "neutral", "below", "above"),
    [
        ({30.0: 1.0, 20.0: 0.9, 10.0: 0.8, 5.0: 0.95}, INF, 20.0, None),  # the dip at 10 dB ends it
        ({30.0: 0.5, 20.0: 1.0}, INF, None, None),
        ({0.2: 1.0, 0.4: 0.9, 0.6: 0.89}, 0.0, None, 0.4),
        ({-6.0: 1.0, 6.0: 1.0, -12.0: 0.9, 12.0: 0.1, -20.0: 1.0}, 0.0, -20.0, 6.0),
        ({6.0: math.nan, 12.0: 1.0}, 0.0, None, None),
    ],
)
def test_each_side_ends_before_the_first_level_under_the_bar(
    shares: dict[float, float], neutral: float, below: float | None, above: float | None
) -> None:
    found = tolerated(shares, neutral, 0.9)
    assert (found.below and found.below.held, found.above and found.above.held) == (below, above)


def test_a_side_without_a_level_is_none_and_one_that_holds_to_the_end_says_so() -> None:
    found = tolerated({0.2: 1.0, 0.4: 1.0}, 0.0, 0.9)
    assert found.below is None
    assert found.above is not None
    assert found.above.whole
