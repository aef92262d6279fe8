from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from robustness.explanations.answering import given_by
from robustness.explanations.failures import Failure, find_failures, placed_trials
from robustness.models.classifier import Classifier
from robustness.run.folder import Run
from robustness.run.perturbations import perturbation_facts
from tests.explanations.planted import classifier, recording, run_of

ALWAYS = (-1000.0, 2000.0)


@pytest.mark.parametrize(
    ("label", "predicted", "probability", "threshold", "outcome"),
    [
        ("yes", "yes", 0.9, None, "accepted right"),
        ("yes", "yes", 0.4, None, "accepted right"),
        ("yes", "yes", 0.6, 0.6, "accepted right"),
        ("yes", "yes", 0.5999, 0.6, "missed"),
        ("yes", "no", 0.9, None, "substituted"),
        ("yes", "no", 0.5, 0.6, "missed"),
        ("yes", "unknown", 0.9, None, "missed"),
        ("unknown", "unknown", 0.9, 0.6, "left alone"),
        ("unknown", "no", 0.9, 0.6, "falsely accepted"),
        ("unknown", "no", 0.9, None, "falsely accepted"),
        ("unknown", "no", 0.5, 0.6, "left alone"),
    ],
)
def test_outcome_at_the_operating_point(label: str, predicted: str, probability: float, threshold: float | None, outcome: str) -> None:
    at_threshold = replace(classifier(ALWAYS), threshold=threshold)
    assert outcome_of(at_threshold, label, predicted, probability) == outcome


def outcome_of(model: Classifier, label: str, predicted: str, probability: float) -> str:
    """Of an answer with that probability, what is left shared among the other labels."""
    p = torch.full((1, len(model.labels)), (1 - probability) / (len(model.labels) - 1), dtype=torch.float64)
    p[0, model.labels.index(predicted)] = probability
    (given,) = given_by(model, p.log(), [label])
    assert given.good is (given.outcome in {"accepted right", "left alone"})
    assert given.good is (given.margin > 0) or given.margin == pytest.approx(0)
    return given.outcome


def failures(run: Run) -> list[Failure]:
    kinds = perturbation_facts(run.manifest)
    return find_failures(run, placed_trials(run, kinds), kinds)


def test_silence_is_a_rejection_as_unknown_is() -> None:
    with_silence = replace(classifier(ALWAYS), unknown="unknown", silence="no")
    assert outcome_of(with_silence, "yes", "no", 0.9) == "missed"
    assert outcome_of(with_silence, "unknown", "no", 0.9) == "left alone"


def test_one_failure_a_recording_worst_place_and_variant_first(tmp_path: Path) -> None:
    # A lead of 0, 300 or 600 ms; the farther from the interval, the worse the margin.
    variants = [classifier((250, 350)), classifier((310, 700), rival=1, variant="later")]
    recordings = [recording("b.wav"), recording("a.wav"), recording("right.wav", label=None)]
    found = failures(run_of(variants, recordings, tmp_path / "run"))
    assert [failure.recording for failure in found] == ["a.wav", "b.wav"]
    worst = found[0]
    assert (worst.variant, worst.condition.placement, worst.offset_ms) == ("later", "start", 0.0)
    assert (worst.label, worst.rival) == ("yes", "no")
    assert worst.margin == pytest.approx(-30.95)
    assert worst.also_wrong == ("center", "end")
    assert (worst.condition.perturbation, worst.condition.level, worst.condition.fill) == ("padding-placement", 0.0, "zeros")


def test_what_fails_where_words_normally_lie_is_told_of_there(tmp_path: Path) -> None:
    run = run_of([classifier((310, 700))], [recording("a.wav")], tmp_path / "run")
    kinds = perturbation_facts(run.manifest)
    (found,) = find_failures(run, placed_trials(run, kinds), kinds, "center")
    assert (found.condition.placement, found.offset_ms, found.also_wrong) == ("center", 300.0, ("start",))
    (found,) = find_failures(run, placed_trials(run, kinds), kinds, "end")
    assert found.condition.placement == "start"


def test_nothing_fails_where_all_is_right(tmp_path: Path) -> None:
    always = [classifier(ALWAYS)]
    assert failures(run_of(always, [recording("a.wav")], tmp_path / "run")) == []


def test_a_word_that_wins_under_the_threshold_fails_and_is_missed(tmp_path: Path) -> None:
    # Inside the interval the logit of `yes` is (distance + 0.5) / 10 against 0: at its very edge it wins with a chance of about a half.
    edge = [replace(classifier((0, 2000)), threshold=0.9)]
    run = run_of(edge, [recording("a.wav")], tmp_path / "run")
    placed = placed_trials(run, perturbation_facts(run.manifest))
    (failure,) = failures(run)
    assert (failure.condition.placement, failure.label, failure.rival, failure.also_wrong) == ("start", "yes", "unknown", ())
    assert failure.margin == pytest.approx(0.05 - math.log(9), abs=1e-4)  # in log-odds, to the threshold
    assert placed.set_index("placement")["failing"].to_dict() == {"start": True, "center": False, "end": False}


def test_without_placements_the_clean_answers_count(tmp_path: Path) -> None:
    variants = [classifier((0, 100))]
    run = run_of(variants, [recording("a.wav")], tmp_path / "run", perturbations=("sample-shift",))
    (failure,) = failures(run)
    assert (failure.condition.perturbation, failure.condition.level, failure.condition.placement) == ("none", None, "center")
