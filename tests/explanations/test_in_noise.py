"""Does a recording that fails in noise alone get a card: under the mildest that it does not bear, heard again, and explained?

The network says `yes` where the quietest tenth of the window is quiet enough; how long the recording is or where it lies does not matter.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import soundfile
import torch
from torch import Tensor, nn

from robustness.audio.recordings import Recording
from robustness.conditions import Condition
from robustness.explanations.evidence import write_evidence
from robustness.explanations.failures import Failure, find_failures, placed_trials
from robustness.explanations.subject import Subject
from robustness.models.classifier import Classifier
from robustness.models.formats.torch_module import TorchNetwork
from robustness.perturbations.noise import AdditiveNoise
from robustness.perturbations.pink_noise import PinkNoise
from robustness.perturbations.white_noise import WhiteNoise
from robustness.run.folder import Run
from robustness.run.perturbations import perturbation_facts
from tests.explanations.planted import LABELS, classifier, recording, run_of, sound

BAR = 0.04  # between the noise of 20 dB under a word at 0.25 and that of 10 dB
NOISES: dict[str, AdditiveNoise] = {"white-noise": WhiteNoise(), "pink-noise": PinkNoise()}


class Hush(nn.Module):
    """The margin of `yes` falls with the mean magnitude of the quietest tenth of the window."""

    def __init__(self, bias: float = 0.0) -> None:
        super().__init__()
        self.bias = bias

    def forward(self, features: Tensor) -> Tensor:
        quietest = features.flatten(1).unfold(1, 100, 100).mean(2).amin(1)
        logits = torch.full((len(features), len(LABELS)), -20.0)
        logits[:, 0] = self.bias + 10 * (BAR - quietest) / BAR
        logits[:, 2] = 0.0
        return logits


def hush(variant: str = "float32") -> Classifier:
    return replace(classifier((0, 0), variant=variant), network=TorchNetwork(Hush()))


def swept(folder: Path, recordings: list[Recording], classifiers: list[Classifier]) -> Run:
    return run_of(classifiers, recordings, folder / "run", ("padding-placement", "white-noise", "pink-noise"))


def explained(folder: Path, recordings: list[Recording], classifiers: list[Classifier]) -> tuple[Run, dict[str, Any]]:
    run = swept(folder, recordings, classifiers)
    write_evidence(run, classifiers, recordings, seed=0, perturbations=NOISES)
    found: dict[str, Any] = json.loads((run.evidence / "failures.json").read_text())
    return run, found


def test_the_mildest_noise_in_which_most_draws_fail(tmp_path: Path) -> None:
    run, found = explained(tmp_path, [recording("a.wav")], [hush()])
    assert (found["total"], found["shown"], found["in_noise"]) == (0, 0, {"total": 1, "shown": 1})
    (card,) = found["failures"]
    condition = card["condition"]
    rows = run.trials(perturbation=condition["perturbation"], level=condition["level"])
    assert (~rows["correct"].astype(bool)).mean() > 0.5
    for name in NOISES:
        milder = run.trials(perturbation=name)
        milder = milder[(milder["level"] > condition["level"]) & (milder["level"] < float("inf"))]
        assert (milder.groupby("level")["correct"].mean() >= 0.5).all()
    worst = rows.sort_values("margin").iloc[0]
    assert (condition["placement"], condition["draw"]) == ("center", worst["draw"])
    assert card["variants"]["float32"]["margin"] == pytest.approx(worst["margin"], abs=1e-5)
    assert card["id"] == f"yes-{condition['perturbation']}"


def test_its_counterpart_is_the_same_place_in_silence(tmp_path: Path) -> None:
    run, found = explained(tmp_path, [recording("a.wav")], [hush()])
    (card,) = found["failures"]
    assert (card["counterpart"]["placement"], card["counterpart"]["offset_ms"]) == ("center", card["offset_ms"])
    here, _ = soundfile.read(run.evidence / card["sound"])
    there, _ = soundfile.read(run.evidence / card["counterpart_sound"])
    assert not there[:300].any()
    assert here[:300].std() > 0.02
    assert card["following"] is None
    restoring = json.loads((run.evidence / "restoring.json").read_text())
    (tried,) = restoring["cards"][card["id"]].values()
    assert tried["drop"]["against"] == "counterpart"
    assert tried["drop"]["wanted"] == pytest.approx(10.0)
    assert tried["drop"]["margin"] == pytest.approx(card["variants"]["float32"]["outcome_margin"], abs=1e-4)
    by_name = {one["name"]: one for one in tried["tried"]}
    assert by_name["gain"]["restores_at"] < 0  # softer, the noise passes the bar
    assert not by_name["gain"]["control"]["restores"]
    assert by_name["move-word"]["restores_at"] is None  # the noise stays where it is
    assert restoring["conditions"] == []


@pytest.mark.parametrize("level_db", [20.0, 0.0, -5.0])
@pytest.mark.parametrize("loudness", [0.25, 0.9])
def test_it_is_heard_again_as_the_sweep_heard_it(level_db: float, loudness: float) -> None:
    one = replace(recording("a.wav"), samples=sound(loudness))
    plain = Subject.of(one, hush().frame, Condition(placement="center"), seed=3)
    lead_ms = plain.here_ms
    wanted = WhiteNoise()(plain.at([lead_ms]), level_db, draw=2, seed=3)
    again = Subject.of(one, hush().frame, Condition("white-noise", level_db, "zeros", 2, "center"), seed=3)
    assert wanted.clipped is not None
    if not wanted.clipped[0]:
        assert torch.equal(again.at([lead_ms]).samples, wanted.samples)
    torch.testing.assert_close(again.at([lead_ms]).samples, wanted.samples, atol=1e-6, rtol=0)
    torch.testing.assert_close(again.scene(lead_ms, (250.0,)).window, wanted.samples[0], atol=1e-6, rtol=0)
    assert torch.equal(again.plain.at([lead_ms]).samples, plain.at([lead_ms]).samples)
    moved = again.at([lead_ms + 50]).samples[0]
    assert torch.equal(moved[:300], again.at([lead_ms]).samples[0, :300])  # the noise does not move with the word


def elsewhere(run: Run) -> list[Failure]:
    kinds = perturbation_facts(run.manifest)
    return [one for one in find_failures(run, placed_trials(run, kinds), kinds) if not one.at_a_place]


def test_what_fails_at_a_place_in_silence_is_no_failure_of_noise(tmp_path: Path) -> None:
    run = swept(tmp_path, [recording("a.wav")], [replace(hush(), network=TorchNetwork(Hush(bias=-20.0)))])
    assert elsewhere(run) == []
    kinds = perturbation_facts(run.manifest)
    placed = placed_trials(run, kinds)
    assert placed["failing"].all()
    without = placed.assign(failing=False)
    assert {one.condition.perturbation for one in find_failures(run, without, kinds)} == {"white-noise"}
    assert find_failures(run, without, {name: kind for name, kind in kinds.items() if kind.moves}) == []


def test_who_bears_least_comes_first_and_the_rest_is_counted(tmp_path: Path) -> None:
    loud = [replace(recording(f"{n}.wav"), samples=sound(0.1 * (1 + n))) for n in range(5)]
    run, found = explained(tmp_path, loud, [hush(), hush("dynamic-int8")])
    assert found["in_noise"] == {"total": 5, "shown": 2}
    levels = [card["condition"]["level"] for card in found["failures"]]
    assert levels == sorted(levels, reverse=True)
    assert found["failures"][0]["recording"] == "4.wav"  # as loud a noise at the same ratio
    assert len({card["id"] for card in found["failures"]}) == 2
    every = elsewhere(run)
    assert [one.condition for one in every[:2]] == [Condition(**card["condition"]) for card in found["failures"]]
