"""A forecast of margins is the least squares line with shrunken costs of words, and says where the word adds nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from robustness.analysis.margin_forecast import BASES, PlaceForecast, left_out, score, shrunken


def table(cost: dict[str, float], *, each: int = 12, noise: float = 0.3) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    words = np.repeat(list(cost), each)
    reference = rng.normal(3, 1, len(words))
    margin = 0.8 * reference - 2 + np.array([cost[word] for word in words]) + rng.normal(0, noise, len(words))
    group = np.arange(len(words)) % 8
    return pd.DataFrame({"recording": range(len(words)), "word": words, "group": group, "reference": reference, "margin": margin})


def test_the_line_is_that_of_least_squares() -> None:
    rows = table({"yes": 0.0, "no": 0.0})
    found = PlaceForecast.of(rows)
    slope, intercept = np.polyfit(rows["reference"], rows["margin"], 1)
    assert found.slope == pytest.approx(slope)
    assert found.intercept == pytest.approx(intercept)
    assert found.margin("yes", 2.0, "reference") == pytest.approx(intercept + 2 * slope)
    assert found.margin("yes", 2.0, "constant") == pytest.approx(rows["margin"].mean())
    assert found.margin("never met", 2.0, "reference and word") == found.margin("never met", 2.0, "reference")


def test_means_are_shrunken_by_what_chance_explains() -> None:
    words = pd.Series(["a"] * 4 + ["b"] * 2 + ["c"] * 2)
    values = np.array([5.0, 6.0, 5.0, 6.0, -4.0, -5.0, 0.0, 1.0])
    means = {"a": 5.5, "b": -4.5, "c": 0.5}
    within = sum((value - means[word]) ** 2 for word, value in zip(words, values, strict=True)) / (8 - 3)
    counts = {"a": 4, "b": 2, "c": 2}
    between = np.var(list(means.values()), ddof=1) - np.mean([within / n for n in counts.values()])
    wanted = {word: mean * between / (between + within / counts[word]) for word, mean in means.items()}
    assert shrunken(words, values) == pytest.approx(wanted)
    assert set(shrunken(words, np.tile([1.0, -1.0], 4)).values()) == {0.0}
    assert shrunken(words[:4], values[:4]) == {"a": 0.0}


@pytest.mark.parametrize(("cost", "adds"), [({"yes": -2.0, "no": 0.0, "up": 2.0}, True), ({"yes": 0.0, "no": 0.0, "up": 0.0}, False)])
def test_whether_the_word_adds_anything(cost: dict[str, float], adds: bool) -> None:
    found = score("float32", "start", left_out(table(cost)))
    assert found.adds is adds
    assert found.errors["reference"] < found.errors["constant"]
    assert (found.errors["reference and word"] < 0.5) is True
    assert found.failing == (table(cost)["margin"] <= 0).sum()
    assert found.hits <= found.failing


def test_what_fails_anyway_is_counted_apart_and_the_word_alone_is_scored_as_such() -> None:
    margins = {"reference": [1.0, -1.0, -1.0, 1.0], "margin": [-1.0, -1.0, -1.0, 1.0]}
    said = {"constant": [0.5] * 4, "word": [-1.0, 0.5, 0.5, 0.5], "reference": [1.0, -1, -1, 1], "reference and word": [1.0, -1, 1, -1]}
    rows = pd.DataFrame({"word": ["a", "b", "b", "b"], "group": range(4), **margins, **said})
    heard, unheard = score("float32", "start", rows), score("float32", "start", rows, "word")
    assert (heard.failing, heard.hits, heard.false_alarms, heard.failing_anyway, heard.hits_anyway) == (3, 1, 1, 2, 1)
    assert (unheard.failing, unheard.hits, unheard.false_alarms, unheard.failing_anyway, unheard.hits_anyway) == (3, 1, 0, 2, 0)
    assert heard.gain == pytest.approx(heard.errors["reference"] - heard.errors["reference and word"])
    assert unheard.gain == pytest.approx(unheard.errors["constant"] - unheard.errors["word"])


def test_a_recording_is_forecast_from_other_speakers() -> None:
    rows = table({"yes": 0.0, "no": -1.0})
    found = left_out(rows)
    mine = rows["group"] == 3
    taught = PlaceForecast.of(rows[~mine])
    for basis in BASES:
        wanted = [taught.margin(word, one, basis) for word, one in zip(rows["word"][mine], rows["reference"][mine], strict=True)]
        assert found.loc[mine, basis].tolist() == pytest.approx(wanted)
