from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from robustness.audio.levels import SPEECH_THRESHOLD_DB, Span
from robustness.audio.placement import Frame
from robustness.conditions import Condition
from robustness.explanations.answering import by_variant
from robustness.explanations.counterpart import Counterpart, GoodPlaces
from robustness.explanations.edits import Answers, Edit
from robustness.explanations.places import LeadAnswers, LeadAtlas, Restored, leads_to_ask, whole_leads
from robustness.explanations.ready_variants import ReadyVariants
from robustness.explanations.subject import Subject
from robustness.models.classifier import Classifier
from robustness.sweep.engine import Engine
from tests.explanations.planted import classifier, recording

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
    found = restored(classifier(*intervals_ms), here_ms, atlas(*intervals_ms))
    assert found is not None
    assert found.at_ms == expected_ms
    assert found.by_ms == expected_ms - here_ms


def test_a_place_that_cuts_the_word_is_none() -> None:
    planted = classifier((-1000, -60))  # good only where 60 ms of the word are lost
    assert restored(planted, 0.0, atlas((-200, -120))) is None  # even where an atlas says so
    found = leads_of(planted).atlases["float32"]
    assert found.range_ms == (0.0, 600.0)
    assert not any(found.good)


def restored(planted: Classifier, here_ms: float, where: LeadAtlas) -> Restored | None:
    return leads_of(planted).nearest_good("float32", here_ms, where)


def leads_of(planted: Classifier) -> LeadAnswers:
    return LeadAnswers(engine_of(planted), Subject.of(recording("a.wav"), planted.frame), "yes")


def engine_of(planted: Classifier) -> Engine:
    return Engine.ready([planted], torch.zeros(2, 1000), workers=1)


def test_the_leads_that_are_asked_keep_the_word_and_not_the_silence_around_it() -> None:
    quiet = torch.zeros(400)
    quiet[105:195] = 0.25
    one = replace(recording("a.wav"), samples=quiet, speech=Span(105, 195))
    leads = whole_leads(Subject.of(one, classifier((0, 0)).frame))
    assert (leads[:3], leads[-2:]) == ([-105.0, -100.0, -90.0], [800.0, 805.0])
    assert whole_leads(Subject.of(replace(one, speech=Span(0, 400)), Frame(300, 1000))) == []


def test_a_word_under_the_threshold_is_restored_where_it_is_accepted() -> None:
    # The logit of `yes` is (distance to the edge + 0.5) / 10 against 0: it wins from 0 ms on, and is accepted from 22 ms on.
    planted = replace(classifier((0, 2000)), threshold=0.9)
    subject = Subject.of(recording("a.wav"), planted.frame, Condition(placement="start"))
    places = GoodPlaces(ReadyVariants(engine_of(planted), by_variant([planted]), by_variant([planted])), subject, "yes")
    assert places.here["float32"].predicted == "yes"
    assert places.here["float32"].outcome == "missed"
    found = places.restored("float32")
    assert found is not None
    assert found.at_ms == 22.0
    assert places.counterpart("float32") == Counterpart("center", 300.0)


def test_nowhere_right_is_none() -> None:
    planted = classifier((5000, 6000))
    assert restored(planted, 0.0, atlas()) is None


def test_an_atlas_that_is_not_confirmed_restores_nothing() -> None:
    planted = classifier((5000, 6000))
    assert restored(planted, 0.0, atlas((40, 60))) is None


def test_a_lead_is_asked_once_whoever_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    planted = classifier((35, 600))
    heard: list[torch.Tensor] = []
    answer = Engine.answers

    def counted(engine: Engine, samples: torch.Tensor) -> list[torch.Tensor]:
        heard.extend(samples)
        return answer(engine, samples)

    monkeypatch.setattr(Engine, "answers", counted)
    subject = Subject.of(recording("a.wav"), planted.frame, Condition(placement="start"))
    places = GoodPlaces(ReadyVariants(engine_of(planted), by_variant([planted]), by_variant([planted])), subject, "yes")
    found = (places.restored("float32"), places.restored("float32"), places.counterpart("float32"))
    assert [found[0], found[0]] == list(found[:2])
    windows = {one.numpy().tobytes() for one in heard}
    assert len(windows) == len(heard) - 1  # where it fails, its margin is asked as well


def test_a_window_that_comes_again_is_asked_once() -> None:
    planted = classifier((35, 600))
    asked: list[torch.Tensor] = []

    def ask(windows: torch.Tensor) -> list[torch.Tensor]:
        asked.extend(windows)
        return [planted.logits(windows)]

    scene = Subject.of(recording("a.wav"), planted.frame).scene(0.0, planted.frontend.picture.band_hz)
    answers = Answers({"float32": planted}, scene, "yes", ask)
    lower, louder = [Edit("lower-rejections", size) for size in (1.0, 2.0)], Edit("gain", 6.0)
    answers.ask([[lower[0]], [louder], [lower[1]]])
    assert len(asked) == 2
    margins = [answers.of("float32", edit).margin for edit in lower]
    assert margins[1] - margins[0] == pytest.approx(1.0, abs=1e-4)
    assert answers.of("float32", louder).margin != pytest.approx(margins[0], abs=1e-4)


def test_no_atlas_no_place() -> None:
    assert leads_to_ask(0.0, LeadAtlas((), ())) == []


def test_candidates_are_nearest_first_and_no_farther_than_the_grid_says() -> None:
    leads = leads_to_ask(0.0, atlas((40, 600)))
    assert leads[:4] == [1.0, -1.0, 2.0, -2.0]
    assert leads[-1] == 40.0
    assert [lead for lead in leads if lead > 20] == [float(ms) for ms in range(30, 41)]
    assert 0.0 not in leads


def test_windows_are_those_of_the_sweep() -> None:
    planted = classifier((35, 600))
    subject = Subject.of(recording("a.wav"), planted.frame, threshold_db=SPEECH_THRESHOLD_DB)
    windows = subject.at([0.0, 35.0, -100.0, 700.0])
    assert windows.samples.shape == (4, 1000)
    assert [int(row.nonzero()[0]) for row in windows.samples] == [0, 35, 0, 700]
    assert windows.samples.bool().sum(1).tolist() == [400, 400, 300, 300]
    assert windows.lost.tolist() == [[0, 0], [0, 0], [100, 0], [0, 100]]
    assert torch.equal(windows.samples[0, :400], windows.samples[1, 35:435])
    assert (subject.lead_ms("start"), subject.lead_ms("center"), subject.lead_ms("end")) == (0.0, 300.0, 600.0)
    assert subject.recording_ms(35.0) == (35.0, 435.0)
