"""Does a recording that fails after what sounded before its window get a card, beside the same window with nothing before it?

The front-end is less sensitive the louder it was before the window. So the center of the mass, by which the planted network tells where the
recording lies, seems to be earlier, and beyond some noise before the window it is wrong.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pytest
import soundfile
import torch
from torch import Tensor

from robustness.audio.placement import Frame
from robustness.conditions import Condition
from robustness.explanations.cases import COUNTERPART, HERE, Cases
from robustness.explanations.diagnosis import diagnose
from robustness.explanations.evidence import write_evidence
from robustness.explanations.failures import find_failures
from robustness.explanations.maps import COMPARING, maps_of
from robustness.explanations.question import ExplanationSettings, check, question_of
from robustness.explanations.side_effects import Others
from robustness.models.classifier import Classifier
from robustness.perturbations.noise_before import NOISE_S
from robustness.rendering import render
from tests.explanations.planted import RATE_HZ, WINDOW_MS, Magnitude, classifier, recording, run_of

DULLED = 20.0  # how much a mean magnitude of 1 before the window divides what follows


@dataclass(frozen=True)
class Adapting(Magnitude):
    """The magnitude of each sample, less sensitive after what was loud."""

    memory: ClassVar[bool] = True

    def continued(self, samples: Tensor, earlier: int, *, every_frame: bool) -> Tensor:
        before = samples[:, :earlier].abs().mean(1)
        return self.features(samples[:, earlier:]) / (1 + DULLED * before)[:, None, None, None]


def adapting(variant: str = "float32") -> Classifier:
    made = classifier((0, 600), variant=variant)
    return replace(made, frontend=Adapting(), frame=Frame(WINDOW_MS, RATE_HZ, "center", memory=True))


WORDS = [recording("a.wav"), recording("b.wav")]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    found = run_of([adapting()], WORDS, tmp_path_factory.mktemp("before") / "run", ("padding-placement", "noise-before"))
    write_evidence(found, [adapting()], WORDS, seed=0)
    return found


def cases_of(run: Any) -> Cases:
    return Cases(run, [adapting()], WORDS, 0)


def test_it_has_a_card_under_the_mildest_level_that_it_does_not_bear(run: Any) -> None:
    found = json.loads((run.evidence / "failures.json").read_text())
    card = next(one for one in found["failures"] if one["recording"] == "a.wav")
    condition = card["condition"]
    assert (condition["perturbation"], condition["level"], condition["placement"]) == ("noise-before", 0.0, "center")
    rows = run.trials(perturbation="noise-before", level=0.0)
    row = rows[(rows["recording"] == "a.wav") & (rows["draw"] == condition["draw"])].iloc[0]
    assert card["variants"]["float32"]["outcome_margin"] == pytest.approx(float(row["outcome_margin"]), abs=1e-4)
    assert (card["counterpart"]["placement"], card["counterpart"]["offset_ms"]) == ("center", card["offset_ms"])
    assert card["variants"]["float32"]["restored_by_ms"] is None  # the mass would have to lie beyond the window
    whole, _ = soundfile.read(run.evidence / card["before_sound"])
    window, _ = soundfile.read(run.evidence / card["sound"])
    assert len(whole) == NOISE_S * RATE_HZ + WINDOW_MS
    assert (whole[-WINDOW_MS:] == window).all()


def test_the_same_window_is_right_with_nothing_before_it(run: Any) -> None:
    cases = cases_of(run)
    failure = next(one for one in find_failures(run, cases.placed, cases.kinds) if one.recording == "b.wav")
    case = cases.case(failure)
    here, there = case.heard[HERE], case.heard[COUNTERPART]
    assert torch.equal(here.window, there.window)
    model, heard = adapting(), render(WORDS[1:], failure.condition, adapting().frame)
    assert torch.equal(here.logits["float32"], model.logits(heard.heard)[0])
    assert torch.equal(there.logits["float32"], model.logits(heard.samples)[0])
    assert not case.given["float32"].good
    drop = diagnose(case, cases)["float32"].drop
    assert drop is not None
    label = model.decide(there.logits["float32"][None], torch.tensor([0]))
    assert drop.wanted == pytest.approx(float(label.margin[0]), abs=1e-5)


def test_other_recordings_are_asked_after_what_sounds_before_them(run: Any) -> None:
    others = Others(cases_of(run))
    condition = Condition("noise-before", 0.0, placement="center")
    before = others._given(condition, None)["float32"]
    for word in WORDS:
        logits = adapting().logits(render([word], condition, adapting().frame).heard)
        assert before[word.id].margin == pytest.approx(float(adapting().decide(logits, torch.tensor([0])).margin[0]), abs=1e-5)


def test_explain_asks_after_what_sounds_before() -> None:
    wanted = ExplanationSettings(perturbation="noise-before", level=0.0)
    check(adapting(), WORDS[0], wanted)
    question = question_of(Cases(None, [adapting()], WORDS[:1], 0), WORDS[0], wanted)
    heard = render(WORDS[:1], Condition("noise-before", 0.0), adapting().frame)
    assert torch.equal(question.here.logits["float32"], adapting().logits(heard.heard)[0])
    assert not question.given["float32"].good
    assert question.counterpart is not None
    assert torch.equal(question.counterpart.logits["float32"], adapting().logits(heard.samples)[0])
    map_ = maps_of(question.map_request, [COMPARING])[0]
    assert torch.equal(map_.asked.features, adapting().features(heard.heard))
