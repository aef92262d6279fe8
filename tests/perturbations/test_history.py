"""Is what sounds before a window heard by models with a memory as one stretch of sound, and left out for others?"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray
from torch import nn

from robustness.audio.levels import speech_power
from robustness.conditions import Condition
from robustness.errors import UsageError
from robustness.explanations.question import ExplanationSettings, check
from robustness.frontends.microfrontend import Microfrontend
from robustness.frontends.streamed import pcm16
from robustness.models.after_sound import after, over_its_window, with_nothing_before
from robustness.models.card import load_classifier
from robustness.models.classifier import Classifier
from robustness.models.formats.tflite import Smoothing
from robustness.models.formats.torch_module import TorchNetwork
from robustness.perturbations.base import PERTURBATIONS
from robustness.perturbations.before import FORGETFUL
from robustness.rendering import render
from robustness.sweep.engine import Engine
from robustness.sweep.plan import Settings, runnable
from tests.builders import FRAME, RATE_HZ, classifier, recordings
from tests.sweep.test_steps import CARD

FRAME_WITH_MEMORY = replace(FRAME, memory=True)
NAMES = ("silence-before", "noise-before", "same-word-before", "other-word-before")


@pytest.fixture
def talkers(tmp_path: Path) -> Path:
    folder = tmp_path / "talkers"
    folder.mkdir()
    for place, one in enumerate(recordings(3)):
        soundfile.write(folder / f"{place}.wav", one.samples.numpy(), RATE_HZ)
    return folder


class Loudest(nn.Module):
    """Says what the first two bands of the microfrontend give."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return torch.log_softmax(features.mean(3)[:, 0, :11], 1)


@pytest.fixture
def remembering() -> Classifier:
    pytest.importorskip("pymicro_features")
    return replace(classifier(), network=TorchNetwork(Loudest()), frontend=Microfrontend(preroll_ms=100.0), frame=FRAME_WITH_MEMORY)


@pytest.mark.parametrize("name", NAMES)
def test_the_window_stays_and_the_level_is_there(name: str, talkers: Path) -> None:
    clips = recordings(3)
    clean = render(clips, Condition(), FRAME_WITH_MEMORY)
    for level in PERTURBATIONS[name].axis.grid:
        heard = render(clips, Condition(name, level), FRAME_WITH_MEMORY, inputs={"talkers": talkers})
        assert heard.before is not None
        assert heard.measured is not None
        assert torch.equal(heard.samples, clean.samples)
        assert torch.equal(heard.heard, torch.cat([heard.before, clean.samples], 1))
        assert heard.measured.tolist() == pytest.approx([level] * 3, abs=0.1 if name == "noise-before" else 2e-3)
    neutral = render(clips, Condition(name, PERTURBATIONS[name].axis.neutral), FRAME_WITH_MEMORY, inputs={"talkers": talkers})
    assert neutral.before is None


def test_the_earlier_word_is_as_loud_as_the_recordings_own(talkers: Path) -> None:
    clips = recordings(3)
    heard = render(clips, Condition("other-word-before", 0.5), FRAME_WITH_MEMORY, inputs={"talkers": talkers})
    assert heard.before is not None
    own = speech_power(heard.samples, heard.speech, RATE_HZ).sqrt()
    for sound, rms in zip(heard.before, own.tolist(), strict=True):
        word = sound[sound != 0]
        assert float(word.square().mean().sqrt()) == pytest.approx(rms, rel=0.05)
    ours = render(clips[:1], Condition("same-word-before", 0.5), FRAME_WITH_MEMORY)
    start, end = ours.speech[0].tolist()
    assert ours.before is not None
    word = slice(FRAME.samples - (end - start), FRAME.samples)  # it ends where a window would, and the pause comes after
    assert torch.equal(ours.before[0, word], ours.samples[0, start:end])
    assert not ours.before[0, FRAME.samples :].any()
    assert ours.before.shape[1] == FRAME.samples + RATE_HZ // 2


@pytest.mark.parametrize("name", NAMES)
def test_a_model_without_a_memory_leaves_it_out_and_says_why(name: str, talkers: Path) -> None:
    inputs = {"talkers": talkers}
    assert runnable(Settings(preset="standard", inputs=inputs), FRAME).skipped[name] == FORGETFUL
    assert name in runnable(Settings(preset="standard", inputs=inputs), FRAME_WITH_MEMORY).perturbations
    with pytest.raises(UsageError, match=f"{name} cannot be run: the model has no memory"):
        runnable(Settings(perturbations=(name,), inputs=inputs), FRAME)


