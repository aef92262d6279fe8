from __future__ import annotations

from pathlib import Path

import pytest
import torch

from robustness.audio.levels import SPEECH_THRESHOLD_DB
from robustness.explanations.movable import Movable
from robustness.explanations.places import Atlases, LeadAtlas, candidates, restore
from tests.explanations.planted import classifier, recording, run_of

GRID = tuple(float(ms) for ms in range(-200, 601, 10))


def atlas(*intervals_ms: tuple[float, float]) -> LeadAtlas:
    return LeadAtlas(GRID, tuple(any(low <= lead <= high for low, high in intervals_ms) for lead in GRID))


@pytest.mark.parametrize(
    ("here_ms", "intervals_ms", "expected_ms"),
    [
        (0.0, [(35, 600)], 35.0),
        (0.0, [(30, 600)], 30.0),
        (0.0, [(1, 600)], 1.0),
        (0.0, [(2, 600)], 2.0),
        (600.0, [(-200, 417)], 417.0),
        (300.0, [(-200, 277), (341, 600)], 277.0),
        (300.0, [(-200, 258), (341, 600)], 341.0),
        (300.0, [(-200, 259), (341, 600)], 341.0),
        (300.0, [(-200, 200), (313, 317)], 313.0),
        (300.0, [(283, 287), (400, 600)], 287.0),
        (0.0, [(537, 600)], 537.0),
        (300.5, [(331, 600)], 331.0),
    ],
)
def test_nearest_right_place_to_a_millisecond(here_ms: float, intervals_ms: list[tuple[float, float]], expected_ms: float) -> None:
    planted = classifier(*intervals_ms)
    movable = Movable.of(recording("a.wav"), planted.frame, 0)
    found = restore(planted, movable, "yes", here_ms, atlas(*intervals_ms))
    assert found is not None
    assert found.at_ms == expected_ms
    assert found.by_ms == expected_ms - here_ms


def test_what_is_lost_of_the_word_is_said() -> None:
    planted = classifier((-1000, -60))
    movable = Movable.of(recording("a.wav"), planted.frame, 0)
    found = restore(planted, movable, "yes", 0.0, atlas((-200, -120)))
    assert found is not None
    assert found.by_ms < 0
    assert found.lost_ms == pytest.approx(-found.at_ms)


def test_nowhere_right_is_none() -> None:
    planted = classifier((5000, 6000))
    assert restore(planted, Movable.of(recording("a.wav"), planted.frame, 0), "yes", 0.0, atlas()) is None


def test_an_atlas_that_is_not_confirmed_restores_nothing() -> None:
    planted = classifier((5000, 6000))
    assert restore(planted, Movable.of(recording("a.wav"), planted.frame, 0), "yes", 0.0, atlas((40, 60))) is None


def test_no_atlas_no_place() -> None:
    assert candidates(0.0, LeadAtlas((), ())) == []


def test_candidates_are_nearest_first_and_no_farther_than_the_grid_says() -> None:
    leads = candidates(0.0, atlas((40, 600)))
    assert leads[:4] == [1.0, -1.0, 2.0, -2.0]
    assert leads[-1] == 40.0
    assert [lead for lead in leads if lead > 20] == [float(ms) for ms in range(30, 41)]
    assert 0.0 not in leads


def test_atlases_of_a_run(tmp_path: Path) -> None:
    variants = [classifier((35, 600)), classifier((101, 600), variant="later")]
    run = run_of(variants, [recording("a.wav"), recording("b.wav")], tmp_path / "run")
    found = Atlases(run)
    one, other = found.of("a.wav", "float32"), found.of("a.wav", "later")
    assert one.range_ms == (-200.0, 600.0)
    assert one.leads_ms[one.right.index(True)] == 40.0
    assert other.leads_ms[other.right.index(True)] == 110.0
    assert found.of("c.wav", "float32").range_ms is None


def test_windows_are_those_of_the_sweep() -> None:
    planted = classifier((35, 600))
    movable = Movable.of(recording("a.wav"), planted.frame, 0, SPEECH_THRESHOLD_DB)
    windows = movable.at([0.0, 35.0, -100.0, 700.0])
    assert windows.samples.shape == (4, 1000)
    assert [int(row.nonzero()[0]) for row in windows.samples] == [0, 35, 0, 700]
    assert windows.samples.bool().sum(1).tolist() == [400, 400, 300, 300]
    assert windows.lost.tolist() == [[0, 0], [0, 0], [100, 0], [0, 100]]
    assert torch.equal(windows.samples[0, :400], windows.samples[1, 35:435])
    assert (movable.lead_ms("start"), movable.lead_ms("center"), movable.lead_ms("end")) == (0.0, 300.0, 600.0)
    assert movable.recording_ms(35.0) == (35.0, 435.0)
