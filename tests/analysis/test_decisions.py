"""Are outcome and outcome margin those of the definition: against a slow loop, on a table of boundaries, and in pandas alone?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from robustness.analysis.outcomes import (
    NO_COMMAND,
    NO_LABEL,
    OUTCOMES,
    SMALLEST,
    Decisions,
    OperatingPoint,
    as_words,
    decide,
    good,
    outcomes,
    probabilities_of,
)
from robustness.errors import CannotJudgeError

LABELS = ("yes", "no", "go", "unknown", "silence")


def point_of(labels: Sequence[str], threshold: Any, output: str = "logits", unknown: str | None = "unknown") -> OperatingPoint:
    silence = "silence" if "silence" in labels else None
    return OperatingPoint.of({"labels": labels, "unknown": unknown, "silence": silence, "threshold": threshold, "output": output})


def log_odds(p: float, smallest: float = SMALLEST) -> float:
    clipped = min(max(p, smallest), 1 - smallest)
    return math.log(clipped) - math.log(1 - clipped)


def slow_margin(f: Sequence[float], p: Sequence[float], c: int, labels: Sequence[str], point: OperatingPoint) -> float:
    """The formula of the definition, one window, with a contest."""
    rejections = [j for j, label in enumerate(labels) if label in point.rejections]
    commands = [k for k in range(len(labels)) if k not in rejections]

    def above(k: int) -> list[float]:
        bar = point.threshold_of(labels[k])
        return [] if bar is None else [log_odds(p[k]) - log_odds(bar)]

    if c in commands:
        return min([f[c] - max(f[j] for j in range(len(labels)) if j != c), *above(c)])
    terms = [[*([f[k] - max(f[r] for r in rejections)] if rejections else []), *above(k)] for k in commands]
    return -max(min(each) for each in terms) if all(terms) else math.nan


def slow_outcome(p: Sequence[float], c: int, labels: Sequence[str], point: OperatingPoint) -> str:
    """What the device does, one window, with a contest."""
    winner = max(range(len(labels)), key=lambda k: (p[k], -k))
    bar = point.threshold_of(labels[winner])
    acts = labels[winner] not in point.rejections and (bar is None or np.float32(p[winner]) >= np.float32(bar))
    if c >= 0 and labels[c] not in point.rejections:
        return "missed" if not acts else "accepted right" if winner == c else "substituted"
    return "falsely accepted" if acts else "left alone"


@pytest.mark.parametrize("threshold", [None, 0.3, 0.5, 0.8])
@pytest.mark.parametrize("labels", [LABELS, ("yes", "no", "unknown"), ("yes", "no", "go")])
def test_both_are_those_of_a_slow_loop(labels: tuple[str, ...], threshold: float | None) -> None:
    point = point_of(labels, threshold, unknown="unknown" if "unknown" in labels else None)
    rng = np.random.default_rng(7)
    f = rng.normal(0, 2, (400, len(labels))).astype(np.float32)
    p = probabilities_of(f, "logits")
    truth = rng.integers(NO_COMMAND, len(labels), 400)
    found = decide(f, p, truth, labels=labels, point=point)
    for row in range(400):
        if truth[row] == NO_LABEL:
            assert found.outcome[row] == NO_LABEL
            assert math.isnan(found.margin[row])
            continue
        assert OUTCOMES[found.outcome[row]] == slow_outcome(p[row].tolist(), int(truth[row]), labels, point)
        expected = slow_margin(f[row].astype(float).tolist(), p[row].tolist(), int(truth[row]), labels, point)
        assert found.margin[row] == pytest.approx(expected, abs=1e-9, nan_ok=True)


KINDS: list[tuple[str, Any, tuple[str, ...]]] = [
    ("logits", threshold, labels)
    for threshold in (None, 0.2, 0.6, {"yes": 0.9, "no": 0.3}, {"yes": 0.2, "no": 0.5, "go": 0.7})
    for labels in (LABELS, ("yes", "no", "go"), ("yes", "unknown"))
]
KINDS += [("sigmoids", threshold, ("yes", "no", "go")) for threshold in (0.2, 0.6, {"yes": 0.2, "no": 0.5, "go": 0.7})]
KINDS += [("sigmoids", 0.6, ("yes",)), ("sigmoids", 0.6, ("yes", "unknown"))]


@pytest.mark.parametrize(("output", "threshold", "labels"), KINDS)
def test_the_sign_of_the_margin_is_that_of_the_outcome(output: str, threshold: Any, labels: tuple[str, ...]) -> None:
    point = point_of(labels, threshold, output, unknown="unknown" if "unknown" in labels else None)
    rng = np.random.default_rng(3)
    f = rng.normal(0, 1.5, (2000, len(labels)))
    found = decide(f, probabilities_of(f, output), rng.integers(NO_COMMAND, len(labels), 2000), labels=labels, point=point)
    fine = good(as_words(found.outcome)).to_numpy()
    there = np.isfinite(found.margin)
    assert np.array_equal(found.margin[there] > 0, fine[there] > 0)
    assert {OUTCOMES[code] for code in found.outcome[~there & (found.outcome >= 0)]} <= {"falsely accepted", "left alone"}


def one(p: Mapping[str, float], truth: str | int, threshold: Any = None, **other: Any) -> Decisions:
    """One window, by its probabilities."""
    labels = tuple(p)
    output, step = other.get("output", "probabilities"), other.get("step")
    values = np.asarray([list(p.values())])
    f = np.log(values.clip(1e-12 if step is None else step / 2))
    place = truth if isinstance(truth, int) else labels.index(truth)
    point = point_of(labels, threshold, output, unknown="unknown" if "unknown" in labels else None)
    return decide(f, values, np.asarray([place]), labels=labels, point=point, step=step)


BOUNDARIES: list[tuple[str, dict[str, float], str | int, Any, dict[str, Any], str | None, float]] = [
    ("θ exactly reached", {"yes": 0.8, "unknown": 0.2}, "yes", {"yes": 0.8}, {}, "accepted right", 0.0),
    ("just under θ", {"yes": 0.7999, "no": 0.1, "unknown": 0.1001}, "yes", 0.8, {}, "missed", log_odds(0.7999) - log_odds(0.8)),
    ("a tie goes to the first label", {"yes": 0.4, "no": 0.4, "unknown": 0.2}, "no", None, {}, "substituted", 0.0),
    ("and so does one with a rejection", {"unknown": 0.4, "no": 0.4, "yes": 0.2}, "no", None, {}, "missed", 0.0),
    ("harmless: under θ", {"yes": 0.7, "no": 0.1, "unknown": 0.2}, "unknown", 0.8, {}, "left alone", log_odds(0.8) - log_odds(0.7)),
    ("harmless: another rejection", {"yes": 0.1, "unknown": 0.2, "silence": 0.7}, "unknown", None, {}, "left alone", math.log(7.0)),
    ("no R, no θ", {"yes": 0.9, "no": 0.1}, NO_COMMAND, None, {}, "falsely accepted", math.nan),
    ("no R, θ", {"yes": 0.6, "no": 0.4}, NO_COMMAND, 0.8, {}, "left alone", log_odds(0.8) - log_odds(0.6)),
    ("no K", {"unknown": 0.9, "silence": 0.1}, "silence", None, {}, "left alone", math.nan),
    ("no label", {"yes": 0.9, "unknown": 0.1}, NO_LABEL, None, {}, None, math.nan),
    ("no word", {"yes": 0.9, "no": 0.04, "unknown": 0.06}, NO_COMMAND, 0.8, {}, "falsely accepted", log_odds(0.8) - log_odds(0.9)),
    ("one command, no θ: it must win", {"yes": 0.4, "unknown": 0.6}, "yes", None, {}, "missed", math.log(0.4 / 0.6)),
    ("one command and θ: it need not", {"yes": 0.4, "unknown": 0.6}, "yes", 0.3, {}, "accepted right", log_odds(0.4) - log_odds(0.3)),
    ("one command, other words", {"yes": 0.4, "unknown": 0.6}, "unknown", 0.3, {}, "falsely accepted", log_odds(0.3) - log_odds(0.4)),
    ("one sigmoid", {"yes": 0.6}, "yes", 0.5, {"output": "sigmoids"}, "accepted right", log_odds(0.6)),
    ("one sigmoid, another word", {"yes": 0.6}, NO_COMMAND, 0.5, {"output": "sigmoids"}, "falsely accepted", -log_odds(0.6)),
    ("sigmoids: the largest over θ", {"yes": 0.6, "no": 0.9}, "yes", 0.5, {"output": "sigmoids"}, "substituted",
     log_odds(0.6) - log_odds(0.9)),
    ("sigmoids: the larger is under its θ", {"yes": 0.6, "no": 0.9}, "yes", {"yes": 0.5, "no": 0.95}, {"output": "sigmoids"},
     "accepted right", min(log_odds(0.6), log_odds(0.95) - log_odds(0.9))),
    ("per-label θ", {"yes": 0.6, "no": 0.3, "unknown": 0.1}, "yes", {"yes": 0.7, "no": 0.2}, {}, "missed", log_odds(0.6) - log_odds(0.7)),
    ("per-label θ: the winner is silent", {"yes": 0.6, "no": 0.3, "unknown": 0.1}, "unknown", {"yes": 0.7, "no": 0.2}, {}, "left alone",
     -max(min(math.log(6), log_odds(0.6) - log_odds(0.7)), min(math.log(0.5), log_odds(0.3) - log_odds(0.2)))),
    ("θ for one label alone", {"yes": 0.6, "no": 0.3, "unknown": 0.1}, "yes", {"no": 0.9}, {}, "accepted right", math.log(2)),
    ("int8, p = 1", {"yes": 1.0, "no": 0.0, "unknown": 0.0}, "yes", 0.8, {"step": 1 / 256}, "accepted right",
     log_odds(1.0, 1 / 512) - log_odds(0.8)),
    ("int8, p = 0", {"yes": 0.0, "no": 1.0, "unknown": 0.0}, "yes", 0.8, {"step": 1 / 256}, "substituted",
     log_odds(0.0, 1 / 512) - log_odds(0.8)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("p", "truth", "threshold", "other", "outcome", "margin"), [row[1:] for row in BOUNDARIES], ids=[r[0] for r in BOUNDARIES]
)
def test_boundaries(
    p: dict[str, float], truth: str | int, threshold: Any, other: dict[str, Any], outcome: str | None, margin: float
) -> None:
    found = one(p, truth, threshold, **other)
    assert (None if found.outcome[0] < 0 else OUTCOMES[found.outcome[0]]) == outcome
    assert found.margin[0] == pytest.approx(margin, abs=1e-6, nan_ok=True)


def test_other_thresholds_can_be_had_from_the_columns() -> None:
    """The best command, its probability and its margin over the rejections tell what any threshold would do."""
    rng = np.random.default_rng(5)
    f = rng.normal(0, 2, (500, 5))
    p, truth = probabilities_of(f, "logits"), rng.integers(0, 5, 500)
    found = decide(f, p, truth, labels=LABELS, point=point_of(LABELS, None))
    for threshold in (0.3, 0.6, 0.9):
        there = decide(f, p, truth, labels=LABELS, point=point_of(LABELS, threshold))
        acts = (found.command_margin > 0) & (found.p_command.astype(np.float32) >= np.float32(threshold))
        assert np.array_equal(
            acts, np.isin(there.outcome, [OUTCOMES.index(name) for name in ("substituted", "accepted right", "falsely accepted")])
        )


COLUMNS = [
    *((LABELS, threshold, "logits") for threshold in (None, 0.5, {"yes": 0.4})),
    (("yes", "no"), 0.5, "sigmoids"),
    (("yes", "unknown"), 0.2, "logits"),
]


@pytest.mark.parametrize(("labels", "threshold", "output"), COLUMNS)
def test_pandas_says_the_same_from_the_columns_alone(labels: tuple[str, ...], threshold: Any, output: str) -> None:
    point = point_of(labels, threshold, output, unknown="unknown" if "unknown" in labels else None)
    rng = np.random.default_rng(11)
    f = rng.normal(0, 2, (600, len(labels)))
    p, truth = probabilities_of(f, output), rng.integers(0, len(labels), 600)
    found, names = decide(f, p, truth, labels=labels, point=point), np.asarray(labels)
    rows = pd.DataFrame({"label": names[truth], "predicted": names[found.predicted], "perturbation": "none"})
    rows["p_predicted"] = p.max(axis=1).astype(np.float32)
    rows["command"], rows["p_command"] = names[found.command], found.p_command.astype(np.float32)
    assert outcomes(rows, point).tolist() == as_words(found.outcome).tolist()


def test_an_older_run_without_the_commands_own_probability_is_refused_where_it_decides() -> None:
    rows = pd.DataFrame({"label": ["yes"], "predicted": ["unknown"], "p_predicted": [0.6], "perturbation": ["none"]})
    assert outcomes(rows, point_of(("yes", "unknown"), 0.5)).tolist() == ["missed"]
    with pytest.raises(CannotJudgeError, match=r"with a threshold of 0\.3 .* make it again by `robustness report`"):
        outcomes(rows, point_of(("yes", "unknown"), 0.3))


@pytest.mark.parametrize(("output", "step", "expected"), [
    ("probabilities", None, [0.6, 0.388]),  # they need not sum to 1, and are not made to
    ("probabilities", 1 / 256, [154 / 256, 99 / 256]),
    ("sigmoids", 1 / 256, [96 / 256, 72 / 256]),
    ("log-probabilities", None, [0.6 / 0.988, 0.388 / 0.988]),
])  # fmt: skip
def test_probabilities_are_those_that_the_device_compares(output: str, step: float | None, expected: list[float]) -> None:
    found = probabilities_of(np.log(np.asarray([[0.6, 0.388]])), output, step)
    assert found[0] == pytest.approx(expected)


@pytest.mark.parametrize("output", ["probabilities", "sigmoids"])
def test_every_step_of_a_quantized_probability_comes_back_whole(output: str) -> None:
    """Through the float32 logits that a classifier gives, 0 and 1 as well."""
    steps = np.arange(257) / 256
    low = steps.clip(1 / 512) if output == "probabilities" else steps.clip(1 / 1024, 1 - 1 / 1024)
    logits = np.log(low) if output == "probabilities" else np.log(low) - np.log(1 - low)
    assert probabilities_of(logits[:, None].astype(np.float32), output, 1 / 256)[:, 0].tolist() == steps.tolist()


def test_thresholds_in_words() -> None:
    assert OperatingPoint(frozenset(), 0.8).words == "0.8"
    assert point_of(LABELS, {"yes": 0.8, "no": 0.7}).words == "no 0.7, yes 0.8"
    assert OperatingPoint(frozenset()).words == ""
