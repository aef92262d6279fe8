from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from robustness.streaming.advice import advice_of, better_threshold
from robustness.streaming.curve import OperatingCurve
from robustness.streaming.figures import StreamFigures
from robustness.streaming.repair import SingleAnswer
from robustness.streaming.rules.esphome import Esphome
from robustness.streaming.rules.plain import Plain
from robustness.streaming.scores import Scores
from robustness.streaming.sentences import lasting, stream_sentence
from robustness.streaming.spans import Word
from robustness.streaming.streams import VariantStream, stream_of
from tests.streaming.planted import scores

WORDS = (Word("yes", 5_000, 5_500), Word("no", 10_000, 10_500), Word("yes", 15_000, 15_500))
MISSED = {"center": SingleAnswer(False, "unknown", "missed", None)}
SAID = re.compile(r"A threshold of ([\d.]+) instead of 0.5 (still )?hits (\d+) of 3 words.* and makes (\d+) false alarms? (?:and|or)")


def take(said: tuple[tuple[int, str, float, int], ...]) -> Scores:
    """Answers every 20 ms; what is said from when, how surely, in how many answers."""
    rows = np.tile(np.asarray([0, 0, 1], np.float32), (1_500, 1))
    for start_ms, label, p, lasts in said:
        first = round(start_ms / 20) - 1
        rows[first : first + lasts] = [p * (label == "yes"), p * (label == "no"), 1 - p]
    return scores(rows.tolist())


def stream(said: tuple[tuple[int, str, float, int], ...], threshold: float | None = 0.5, steps: int = 5) -> VariantStream:
    found = take(said)
    alone = {(0, place): MISSED for place in range(len(WORDS))}
    return stream_of([found], [WORDS], Plain(threshold=threshold), steps=steps, tolerance_ms=None, alone=alone)


def figures(said: tuple[tuple[int, str, float, int], ...], threshold: float) -> StreamFigures:
    return stream(said, threshold).phases.figures[0]


RIGHT = ((5_600, "yes", 0.9, 25), (10_600, "no", 0.8, 25), (15_600, "yes", 0.9, 25))
ALARM = (20_600, "no", 0.7, 25)
SURE_ALARM = (20_600, "no", 0.85, 25)


@pytest.mark.parametrize(
    ("said", "hits", "errors"),
    [((*RIGHT, ALARM), 3, 0), ((*RIGHT, SURE_ALARM), 2, 0), ((*RIGHT, ALARM, (25_000, "yes", 0.95, 25)), 3, 1)],
)
def test_the_threshold_that_is_advised_does_what_is_said(said: tuple[tuple[int, str, float, int], ...], hits: int, errors: int) -> None:
    line = advice_of(stream(said))[0]
    found = SAID.match(line)
    assert found is not None, line
    assert (int(found[3]), int(found[4])) == (hits, errors)
    again = figures(said, float(found[1]))
    assert (again.hits, again.false_alarms + again.wrong_words) == (hits, errors)
    assert (found[2] is not None) == (hits == 3)


def test_a_threshold_is_advised_where_there_is_none() -> None:
    (line, *_) = advice_of(stream((*RIGHT, (20_600, "no", 0.7, 25)), threshold=None))
    found = re.match(r"A threshold of ([\d.]+) instead of none still hits 3 of 3 words and makes 0 false alarms", line)
    assert found is not None, line
    assert figures((*RIGHT, ALARM), float(found[1])).false_alarms == 0


def test_a_threshold_that_is_too_high_is_told() -> None:
    (line, *_) = advice_of(stream(RIGHT, threshold=0.85))
    found = re.match(r"A threshold of ([\d.]+) instead of 0.85 hits 3 of 3 words instead of 2 and makes 0 false alarms", line)
    assert found is not None, line
    assert figures(RIGHT, float(found[1])).hits == 3


