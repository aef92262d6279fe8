from __future__ import annotations

import numpy as np
import pytest

from robustness.streaming.matching import Timeline
from robustness.streaming.phases import phases_of
from robustness.streaming.repair import SingleAnswer, WordRecord, repairs, word_records
from robustness.streaming.rules.plain import Plain
from robustness.streaming.scores import Scores
from robustness.streaming.sentences import repairs_sentence, word_sentence
from robustness.streaming.spans import Word
from tests.streaming.planted import planted, scores

COMMANDS = ("yes", "no")
GOOD = SingleAnswer(True, "yes", "accepted right", "yes")
MISSED = SingleAnswer(False, "unknown", "missed", None)


def take() -> tuple[Scores, Timeline]:
    """`yes` is answered for 100 ms, 5 answers; `no` for 40 ms, 2 answers, and `yes` 60 ms before it for as long; `seven` as `yes` once."""
    rows = planted(said=(), duration_ms=30_000).values.tolist()
    for start_ms, count, answer in ((5_600, 5, [1, 0, 0]), (10_600, 2, [0, 1, 0]), (10_500, 2, [1, 0, 0]), (20_100, 1, [1, 0, 0])):
        first = round(start_ms / 20) - 1
        rows[first : first + count] = [answer] * count
    words = [Word("yes", 5_000, 5_500), Word("no", 10_000, 10_500), Word("seven", 20_000, 20_500), Word("seven", 25_000, 25_500)]
    found = scores(rows)
    return found, Timeline.of(words, COMMANDS, found.duration_ms, 1000.0)


def records(alone: dict[tuple[int, int], dict[str, SingleAnswer]] | None = None) -> list[WordRecord]:
    found, timeline = take()
    return word_records([found], [timeline], Plain(refractory_ms=40.0), range(1, 26), alone or {}).records


def test_at_how_many_phases_a_word_is_caught() -> None:
    yes, no, seven, other = records()
    for steps in range(1, 26):
        hop = yes.hops[20.0 * steps]
        assert (hop.phases, hop.caught) == (steps, min(steps, 5))
        assert (no.hops[20.0 * steps].caught, no.hops[20.0 * steps].wrong) == (min(steps, 2), min(steps, 2))
        assert seven.hops[20.0 * steps].caught == steps - 1
        assert other.hops[20.0 * steps].clean
    assert (yes.always_from_ms(), no.always_from_ms(), seven.always_from_ms(), other.always_from_ms()) == (100.0, 40.0, None, 500.0)


def test_a_wrong_command_after_the_hit_is_not_said_first() -> None:
    rows = planted(said=(), duration_ms=10_000).values
    rows[280:282], rows[290:292] = [1, 0, 0], [0, 1, 0]
    found = scores(rows.tolist())
    timeline = Timeline.of([Word("yes", 5_000, 5_500)], COMMANDS, found.duration_ms, 1000.0)
    (word,) = word_records([found], [timeline], Plain(refractory_ms=0.0), [1, 10], {}).records
    assert (word.hops[20.0].wrong, word.hops[20.0].first) == (1, 0)
    assert (word.hops[200.0].wrong, word.hops[200.0].first) == (2, 0)  # both lie at the same phases


def test_what_streaming_repairs_and_makes() -> None:
    asked = {(0, 0): {"start": MISSED, "center": GOOD}, (0, 1): {"start": GOOD}, (0, 2): {"start": GOOD}, (0, 3): {"center": MISSED}}
    found = records(asked)
    assert repairs(found, 100.0) == (4, 2, 2, 0, 0, 2)
    assert repairs(found, 200.0) == (4, 2, 1, 1, 0, 2)
    said = repairs_sentence(repairs(found, 200.0), 200.0, 20.0)
    assert "2 of 4 words fail in a single window" in said
    assert "repairs 1 of them at every phase (every 20 ms), 1 at some phases or with a wrong command, and 0 at none" in said
    assert "It makes 2 new failures" in said


@pytest.mark.parametrize(
    ("place", "hop_ms", "says"),
    [
        (0, 100.0, "caught at all 5 phases at H = 100 ms."),
        (0, 60.0, "caught at all 3 phases at H = 60 ms, and up to 100 ms."),
        (0, 500.0, "missed at 20 of 25 phases at H = 500 ms, at none from 100 ms down."),
        (1, 500.0, "missed at 23 of 25 phases at H = 500 ms, at none from 40 ms down; at 2 of 25 `yes` is said first."),
        (2, 500.0, "`yes` is said at 1 of 25 phases at H = 500 ms."),
        (3, 500.0, "nothing is said to it at any of 25 phases at H = 500 ms."),
    ],
)
def test_the_sentence_of_a_word(place: int, hop_ms: float, says: str) -> None:
    one = records({(0, place): {"start": MISSED, "center": GOOD}})[place]
    sentence = word_sentence(one, hop_ms)
    assert "fails in a single window (at the start: missed, unknown); streamed" in sentence
    assert sentence.endswith(says)


def test_the_worst_phase_is_named() -> None:
    found, timeline = take()
    phases = phases_of([found], [timeline], Plain(), 25)
    hits = np.asarray([one.hits for one in phases.figures])
    assert hits.sum() == 5 + 2
    assert hits[phases.worst] == 0
    assert phases.mean("hits") == pytest.approx(7 / 25)
