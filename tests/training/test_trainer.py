"""Does the loop learn, fold, resume and refuse as it says?"""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from robustness.errors import UsageError
from robustness.frontends.log_mel import LogMel
from robustness.models.architectures import PooledNet, TutorialNet
from robustness.seeds import generator_of
from robustness.training.augmentation import noise_bank
from robustness.training.batches import SYNTHETIC, Batches, clip_weights, no_word_clips
from robustness.training.data import Corpus, TrainingClip, joined, read_corpus
from robustness.training.recipes import RECIPES, TrainingPlan
from robustness.training.trainer import Epoch, Scaled, Trainer, dropping_out, folded_clip, moving_average, schedule, unfolded
from tests.training.words import WORDS, write_words

PLAN = TrainingPlan(
    "tutorial", "commands", epochs=3, seed=0, init="", data={}, precision="float32", threads=1, learning_rate=3e-3, batch=16
)
LABELS = (*WORDS[:10], "unknown")


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return read_corpus(write_words(tmp_path_factory.mktemp("data") / "words"))


def batches(clips: Corpus, plan: TrainingPlan = PLAN) -> Batches:
    bank = noise_bank([], 8, generator_of("bank"))
    return Batches(
        joined([clips.split("training"), no_word_clips(bank, generator_of("x"))]), LABELS, plan, RECIPES["tutorial"], LogMel(), bank
    )


def trainer(clips: Corpus, folder: Path, plan: TrainingPlan = PLAN) -> Trainer:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = TutorialNet()
    return Trainer(net, batches(clips, plan), lambda _: {"words": 0.5}, folder / "checkpoint.pt")


def run(training: Trainer, *, resume: bool = False, stop_after: int = 99) -> tuple[nn.Module, list[Epoch]]:
    def stop(history: list[Epoch]) -> None:
        if len(history) == stop_after:
            raise KeyboardInterrupt

    return training.run(resume=resume, progress=lambda done, total, epoch: None, done=stop)


@pytest.mark.parametrize("network", [TutorialNet, PooledNet])
def test_folded_weights_take_features_as_they_are(network: type[nn.Module]) -> None:
    torch.manual_seed(0)
    net = network().eval()
    features = torch.randn(3, 1, 64, 101, generator=generator_of(0)) * 20 - 30
    expected = Scaled(net)(features)
    assert torch.allclose(folded_clip(net, "conv1")(features), expected, atol=1e-4)
    back = unfolded(folded_clip(net, "conv1"), "conv1")
    assert torch.allclose(Scaled(back)(features), expected, atol=1e-4)


@pytest.mark.parametrize(("part", "share"), [(0.0, 0.0), (0.05, 0.5), (0.1, 1.0), (0.55, 0.5), (1.0, 0.0)])
def test_the_learning_rate_rises_and_falls(part: float, share: float) -> None:
    assert schedule(part, 0.1) == pytest.approx(share, abs=1e-9)


def test_the_average_soon_forgets_where_it_began() -> None:
    average = moving_average(0.998)
    value = torch.tensor(1000.0)
    for count in range(200):
        value = average(value, torch.tensor(1.0), count)
    assert float(value) == pytest.approx(1.0, abs=0.05)


def test_dropout_is_there_in_training_alone_and_leaves_no_trace() -> None:
    net = TutorialNet()
    features = torch.randn(2, 1, 64, 101, generator=generator_of(0))
    before = net.eval()(features)
    with dropping_out(net, 0.5, generator_of(1)):
        assert torch.equal(net.eval()(features), before)
        assert not torch.equal(net.train()(features), net.train()(features))
    assert not any(module._forward_pre_hooks for module in net.modules())


def test_a_batch_depends_on_its_number_alone(clips: Corpus) -> None:
    first, second = list(batches(clips).epoch(1)), list(batches(clips).epoch(1))
    other = next(batches(clips).epoch(2))
    assert all(torch.equal(a.features, b.features) for a, b in zip(first, second, strict=True))
    assert not torch.equal(first[0].features, other.features)


def test_labels_are_drawn_alike_and_unknown_more_often(clips: Corpus) -> None:
    source = batches(clips)
    weights = clip_weights(source.corpus, LABELS, PLAN)
    shares = {
        label: sum(w for w, word in zip(weights.tolist(), source.corpus.words, strict=True) if word == label) for label in LABELS[:10]
    }
    assert list(shares.values()) == pytest.approx([1.0] * 10)
    assert float(weights.sum()) - 10 == pytest.approx(PLAN.unknown_weight)


def test_synthetic_speech_has_its_share_however_much_there_is() -> None:
    clips = tuple(TrainingClip(f"{n}", "yes", f"s{n}", SYNTHETIC if n < 90 else "real") for n in range(100))
    corpus = Corpus(torch.zeros(100, 1), torch.zeros(100, 2), torch.ones(100), clips)
    weights = clip_weights(corpus, ("yes", "unknown"), PLAN)
    assert float(weights[:90].sum() / weights.sum()) == pytest.approx(PLAN.synthetic_share)


def test_training_lowers_the_loss_and_is_deterministic(clips: Corpus, tmp_path: Path) -> None:
    longer = replace(PLAN, epochs=10)
    first, history = run(trainer(clips, tmp_path / "a", longer))
    second, _ = run(trainer(clips, tmp_path / "b", longer))
    assert history[-1].loss < history[0].loss
    assert all(torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True))


def test_a_resumed_training_equals_an_uninterrupted_one(clips: Corpus, tmp_path: Path) -> None:
    whole, history = run(trainer(clips, tmp_path / "whole"))
    with pytest.raises(KeyboardInterrupt):
        run(trainer(clips, tmp_path / "parts"), stop_after=1)
    resumed, resumed_history = run(trainer(clips, tmp_path / "parts"), resume=True)
    assert resumed_history == history
    assert all(torch.equal(a, b) for a, b in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True))


def test_resuming_with_another_configuration_is_refused(clips: Corpus, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(trainer(clips, tmp_path), stop_after=1)
    other = replace(PLAN, learning_rate=1e-4, seed=7)
    with pytest.raises(UsageError, match=r"begun with another configuration: seed was 0 and is 7; learning_rate was 0.003 and is 0.0001"):
        run(trainer(clips, tmp_path, other), resume=True)


def test_resuming_what_was_never_begun_is_refused(clips: Corpus, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no training to resume: .*checkpoint\.pt does not exist"):
        run(trainer(clips, tmp_path), resume=True)


def test_the_network_given_is_left_as_it_was_before_folding() -> None:
    net = TutorialNet()
    before = copy.deepcopy(net.state_dict())
    folded_clip(net, "conv1")
    assert all(torch.equal(a, b) for a, b in zip(before.values(), net.state_dict().values(), strict=True))