@pytest.mark.parametrize(("fewer", "place"), [(99, 0), (90, 1), (80, 1)])
def test_a_threshold_that_hardly_changes_anything_is_not_advised(fewer: int, place: int) -> None:
    thresholds, hits, alarms = np.asarray([0.9, 0.7, 0.65, 0.6]), np.asarray([5.0, 9, 9, 9]), np.asarray([50.0, fewer, 100, 100])
    curve = OperatingCurve(thresholds, hits, np.zeros(4), alarms, 10, 1.0)
    found = better_threshold(curve, curve.at(0.65))
    assert found == place


def test_another_rule_is_tried_at_other_thresholds() -> None:
    found, alone = take(RIGHT), {(0, place): MISSED for place in range(len(WORDS))}

    def under(threshold: float) -> VariantStream:
        rule = Esphome(threshold=threshold, ignored_slices=0)
        return stream_of([found], [WORDS], rule, steps=1, tolerance_ms=None, alone=alone, one_hop=True)

    (line, *_) = advice_of(under(0.97))
    said = re.match(r"A threshold of ([\d.]+) instead of 0.97 hits 3 of 3 words instead of 0 and makes 0 false alarms", line)
    assert said is not None, line
    assert line.endswith("confirm it on others.")
    again = under(float(said[1])).phases.figures[0]
    assert (again.hits, again.false_alarms, again.wrong_words) == (3, 0, 0)


def test_what_was_not_tried_is_not_said_to_fail() -> None:
    found, alone = take(()), {(0, place): MISSED for place in range(len(WORDS))}
    one = stream_of([found], [WORDS], Esphome(), steps=1, tolerance_ms=None, alone=alone, one_hop=True)
    assert advice_of(one)[-1].startswith("3 words (`yes`, `no`) are hit at no phase")
    assert advice_of(replace(one, records=())) == ["No threshold that was tried does better on these takes: the model itself has to."]


def test_a_shorter_hop_is_advised_where_its_worst_phase_hits_more() -> None:
    brief = tuple((start, label, p, 2) for start, label, p, _ in RIGHT)  # 40 ms: every 100 ms finds it at 2 of 5 phases
    one = stream(brief)
    line = next(line for line in advice_of(one) if line.startswith("An answer"))
    assert line == "An answer every 40 ms hits 3 of 3 words at its worst phase instead of 0."
    (hop,) = [hop for hop in one.hops if hop.hop_ms == 40]
    assert min(hop.hits) == 3


def test_a_rarer_answer_is_advised_where_it_costs_nothing() -> None:
    one = stream(RIGHT)
    line = next(line for line in advice_of(one) if line.startswith("An answer"))
    rarest = float(line.split()[3])
    assert {min(hop.hits) for hop in one.hops if 100 <= hop.hop_ms <= rarest} == {3}
    assert all(min(hop.hits) < 3 for hop in one.hops if hop.hop_ms == rarest + 20)


def test_no_rarer_answer_is_advised_where_nothing_is_hit() -> None:
    assert not [line for line in advice_of(stream(())) if line.startswith("An answer")]


@pytest.mark.parametrize(
    ("words", "hits", "says"),
    [(1, 0, "0 of 1 word is hit"), (1, 1, "1 of 1 word is hit"), (2, 1, "1 of 2 words is hit"), (2, 0, "0 of 2 words are hit")],
)
def test_hits_agree_in_number(words: int, hits: int, says: str) -> None:
    nothing: dict[str, Any] = dict.fromkeys(StreamFigures._fields, 0)
    found = StreamFigures(**{**nothing, "words": words, "hits": hits, "latency_ms": float("nan")})
    assert stream_sentence(found).startswith(f"{says}, no wrong command")


def test_a_word_that_is_never_hit_is_named() -> None:
    assert "1 word (`no`) is hit at no phase" in " ".join(advice_of(stream(RIGHT[::2])))


@pytest.mark.parametrize(("hours", "says"), [(0.0036, "13 s"), (0.5, "30 min"), (1.5, "90 min"), (7.44, "7.4 h"), (1234.5, "1,234.5 h")])
def test_how_long(hours: float, says: str) -> None:
    assert lasting(hours).replace("\u00a0", " ") == says
