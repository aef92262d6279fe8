"""Which clips make a batch, and what they become: balanced over labels, sources and words, augmented, as features.

Every batch has its own seed, of (plan's seed, epoch, step), so that a resumed training draws what an uninterrupted one does.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from robustness.frontends.base import Frontend
from robustness.seeds import generator_of
from robustness.training import augmentation as augment
from robustness.training.data import FULL_SCALE, NO_WORD, UNKNOWN, WINDOW_SAMPLES, Corpus, TrainingClip, targets
from robustness.training.recipes import Recipe, TrainingPlan

SYNTHETIC: Final = "synthetic"
NOISE_PIECES: Final = 600
NO_WORD_LEVELS_DBFS: Final = (-75.0, -15.0)
SILENT_SHARE: Final = 0.1  # of the windows without a word, digital silence


class Batch(NamedTuple):
    """Features [clips 1 mels frames] and the share of each label [clips labels]."""

    features: Tensor
    truth: Tensor


def no_word_clips(bank: Tensor, rng: torch.Generator) -> Corpus:
    """Windows of noise alone and of silence, one for each piece of a bank of noise."""
    count = len(bank)
    level = 10 ** (augment.uniform(count, *NO_WORD_LEVELS_DBFS, rng) / 20)
    level = torch.where(augment.chance(count, SILENT_SHARE, rng), torch.zeros(count), level)
    samples = (bank * level[:, None] * FULL_SCALE).round().clamp(-FULL_SCALE, FULL_SCALE).to(torch.int16)
    span = torch.tensor([[0, WINDOW_SAMPLES]]).repeat(count, 1)
    return Corpus(samples, span, torch.ones(count, dtype=torch.bool), (TrainingClip(NO_WORD, NO_WORD, NO_WORD, NO_WORD),) * count)


def clip_weights(corpus: Corpus, labels: tuple[str, ...], plan: TrainingPlan) -> Tensor:
    """How often each clip is drawn, relative to the others, [clips].

    Labels alike, `unknown` more often; within a label synthetic speech has its share, and real sources go by the square root of how many
    speakers they have; within a source words go by the square root of how many clips they have.
    """
    names = [labels[index] for index in targets(corpus.words, labels).tolist()]
    groups = list(zip(names, corpus.sources, strict=True))
    in_word = Counter(zip(groups, corpus.words, strict=True))
    weights = [in_word[group, word] ** -0.5 for group, word in zip(groups, corpus.words, strict=True)]
    in_group: defaultdict[tuple[str, str], float] = defaultdict(float)
    for group, weight in zip(groups, weights, strict=True):
        in_group[group] += weight
    share = _group_shares(corpus, names, plan)
    return torch.tensor([share[group] * weight / in_group[group] for group, weight in zip(groups, weights, strict=True)])


def _group_shares(corpus: Corpus, names: list[str], plan: TrainingPlan) -> dict[tuple[str, str], float]:
    speakers: dict[tuple[str, str], set[str]] = {}
    for name, clip in zip(names, corpus.clips, strict=True):
        speakers.setdefault((name, clip.source), set()).add(clip.speaker)
    shares: dict[tuple[str, str], float] = {}
    for name in set(names):
        real = {source: len(s) ** 0.5 for (n, source), s in speakers.items() if n == name and source not in (SYNTHETIC, NO_WORD)}
        special = {SYNTHETIC: plan.synthetic_share, NO_WORD: plan.no_word_share}
        special = {source: share for source, share in special.items() if (name, source) in speakers}
        left = 1 - sum(special.values())
        parts = special | {source: left * weight / sum(real.values()) for source, weight in real.items()}
        whole = plan.unknown_weight if name == UNKNOWN else 1.0
        shares |= {(name, source): whole * part / sum(parts.values()) for source, part in parts.items()}
    return shares


@dataclass(frozen=True, eq=False)
class Batches:
    """The training batches of a plan.

    Attributes:
        corpus: clips of the training speakers and windows without a word.
        labels: of the vocabulary.
        plan, recipe: how they are drawn and changed.
        frontend: of the model.
        bank: pieces of noise, [pieces time].
    """

    corpus: Corpus
    labels: tuple[str, ...]
    plan: TrainingPlan
    recipe: Recipe
    frontend: Frontend
    bank: Tensor

    @cached_property
    def _weights(self) -> Tensor:
        return clip_weights(self.corpus, self.labels, self.plan)

    @cached_property
    def _targets(self) -> Tensor:
        return targets(self.corpus.words, self.labels)

    @cached_property
    def _dress(self) -> augment.Dress:
        return augment.dress_of(self.corpus.where(lambda row: self.corpus.sources[row] != NO_WORD))

    def __len__(self) -> int:
        """Batches in an epoch."""
        return max(1, len(self.corpus) // self.plan.batch)

    def epoch(self, number: int) -> Iterator[Batch]:
        """The batches of an epoch."""
        rng = generator_of(self.plan.seed, "order", number)
        rows = torch.multinomial(self._weights, len(self) * self.plan.batch, replacement=True, generator=rng)
        for step, chosen in enumerate(rows.split(self.plan.batch)):
            yield self.batch(chosen, generator_of(self.plan.seed, "clips", number, step))

    def batch(self, rows: Tensor, rng: torch.Generator) -> Batch:
        """These clips, changed at random."""
        settings, natural = self.recipe.augmentation, self.corpus.natural[rows]
        placed = augment.placed_clip(self.corpus, rows, self._dress, settings, rng)
        samples = augment.level(placed, natural, self._dress, settings, rng)
        noise = self.bank[torch.randint(len(self.bank), (len(rows),), generator=rng)]
        fill = augment.floor_amplitude(samples, placed, natural, self._dress, rng)
        samples = samples + noise * fill[:, None] * ~placed.inside
        early = augment.chance(len(rows), 0.5, rng)[:, None]  # noise of the room passes the microphone, that of the device does not
        loud = augment.noisy(samples, noise.roll(1, 0), placed.speech, settings, rng)
        samples = augment.filtered(torch.where(early, loud, samples), settings, rng) + torch.where(early, 0.0, loud - samples)
        features = self.frontend.features(samples.clamp(-1, 1))
        features = augment.masked(augment.warped(features, settings, rng), settings, rng)
        truth = functional.one_hot(self._targets[rows], len(self.labels)).float()
        return Batch(*augment.mixed(features, truth, settings, rng))
