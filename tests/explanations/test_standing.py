"""What lies outside of the recordings that are right, and what does that speak for? And does a network lean?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from robustness.explanations.lean import lean_of, placement_cost
from robustness.explanations.standing import SPEAKS, Cause, length_side, loudest, ordinary, spoken_for, standings, undoing
from robustness.interventions.base import INTERVENTIONS

SIZES = (0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 5, 6)


@pytest.mark.parametrize(
    ("good", "value", "outside"),
    [
        ([1, 2, 3, 4, 5], 8.1, "high"),
        ([1, 2, 3, 4, 5], 8, None),  # 3 dB beyond is not clearly beyond
        ([1, 2, 3, 4, 5], -2.1, "low"),
        ([1, 2, 3, 4], -51, None),  # fewer than five: what is usual, −50 dBFS at most
        ([], -49, "high"),
        ([*range(48), 200], 100, None),
        ([*range(49), 200], 100, "high"),  # of fifty one may lie further out
    ],
)
def test_outside_is_beyond_all(good: list[float], value: float, outside: str | None) -> None:
    (found,) = standings({"floor_dbfs": value}, [{"floor_dbfs": one} for one in good])
    assert found.outside == outside
    assert found.kind == ("noise" if outside == "high" else None)  # a floor that is softer speaks for nothing


def stands(**outside: float) -> frozenset[Cause]:
    good = [{name: float(i) for name in SPEAKS} for i in range(6)]
    return spoken_for(standings({**dict.fromkeys(SPEAKS, 2.5), **{name: 999 * value for name, value in outside.items()}}, good))


@pytest.mark.parametrize(
    ("outside", "kinds"),
    [
        ({}, set()),
        ({"level_dbfs": -9}, {"level"}),
        ({"highest_hz": -9}, {"band"}),
        ({"floor_dbfs": 9, "snr_db": -9, "first_dbfs": 9, "last_dbfs": 9}, {"noise"}),  # the edges are loud for the floor is
        ({"first_dbfs": 9}, {"padding"}),
        ({"floor_dbfs": 9, "snr_db": -9, "first_dbfs": 9, "surround": 9}, {"padding"}),  # and the floor for the surround is
        ({"hum_dbfs": 9, "level_dbfs": 9}, {"noise", "level"}),
        ({"clicks": 9, "surround": 9, "first_dbfs": 9}, {"noise"}),  # clicks lie around the word as well
        ({"clicks": 9, "floor_dbfs": 9, "fall_db": -9}, {"noise"}),
        ({"lead_ms": -9, "tail_ms": 9}, set()),
        ({"length_ms": 9, "middle_ms": -9}, set()),
        ({"fall_db": -9}, {"room"}),
        ({"fall_db": -9, "floor_dbfs": 9}, {"noise"}),  # it falls no further than to the floor
    ],
)
def test_what_one_cause_does_speaks_once(outside: dict[str, float], kinds: set[str]) -> None:
    assert stands(**outside) == kinds


def test_what_is_measured_among_the_others_is_ordinary() -> None:
    good = [{name: float(i) for name in SPEAKS} for i in range(10)]
    here = {**dict.fromkeys(SPEAKS, 4.5), "level_dbfs": 99.0}
    assert ordinary(standings(here, good)) == {"noise", "band", "padding", "distortion", "placement", "speed", "room"}
    assert "speed" not in ordinary(standings({**here, "length_ms": 1.5}, good))  # longer than two of ten
    assert "level" not in ordinary(standings({**here, "level_dbfs": 8.5}, good[:9]))
    assert ordinary(standings(here, good[:3])) == set()


@pytest.mark.parametrize(
    ("outside", "first"),
    [
        ({}, None),
        ({"hum_dbfs": 20.0}, "noise"),
        ({"hum_dbfs": 23.1, "first_dbfs": 14.0}, "noise"),  # 6.0 steps and 3.0: twice as far
        ({"hum_dbfs": 22.9, "first_dbfs": 14.0}, None),
        ({"fall_db": -10.0, "first_dbfs": 14.0}, "room"),
        ({"hum_dbfs": 14.0, "length_ms": 999.0}, "noise"),  # a length is no more than a hint
    ],
)
def test_what_lies_twice_as_far_outside_is_the_loudest(outside: dict[str, float], first: Cause | None) -> None:
    good = [{name: float(i) for name in SPEAKS} for i in range(6)]
    assert loudest(standings({**dict.fromkeys(SPEAKS, 2.5), **outside}, good)) == first


@pytest.mark.parametrize(
    ("length", "fall", "side"),
    [(4.5, 4.5, None), (3.0, 4.5, None), (1.5, 4.5, "low"), (7.5, 4.5, "high"), (7.5, -0.5, None), (1.5, -0.5, "low"), (99.0, 4.5, "high")],
)
def test_a_word_is_long_where_no_room_rings_on(length: float, fall: float, side: str | None) -> None:
    good = [{name: float(i) for name in SPEAKS} for i in range(10)]
    here = {**dict.fromkeys(SPEAKS, 4.5), "length_ms": length, "fall_db": fall}
    assert length_side(standings(here, good)) == side
    assert length_side(standings(here, good[:4])) is None


def test_what_a_loud_floor_tells_is_ordinary_whether_it_lies_outside_or_on_the_edge() -> None:
    good = [{name: float(i) for name in SPEAKS} for i in range(10)]
    here = {**dict.fromkeys(SPEAKS, 4.5), "first_dbfs": 9.5, "last_dbfs": 99.0}  # beyond all nine, by less than a step
    assert "padding" not in ordinary(standings(here, good))
    assert "padding" in ordinary(standings({**here, "floor_dbfs": 99.0}, good))


def test_what_a_place_costs_is_the_median_over_commands() -> None:
    rows = [("a", 3.0, 1.0), ("b", 2.0, -5.0), ("c", 4.0, 3.5)]
    made = [(one, "yes", "yes", place, margin) for one, *both in rows for place, margin in zip(("center", "start"), both, strict=True)]
    frame = pd.DataFrame(
        [*made, ("d", "yes", "no", "center", 9.0), ("d", "yes", "no", "start", -9.0)],
        columns=["recording", "label", "command", "placement", "outcome_margin"],
    ).assign(variant="float32")
    assert placement_cost(frame, "float32", "center", "start") == 2.0
    assert placement_cost(frame, "float32", "center", "center") == 0.0
    assert placement_cost(frame, "float32", "center", "end") == 0.0


@pytest.mark.parametrize(
    ("outside", "edits"),
    [
        ({}, set()),
        ({"first_dbfs": 99.0}, set()),
        ({"offset_dbfs": 99.0}, {"remove-offset"}),
        ({"clicks": 99.0, "offset_dbfs": 99.0}, {"declick", "remove-offset"}),
        ({"snr_db": -99.0}, {"remove-noise", "remove-hum"}),
        ({"snr_db": -99.0, "surround": 99.0}, set()),  # the floor is the surround's
        ({"highest_hz": -999.0}, {"restore-band", "equalise"}),
        ({"tilt_db": 99.0}, {"equalise", "band-limit", "drop-highest-bands"}),  # brighter than all others
    ],
)
def test_an_edit_undoes_what_was_measured(outside: dict[str, float], edits: set[str]) -> None:
    good = [{name: float(i) for name in SPEAKS} for i in range(6)]
    assert undoing(standings({**dict.fromkeys(SPEAKS, 2.5), **outside}, good)) == edits
    assert edits <= set(INTERVENTIONS.names())


@pytest.mark.parametrize(
    ("name", "usual", "fault", "value", "side"),
    [("offset_dbfs", -50.0, -20.0, -26.0, "high"), ("level_dbfs", -25.0, -47.0, -41.0, "low")],  # a bad sound card; far too softly
)
@pytest.mark.parametrize(("faulty", "outside"), [(0, True), (2, True), (3, False)])
def test_two_of_twenty_good_recordings_may_have_the_same_fault(
    name: str, usual: float, fault: float, value: float, side: str, faulty: int, outside: bool
) -> None:
    good = [{name: fault if i < faulty else usual} for i in range(20)]
    (found,) = standings({name: value}, good)
    assert found.outside == (side if outside else None)
    assert found.beyond == pytest.approx(abs(value - usual) / 3 if outside else 0.0)
    assert not (found.among and outside)


def placed(margins: list[float], unknown: list[float]) -> pd.DataFrame:
    """Answers at the center: commands and unknown words by the margin of the best command over unknown."""
    known = [("yes", "yes", "accepted right" if m > 0 else "missed", m) for m in margins]
    others = [("unknown", "no", "falsely accepted" if m > 0 else "left alone", m) for m in unknown]
    frame = pd.DataFrame([*known, *others], columns=["label", "command", "outcome", "command_margin"])
    return frame.assign(variant="float32", placement="center")


def test_a_network_that_leans_is_told_from_a_folder_in_which_some_fail() -> None:
    rng = np.random.default_rng(0)
    one = placed(list(rng.normal(0.8, 1.5, 60)), list(rng.normal(-5, 2, 20)))
    found = lean_of(one, "float32", "center", SIZES)
    assert found is not None
    assert found.back >= 0.9 * found.missed >= 5
    assert (found.commands, found.unknown) == (60, 20)
    two = placed([*rng.normal(4, 1, 40), *rng.normal(-4, 1, 20)], list(rng.normal(-5, 2, 20)))
    assert lean_of(two, "float32", "center", SIZES) is None
    few = placed([*rng.normal(4, 1, 40), -0.5, -0.5], [-3.0])
    assert lean_of(few, "float32", "center", SIZES) is None
    beside = placed([0.1, 0.2, 0.4, *rng.normal(2.2, 1, 27), -2.9, -2.9, -1.7, -1.5, -1.3, -0.5], list(rng.normal(-5, 2, 20)))
    assert lean_of(beside, "float32", "center", SIZES) is None  # six of 36 are missed by more than a tail of the others would be
    assert lean_of(one, "float32", "start", SIZES) is None
    assert lean_of(one.drop(columns=["command", "command_margin"]), "float32", "center", SIZES) is None
