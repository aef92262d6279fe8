"""How one model comes about: data, network, training, weights; the steps behind `robustness train`."""

from __future__ import annotations

import copy
import hashlib
import importlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import torch
from torch import nn

from robustness.errors import CardError, OutputError, RecordingError
from robustness.frontends.log_mel import LogMel
from robustness.models.card import Weights, read_card
from robustness.models.checkpoints import weights_in
from robustness.seeds import generator_of, seed_of
from robustness.training import augmentation, evaluation
from robustness.training.batches import NOISE_PIECES, SYNTHETIC, Batches, no_word_clips
from robustness.training.data import Corpus, check_vocabulary, joined, read_corpus, training_noises
from robustness.training.recipes import FINE_TUNING_RATE, LEARNING_RATE, TrainingPlan, recipe_named
from robustness.training.synthesis import synthesize
from robustness.training.trainer import Epoch, Trainer, folded_clip, unfolded

FRONTEND: Final = LogMel()


@dataclass(frozen=True)
class TrainingRequest:
    """What the user asked for.

    Attributes:
        recipe, vocabulary: by name.
        data: folders of words.
        out: the model's path without a suffix; `.pt`, `.toml` and the folder `.training` are put beside one another.
        epochs, seed, threads, precision: of the plan.
        synthetic: whether synthetic speech is added, kept in `cache`.
        cache: folder of synthetic speech.
        init: card of the model whose weights to start from.
        resume: go on from the checkpoint in `.training`.
    """

    recipe: str
    vocabulary: str
    data: tuple[Path, ...]
    out: Path
    epochs: int
    seed: int
    threads: int
    precision: str
    synthetic: bool
    cache: Path
    init: Path | None
    resume: bool

    @property
    def title(self) -> str:
        """What is trained, in a phrase."""
        return f"{self.out.name}: {self.vocabulary}, recipe {self.recipe}, seed {self.seed}"

    @property
    def folder(self) -> Path:
        """Where the checkpoint, the curves and the list of held-out clips go."""
        return self.out.with_name(f"{self.out.name}.training")


class Trained(NamedTuple):
    """A network with its labels, what it was trained on, and how."""

    net: nn.Module
    labels: tuple[str, ...]
    plan: TrainingPlan
    corpus: Corpus
    history: list[Epoch]


class Watch(NamedTuple):
    """Who is told how it goes: of utterances spoken (done, total), of batches (done, total, epoch), of each epoch's history."""

    speaking: Callable[[int, int], None]
    training: Callable[[int, int, float], None]
    epoch: Callable[[list[Epoch]], None]


def downloaded(folder: Path) -> Path:
    """Speech Commands v2 as torchaudio lays it out, downloaded where it is not there yet.

    Raises:
        RecordingError: where it cannot be.
    """
    from torchaudio.datasets import SPEECHCOMMANDS

    try:
        folder.mkdir(parents=True, exist_ok=True)
        SPEECHCOMMANDS(folder, download=True)
    except (OSError, RuntimeError) as error:
        raise RecordingError(f"Speech Commands cannot be downloaded into {folder}: {error}; give a folder of words with --data") from error
    return folder


def read_data(request: TrainingRequest, watch: Watch) -> Corpus:
    """Every clip that was asked for, of all splits."""
    corpora = [read_corpus(folder) for folder in request.data]
    if request.synthetic:
        corpora.append(read_corpus(synthesize(request.cache, progress=watch.speaking), SYNTHETIC))
    return joined(corpora)


def train(request: TrainingRequest, watch: Watch) -> Trained:
    """Trains what was asked for; the network takes features as the front-end gives them.

    Raises:
        RobustnessError: where the request or the data cannot be used.
    """
    recipe = recipe_named(request.recipe)
    _check_out(request)
    torch.set_num_threads(request.threads)
    corpus = read_data(request, watch)
    labels = check_vocabulary(corpus, request.vocabulary)
    plan = training_plan(request, corpus)
    rng = generator_of(plan.seed, "noise")
    bank = augmentation.noise_bank([noise for folder in request.data for noise in training_noises(folder)], NOISE_PIECES, rng)
    training = joined([corpus.split("training"), no_word_clips(bank, rng)])
    batches = Batches(training, labels, plan, recipe, FRONTEND, bank)
    net = new_network(recipe.factory, len(labels), plan.seed)
    if request.init is not None:
        net = started_from(net, labels, request.init)
    validation = corpus.split("validation")
    features = evaluation.training_features(validation, FRONTEND)
    trainer = Trainer(
        unfolded(net, recipe.first_layer) if request.init else net,
        batches,
        validate=lambda scaled: evaluation.by_source(scaled, features, validation, labels),
        checkpoint=request.folder / "checkpoint.pt",
    )
    scaled, history = trainer.run(resume=request.resume, progress=watch.training, done=watch.epoch)
    return Trained(folded_clip(scaled, recipe.first_layer).eval(), labels, plan, corpus, history)


def training_plan(request: TrainingRequest, corpus: Corpus) -> TrainingPlan:
    """The configuration of a training on these clips."""
    data = {
        source: _digest("\n".join(sorted(clip.id for clip in corpus.clips if clip.source == source)).encode())
        for source in sorted(set(corpus.sources))
    }
    init = "" if request.init is None else _weights(request.init).sha256
    return TrainingPlan(
        recipe=request.recipe,
        vocabulary=request.vocabulary,
        epochs=request.epochs,
        seed=request.seed,
        init=init,
        data=data,
        precision=request.precision,
        threads=request.threads,
        learning_rate=FINE_TUNING_RATE if request.init else LEARNING_RATE,
    )


def new_network(factory: str, labels: int, seed: int) -> nn.Module:
    """A network with random weights, drawn by the seed."""
    module, name = factory.split(":")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_of(seed, "weights"))
        net: nn.Module = getattr(importlib.import_module(module), name)(labels=labels)
    return net


def started_from(net: nn.Module, labels: Sequence[str], card: Path) -> nn.Module:
    """A copy with the weights of another model; the last layer's rows go by label, and a label that it lacks keeps its random one.

    Raises:
        CardError: where the card or its weights cannot be used, or its network is another one.
    """
    theirs, weights = read_card(card).labels, _weights(card)
    given = weights_in(weights.at(card))
    started = copy.deepcopy(net)
    state = started.state_dict()
    rows = {label: theirs.index(label) for label in labels if label in theirs}
    for name, value in state.items():
        if name not in given or (given[name].shape != value.shape and len(given[name]) != len(theirs)):
            raise CardError(f"--init {card}: its network has no {name} of shape {tuple(value.shape)}; give a model of the same network")
        if name.startswith("fc2."):
            value[[labels.index(label) for label in rows]] = given[name][list(rows.values())]
        else:
            value.copy_(given[name])
    started.load_state_dict(state)
    return started


def _weights(card: Path) -> Weights:
    """The weights that a card names.

    Raises:
        CardError: where it names none.
    """
    found = read_card(card).weights
    if found is None:
        raise CardError(f"--init {card}: its network is a callable and has no weights to start from; give a model of the same network")
    return found


def write_whole(path: Path, content: bytes) -> None:
    """A file, wholly or not at all.

    Raises:
        OutputError: where it cannot be written.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        os.replace(part, path)  # noqa: PTH105
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error}; give another --out") from error


def _check_out(request: TrainingRequest) -> None:
    if request.out.suffix:
        raise OutputError(
            f"--out {request.out} ends in {request.out.suffix}; give the model's path without a suffix, such as models/digits"
        )
    write_whole(request.folder / ".gitignore", b"*\n")


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
