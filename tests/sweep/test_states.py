from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from torch import nn

from robustness.audio.takes import open_take
from robustness.frontends.microfrontend import Microfrontend
from robustness.models.classifier import Classifier
from robustness.models.formats.torch_module import TorchNetwork
from robustness.streaming.matching import Timeline
from robustness.streaming.rules.plain import Plain
from robustness.streaming.spans import Word
from robustness.streaming.states import AfterState, state_figures
from robustness.sweep.states import figures_by_state, fresh_scores, remembers, runs_on
from tests.builders import FRAME, RATE_HZ, classifier


class Loud(nn.Module):
    """Says `yes` if the last half of the window has louder frames than the microfrontend gives once it is used to a sound."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        sure = features[..., 50:].mean((1, 2, 3))[:, None]
        return torch.log_softmax(torch.cat([sure, torch.zeros(len(features), 10)], 1), 1)


@pytest.fixture
def model() -> Classifier:
    """A network without a state behind a front-end with one."""
    pytest.importorskip("pymicro_features")
    return replace(classifier(), network=TorchNetwork(Loud()), frontend=Microfrontend(), threshold=0.5)


def test_the_first_answer_of_a_fresh_start_is_that_of_the_window_and_later_ones_remember(model: Classifier) -> None:
    samples = (np.random.default_rng(0).normal(size=3 * RATE_HZ) * 0.05).astype(np.float32)
    found = fresh_scores(samples, model, 100.0)
    windows = torch.from_numpy(samples).unfold(0, FRAME.samples, RATE_HZ // 10)
    alone = model.probabilities(model.logits(windows.contiguous())).astype(np.float32)
    assert found.values.shape == alone.shape
    assert found.times_ms[:2].tolist() == [1000.0, 1100.0]
    assert (found.values[0] == alone[0]).all()
    assert not np.allclose(found.values[-1], alone[-1], atol=1e-3)


def test_words_are_asked_from_every_state(model: Classifier, tmp_path: Path) -> None:
    path = tmp_path / "take.wav"
    sound = np.zeros(8 * RATE_HZ)
    for start in (1, 4, 6):
        sound[start * RATE_HZ : start * RATE_HZ + RATE_HZ // 2] = np.random.default_rng(start).normal(size=RATE_HZ // 2) * 0.1
    soundfile.write(path, sound, RATE_HZ)
    take = open_take(path, RATE_HZ)
    words = [Word("yes", 1000, 1500), Word("no", 4000, 4500), Word("yes", 6000, 6500)]
    timeline = Timeline.of(words, ("yes", "no"), take.duration_ms, 1000.0)
    assert remembers(model)
    assert runs_on(model)
    found = {one.state: one for one in figures_by_state([take], [timeline], model, Plain(0.5), 100.0)}
    assert {one.words for state, one in found.items() if state != "re-armed after a trigger"} == {3}
    assert found["cold start"].lost == found["cold start"].gained == 0
    assert all(one.hits <= one.words for one in found.values())
    assert not remembers(classifier())


def test_figures_are_paired_with_a_cold_start() -> None:
    yes, no = AfterState(hit=True, wrong=False), AfterState(hit=False, wrong=True)
    found = state_figures(
        [{"cold start": yes, "after another word": no}, {"cold start": no, "after another word": no}, {"cold start": yes}]
    )
    assert [(one.state, one.words, one.hits, one.wrong, one.lost, one.gained) for one in found] == [
        ("cold start", 3, 2, 1, 0, 0),
        ("after another word", 2, 0, 2, 1, 0),
    ]
