from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from robustness.streaming.figures import figures_of, hours_needed
from robustness.streaming.matching import Timeline, match
from robustness.streaming.scores import Detection
from robustness.streaming.spans import Word

COMMANDS = ("yes", "no")
TAIL_MS = 400.0


def said(*pairs: tuple[float, str]) -> list[Detection]:
    return [Detection(time, label, 1.0) for time, label in pairs]


def best(times: list[float], words: list[Word]) -> tuple[int, float]:
    """The most hits, and of those the least latency in total, by trying every way."""
    found = (0, 0.0)
    short, long = (times, words) if len(times) <= len(words) else (words, times)
    for order in permutations(range(len(long)), len(short)):
        pairs = [(times[at], words[to]) if len(times) <= len(words) else (times[to], words[at]) for at, to in enumerate(order)]
        able = [abs(time - word.end_ms) for time, word in pairs if word.start_ms <= time <= word.end_ms + TAIL_MS]
        found = min(found, (-len(able), sum(able)))
    return found


@pytest.mark.parametrize("seed", range(30))
def test_matching_is_one_to_one_and_the_best_there_is(seed: int) -> None:
    rng = np.random.default_rng(seed)
    starts = np.sort(rng.uniform(0, 2000, size=4))
    words = [Word("yes", start, start + rng.uniform(100, 500)) for start in starts.tolist()]
    times = np.sort(rng.uniform(0, 2800, size=int(rng.integers(0, 6)))).tolist()
    found = match(said(*((time, "yes") for time in times)), Timeline.of(words, COMMANDS, 3000, TAIL_MS))
    late = [found.latency_ms(place) for place in found.hits]
    assert len({one.detection for one in found.hits.values()}) == len(found.hits)
    hits, total = best(times, words)
    assert len(late) == -hits
    assert sum(abs(one) for one in late if one is not None) == pytest.approx(total)


@pytest.mark.parametrize(
    ("time", "kind"),
    [(999.9, "false alarm"), (1000, "hit"), (1500, "hit"), (1900, "hit"), (1900.1, "false alarm")],
)
def test_the_stretch_in_which_a_word_is_hit(time: float, kind: str) -> None:
    found = match(said((time, "yes")), Timeline.of([Word("yes", 1000, 1500)], COMMANDS, 10_000, TAIL_MS))
    assert [one.kind for one in found.heard] == [kind]


def test_what_is_left_over() -> None:
    words = [Word("yes", 1000, 1500), Word("seven", 3000, 3500)]
    found = match(
        said((1400, "no"), (1500, "yes"), (1600, "yes"), (3200, "yes"), (5000, "no")), Timeline.of(words, COMMANDS, 10_000, TAIL_MS)
    )
    assert [one.kind for one in found.heard] == ["wrong command", "hit", "repeat", "false alarm", "false alarm"]
    assert [one.word for one in found.heard] == [0, 0, 0, 1, None]
    assert figures_of([found]).during_other_words == 1


def test_what_comes_during_two_words_belongs_to_the_one_that_began_last() -> None:
    words = [Word("yes", 1000, 1500), Word("seven", 1700, 2000)]
    found = match(said((1800, "no")), Timeline.of(words, COMMANDS, 10_000, TAIL_MS))
    assert [(one.kind, one.word) for one in found.heard] == [("false alarm", 1)]
    assert found.timeline.hours * 3600 == pytest.approx(10 - 0.7)  # the command's stretch ends where the other word begins


def test_a_detection_is_of_one_word_only() -> None:
    words = [Word("yes", 1000, 1500), Word("yes", 1600, 2000)]
    assert len(match(said((1700, "yes")), Timeline.of(words, COMMANDS, 10_000, TAIL_MS)).hits) == 1


def test_labels_out_of_order_are_the_same_words() -> None:
    words = [Word("no", 5000, 5500), Word("yes", 1000, 1500)]
    found = match(said((1500, "yes"), (5600, "no")), Timeline.of(words, COMMANDS, 10_000, TAIL_MS))
    assert found.missed == []


@pytest.mark.parametrize(("rate", "alarms", "hours"), [(0.5, 0, 7.38), (0.1, 0, 36.9), (0.5, 1, 11.1)])
def test_hours_that_a_claim_takes(rate: float, alarms: int, hours: float) -> None:
    assert hours_needed(rate, alarms) == pytest.approx(hours, abs=0.05)
    timeline = Timeline.of([], COMMANDS, hours_needed(rate, alarms) * 3_600_000, TAIL_MS)
    found = figures_of([match(said(*((1000.0 * at, "yes") for at in range(alarms))), timeline)])
    assert found.rate.high == pytest.approx(rate)


def test_a_long_word_spans_the_short_ones_in_it() -> None:
    words = [Word("yes", 0, 9_000), Word("yes", 100, 200), Word("yes", 300, 400), Word("yes", 8_000, 8_100)]
    found = match(said((8_050, "yes"), (8_900, "yes")), Timeline.of(words, COMMANDS, 20_000, TAIL_MS))
    assert sorted(found.hits) == [0, 3]
    assert found.hits[0].detection.time_ms == 8_900
