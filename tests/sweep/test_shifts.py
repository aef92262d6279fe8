"""Is what is answered to a moved recording what its window alone gives, whoever else is in the sweep?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch

from robustness.audio.placement import Frame
from robustness.conditions import Condition
from robustness.frontends.log_mel import LogMel
from robustness.models.classifier import Classifier
from robustness.models.formats.torch_module import TorchNetwork
from robustness.quantization.base import quantized
from robustness.run.folder import RunWriter
from robustness.sweep import shifts, sweep
from robustness.sweep.plan import Settings, plan_of
from robustness.sweep.shifts import SharedAnswers, SharedShifts, chains_of, hops_of
from robustness.sweep.sweep import Sweep, renderer_of, shifts_of
from tests.builders import FRAME, classifier, recording, recordings
from tests.networks import SeparableNet

PLAN = plan_of(Settings(perturbations=("time-shift", "padding-placement", "sample-shift")), FRAME, 600.0)
SOME = [*recordings(2), recording("long.wav", 1400.0), recording("off.wav", 503.0)]
ROW = ["variant", "recording", "perturbation", "level", "fill", "placement"]


def trials_of(out: Path, classifiers: Sequence[Classifier]) -> pd.DataFrame:
    writer = RunWriter(out)
    Sweep(classifiers, replace(PLAN, no_word=False), writer).run(SOME)
    writer.write_manifest({"models": [{"name": classifiers[0].name}]})
    return writer.finish().trials().set_index(ROW).sort_index()


def test_a_sweep_that_shares_gives_what_one_window_after_the_other_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    classifiers = [quantized(classifier(), name) for name in ("float32", "dynamic-int8")]
    found = trials_of(tmp_path / "shared", classifiers)
    monkeypatch.setattr(sweep, "shifts_of", lambda *_: None)
    alone = trials_of(tmp_path / "alone", classifiers)
    for name in ("predicted", "outcome", "rival", "correct"):
        assert found[name].astype(str).equals(alone[name].astype(str))
    for name in ("margin", "p_predicted"):
        assert found[name].sub(alone[name]).abs().max() < 1e-4
        eight_bit = found[name].xs("dynamic-int8")
        assert eight_bit.equals(alone[name].xs("dynamic-int8"))
    assert not found["margin"].equals(alone["margin"])  # the float network was run in another way


def shared_by(model: Classifier) -> SharedShifts | None:
    return shifts_of([model], PLAN, SOME)


def asked(made: SharedShifts, places: Sequence[int]) -> dict[Condition, SharedAnswers]:
    renderer = renderer_of([SOME[place] for place in places], PLAN, FRAME)
    return dict(made.answers(renderer, PLAN.conditions, [torch.zeros(len(places), dtype=torch.long)]))


def test_an_answer_depends_on_its_recording_alone() -> None:
    made = shared_by(classifier())
    assert made is not None
    together = asked(made, range(4))
    assert sum(float(one.known.float().mean()) for one in together.values()) / len(together) > 0.9
    for place in range(4):
        for condition, one in asked(made, [place]).items():
            assert torch.equal(one.known[0], together[condition].known[place])
            if one.known[0]:
                assert torch.equal(one.logits[0][0], together[condition].logits[0][place])


def test_answers_that_hang_on_little_are_left_to_their_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    made = shared_by(classifier())
    monkeypatch.setattr(shifts, "CLOSE", float("inf"))
    assert made is not None
    assert not any(bool(one.known.any()) for one in asked(made, range(4)).values())


def test_answers_that_are_not_known_take_their_places() -> None:
    kept = SharedAnswers([torch.zeros(3, 2)], torch.tensor([True, False, True]))
    assert kept.completed([torch.ones(1, 2)])[0].tolist() == [[0, 0], [1, 1], [0, 0]]
    assert SharedAnswers([torch.zeros(1, 2)], torch.tensor([True])).completed([])[0].tolist() == [[0, 0]]


@pytest.mark.parametrize(
    ("change", "shares"),
    [
        ({}, True),
        ({"frontend": LogMel(hop_samples=320, n_mels=64)}, True),  # two steps of the atlas are one hop
        ({"frontend": LogMel(samples="peak")}, False),  # each window is scaled by its own peak
        ({"network": TorchNetwork(SeparableNet().eval()), "output": "logits"}, False),  # it pads time
        ({"frame": replace(FRAME, memory=True)}, False),
    ],
)
def test_what_can_be_shared_and_what_cannot(change: dict[str, object], shares: bool) -> None:
    model = replace(classifier(), **change)  # type: ignore[arg-type]
    if "frontend" in change and shares:
        model = replace(model, network=TorchNetwork(torch.nn.Sequential(*_for_half_the_frames()).eval()), output="logits")
    plan = PLAN if not model.frame.memory else plan_of(PLAN.settings, model.frame, 600.0)
    assert (shifts_of([model], plan, SOME) is not None) is shares


def _for_half_the_frames() -> list[torch.nn.Module]:
    return [torch.nn.Conv2d(1, 2, (8, 6)), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Flatten(), torch.nn.LazyLinear(11)]


def test_where_nothing_is_moved_nothing_is_shared() -> None:
    still = replace(PLAN, conditions=(Condition("white-noise", 10.0),))
    assert shifts_of([classifier()], still, SOME) is None


def test_without_recordings_or_by_another_runtime_nothing_is_shared() -> None:
    assert shifts_of([classifier()], PLAN, []) is None
    assert shifts_of([classifier()], replace(PLAN, settings=replace(PLAN.settings, engine="onnx")), SOME) is None


@pytest.mark.parametrize(
    ("leads", "chains", "hops"),
    [
        ([0, 160, 320, 160], [[320, 160, 0]], [1]),
        ([5, 165, 0, 320, 640], [[640, 320, 0], [165, 5]], [2, 1]),
        ([-160, 0, 7], [[0, -160]], [1]),
        ([0], [], []),
        ([0, 160 * 90], [], []),  # hardly a frame in common
        ([], [], []),
    ],
)
def test_leads_whole_hops_apart_are_one_chain(leads: list[int], chains: list[list[int]], hops: list[int]) -> None:
    found = chains_of(leads, 160, Frame(16_000, 16_000))
    assert found == chains
    assert hops_of(found, 160) == hops