def test_a_front_end_goes_through_all_of_it_in_one_piece(remembering: Classifier) -> None:
    heard = render(recordings(2), Condition("noise-before", 0.0), FRAME_WITH_MEMORY)
    whole = remembering.features(heard.heard)
    alone = remembering.features(heard.samples)
    frontend = remembering.frontend
    assert isinstance(frontend, Microfrontend)
    for clip, features in zip(heard.heard, whole, strict=True):
        by_hand = frontend.run(np.concatenate([np.zeros(RATE_HZ // 10, np.int16), pcm16(clip)]))[-alone.shape[3] :]
        assert np.array_equal(features[0].T.numpy(), by_hand)
    assert whole.shape == alone.shape
    assert not torch.allclose(whole, alone, atol=0.5)
    (answers,) = Engine.ready([remembering], heard.samples).answers(heard.heard)
    assert torch.allclose(answers, remembering.logits(heard.heard), atol=1e-4)


def steps_of(network_answers: NDArray[np.float64], smoothing: int, counted: int) -> Iterator[float]:
    """The mean of the last answers at each step that counts, one after the other."""
    for at in range(len(network_answers) - counted, len(network_answers)):
        yield sum(network_answers[max(0, at - smoothing + 1) : at + 1, 0]) / smoothing


@pytest.mark.parametrize("earlier", [0, 3, 60])
def test_no_answer_before_the_window_counts_and_its_state_does(earlier: int) -> None:
    window, step = 30, 3
    answers = np.random.default_rng(0).random((window // step + earlier // step, 1))
    found = Smoothing(4, preroll=7, frames=window).score(answers, step)
    ends = [(at + 1) * step - earlier for at in range(len(answers))]
    counted = sum(end > 7 for end in ends)
    assert float(found[0, 0]) == pytest.approx(max(steps_of(answers, 4, counted)))


@pytest.fixture
def nabu(shared: Path, tmp_path: Path) -> Classifier:
    pytest.importorskip("ai_edge_litert.interpreter")
    pytest.importorskip("pymicro_features")
    content = (shared / "micro_wake_word" / "okay_nabu.tflite").read_bytes()
    (tmp_path / "nabu.tflite").write_bytes(content)
    (tmp_path / "nabu.toml").write_text(CARD.format(hashlib.sha256(content).hexdigest()), encoding="utf-8")
    return load_classifier(tmp_path / "nabu.toml")


def test_a_wake_word_after_noise_is_what_one_run_answers(nabu: Classifier) -> None:
    assert nabu.frame.memory
    heard = render(recordings(1), Condition("noise-before", 10.0), nabu.frame)
    frames = nabu.features(heard.heard)[0, 0].T
    counted = nabu.features(heard.samples).shape[3] // 3
    outputs = nabu.network.started()(frames[len(frames) % 3 :])[-counted:]
    assert torch.equal(nabu.logits_of(outputs.amax(0, keepdim=True)).cpu(), nabu.logits(heard.heard))


def test_what_sounds_before_a_recording_depends_on_it_alone(talkers: Path) -> None:
    clips = recordings(3)
    for name in NAMES:
        condition = Condition(name, PERTURBATIONS[name].axis.grid[0])
        together = render(clips, condition, FRAME_WITH_MEMORY, inputs={"talkers": talkers}).before
        assert together is not None
        for place, clip in enumerate(clips):
            alone = render([clip], condition, FRAME_WITH_MEMORY, inputs={"talkers": talkers}).before
            assert alone is not None
            assert torch.equal(together[place], alone[0])


def test_a_model_without_a_memory_is_not_explained_by_what_came_before() -> None:
    with pytest.raises(UsageError, match="noise-before cannot be explained: the model has no memory"):
        check(classifier(), recordings(1)[0], ExplanationSettings(perturbation="noise-before", level=10.0))


def test_after_a_sound_a_classifier_answers_as_to_both_in_one_piece(remembering: Classifier) -> None:
    heard = render(recordings(2), Condition("noise-before", 0.0), FRAME_WITH_MEMORY)
    assert heard.before is not None
    primed = after(remembering, heard.before[0])
    assert torch.equal(primed.logits(heard.samples[:1]), remembering.logits(heard.heard[:1]))
    assert primed.frontend.picture.features(heard.samples).shape == remembering.features(heard.samples).shape
    plain = with_nothing_before(primed)
    assert torch.equal(plain.logits(heard.samples), remembering.logits(heard.samples))
    assert after(remembering, None) is remembering


def test_a_state_goes_through_what_came_before(nabu: Classifier) -> None:
    heard = render(recordings(2), Condition("noise-before", 10.0), nabu.frame)
    assert heard.before is not None
    primed = after(nabu, heard.before[0])
    assert torch.equal(primed.logits(heard.samples[:1]), nabu.logits(heard.heard[:1]))
    over = over_its_window(primed, heard.samples[0])
    features = over.features(heard.samples[:1])
    assert features.shape == nabu.features(heard.samples[:1]).shape
    assert torch.equal(over.logits_from(features), nabu.logits(heard.heard[:1]))
    assert over_its_window(nabu, heard.samples[0]) is nabu
