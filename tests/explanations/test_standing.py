"""What lies outside of the recordings that are right, and what does that speak for? And does a network lean?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from robustness.explanations.lean import lean_of
from robustness.explanations.standing import SPEAKS, Cause, ordinary, spoken_for, standings

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
    assert lean_of(one, "float32", "start", SIZES) is None
    assert lean_of(one.drop(columns=["command", "command_margin"]), "float32", "center", SIZES) is None
