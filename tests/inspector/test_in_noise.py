"""Is a recording explained in the noise that a report has it in, beside the same place in silence, and is what cannot be that said?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from robustness.audio.placement import batch_of, lead_of, place
from robustness.errors import RobustnessError
from robustness.explanations.explanation import explain
from robustness.inspector.folder import facts_of
from robustness.inspector.wording import inspector_title, lead_sentence
from robustness.models.classifier import Classifier
from robustness.models.formats.torch_module import TorchNetwork
from robustness.perturbations.white_noise import WhiteNoise
from tests.builders import LABELS, classifier, recording


class Hush(nn.Module):
    """Says `up` where the quietest frame is under −40 dB, else `unknown`."""

    def forward(self, features: Tensor) -> Tensor:
        quietest = features.mean(2).amin(2)[:, 0]
        logits = torch.full((len(features), len(LABELS)), -20.0)
        logits[:, LABELS.index("up")] = (-40 - quietest) / 10
        logits[:, LABELS.index("unknown")] = 0.0
        return logits


def hush() -> Classifier:
    return replace(classifier(), network=TorchNetwork(Hush()))


def test_it_is_heard_as_a_sweep_hears_it() -> None:
    one = recording("up.wav")
    found = explain(hush(), one, perturbation="white-noise", level=5, draw=1, seed=3, methods=("occlusion",), tested=False)
    batch = batch_of([one], 3)
    frame = hush().frame
    quiet = place(batch, lead_of("center", frame.samples - batch.lengths), frame)
    wanted = WhiteNoise()(quiet, 5, draw=1, seed=3).samples[0]
    assert torch.equal(found.question.here.window, wanted)
    assert found.question.wrong == ["float32"]
    assert found.question.counterpart is not None
    assert torch.equal(found.question.counterpart.window, quiet.samples[0])
    assert inspector_title(found).replace("\u00a0", " ") == "“up” in white noise at 5 dB, in the center, recognised as “unknown”"
    assert "Without the change of its sound, with a lead of 250" in lead_sentence(found)
    assert found.following is None
    condition = {"perturbation": "white-noise", "level": 5, "fill": "zeros", "draw": 1, "placement": "center"}
    assert facts_of(found)["condition"] == condition


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"perturbation": "white-noise"}, "a perturbation needs a name and a level"),
        ({"level": 10.0}, "a perturbation needs a name and a level"),
        ({"draw": 1}, "a perturbation needs a name and a level"),
        ({"inputs": {"noises": Path("/nowhere")}}, "a perturbation needs a name and a level"),
        ({"perturbation": "white-noise", "level": float("nan")}, "--level nan is no level of white-noise; give a number"),
        ({"perturbation": "time-shift", "level": 10.0, "offset_ms": 5.0}, "time-shift says itself where the recording lies"),
        ({"perturbation": "whitenoise", "level": 10.0}, "no perturbation 'whitenoise'; did you mean white-noise"),
        ({"perturbation": "background-noise", "level": 10.0}, "give their folder by --noises DIR"),
        ({"perturbation": "background-noise", "level": 10.0, "inputs": {"noises": Path("/nowhere")}}, "/nowhere"),
    ],
)
def test_what_cannot_be_is_said(options: dict[str, Any], words: str) -> None:
    with pytest.raises(RobustnessError, match=words):
        explain(hush(), recording("up.wav"), tested=False, **options)
