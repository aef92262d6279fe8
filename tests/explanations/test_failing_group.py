"""What do the recordings that fail at a place have in common, and of which of them is it said?"""

from __future__ import annotations

import numpy as np
import pytest

from robustness.explanations.failing_group import FailingGroup, MeasuredWord
from robustness.explanations.standing import SPEAKS, STEPS

WORDS = ("up", "left", "seven")
FAR = 40.0


def measured(seed: int, count: int, **moved: float) -> list[MeasuredWord]:
    """So many recordings whose measurements vary by a step about their word's own, some moved by so many steps."""
    random = np.random.default_rng(seed)
    words = [WORDS[i % len(WORDS)] for i in range(count)]
    return [
        MeasuredWord(
            word,
            {
                name: STEPS.get(name, 1.0) * (100.0 * len(word) + float(random.normal()) + moved.get(name, 0.0))
                for name in SPEAKS
                if name != "middle_ms"
            },
        )
        for word in words
    ]


def group(moved: dict[str, float], count: int = 40, good: int = 60) -> FailingGroup | None:
    return FailingGroup.of(measured(1, count, **moved), measured(2, good))


@pytest.mark.parametrize(
    ("moved", "causes"),
    [
        ({}, {}),
        ({"length_ms": -1.5}, {"length_ms": "speed"}),
        ({"length_ms": 1.5}, {"length_ms": "speed"}),
        ({"length_ms": 1.5, "fall_db": -FAR}, {}),  # it is long for the room that rings on
        ({"length_ms": -1.5, "level_dbfs": -FAR}, {"level_dbfs": "level"}),  # of a soft word less is heard
        ({"surround": FAR, "first_dbfs": FAR}, {"surround": "padding", "first_dbfs": "padding"}),
        ({"surround": FAR, "floor_dbfs": FAR, "snr_db": -FAR}, {"surround": "padding"}),  # the floor is loud for what is around the word
        ({"lead_ms": FAR, "pitch_hz": FAR}, {}),
        ({"highest_hz": FAR}, {}),  # no kind has something to undo there
    ],
)
def test_what_most_have_more_or_less_of_speaks_for_its_kind(moved: dict[str, float], causes: dict[str, str]) -> None:
    found = group(moved)
    assert found is not None
    assert {one.name: one.kind for one in found.differences if one.kind is not None} == causes
    for one in found.differences:
        assert (one.side == "high") is (moved[one.name] > 0)
        assert one.pairs >= 0.75 * one.ranks.of
        assert one.p <= 0.01


@pytest.mark.parametrize(("shorter_ms", "speaks"), [(25, False), (35, True)])
def test_less_than_a_step_is_nothing_however_sure(shorter_ms: float, speaks: bool) -> None:
    words = [[MeasuredWord("up", {"length_ms": less + 400 + i / 10}) for i in range(30)] for less in (-shorter_ms, 0)]
    found = FailingGroup.of(*words)
    assert found is not None
    assert bool(found.differences) is speaks


@pytest.mark.parametrize(("failing", "good"), [(4, 60), (40, 4), (0, 60), (40, 0)])
def test_of_too_few_nothing_is_said(failing: int, good: int) -> None:
    assert group({"length_ms": -FAR}, failing, good) is None


def test_one_that_does_not_share_it_is_not_spoken_of() -> None:
    found = group({"level_dbfs": -FAR})
    assert found is not None
    soft = {**dict.fromkeys(SPEAKS, 200.0), "level_dbfs": 400.0}
    assert [one.kind for one in found.of_one("up", soft)] == ["level"]
    levels = sorted(one.values["level_dbfs"] for one in found.good)
    assert not found.of_one("up", {**soft, "level_dbfs": levels[7]})  # more than one in ten of those that are right are as soft


def test_a_word_is_short_beside_its_own_kind() -> None:
    found = group({"length_ms": -1.5})
    assert found is not None
    own = sorted(one.values["length_ms"] for one in found.good if one.word == "up")
    among = dict.fromkeys(SPEAKS, 0.0)
    assert found.of_one("up", {**among, "length_ms": own[len(own) // 2]})
    assert not found.of_one("up", {**among, "length_ms": own[-2]})  # long for this word, and shorter than all others
