"""How often a network is right, by source and by word, on clips as the model will hear them."""

from __future__ import annotations

from collections import defaultdict

import torch
from torch import Tensor, nn

from robustness.frontends.base import Frontend
from robustness.models.formats.torch_module import evaluating
from robustness.training.data import FULL_SCALE, WINDOW_SAMPLES, Corpus, targets

EVALUATION_BATCH = 128


def windows(corpus: Corpus) -> Tensor:
    """Clips as they were recorded, words cut out in the middle of silence, [clips time]."""
    start, end = corpus.speech.unbind(1)
    lead = torch.where(corpus.natural, torch.zeros_like(start), (WINDOW_SAMPLES - (end - start)).div(2, rounding_mode="floor") - start)
    source = torch.arange(WINDOW_SAMPLES)[None] - lead[:, None]
    inside = (source >= 0) & (source < WINDOW_SAMPLES)
    return corpus.samples.gather(1, source.clamp(0, WINDOW_SAMPLES - 1)).float() / FULL_SCALE * inside


def training_features(corpus: Corpus, frontend: Frontend) -> Tensor:
    """Features of every clip, [clips 1 mels frames]."""
    return torch.cat([frontend.features(part) for part in windows(corpus).split(EVALUATION_BATCH)])


def training_logits(net: nn.Module, features: Tensor) -> Tensor:
    """The class that the network gives to each clip, [clips]."""
    with evaluating(net), torch.inference_mode():
        return torch.cat([net(part).argmax(1) for part in features.split(EVALUATION_BATCH)])


def balanced_score(answer: Tensor, truth: Tensor) -> float:
    """The mean over the labels present of the share that is right."""
    return float(torch.stack([(answer[truth == label] == label).float().mean() for label in truth.unique()]).mean())


def by_source(net: nn.Module, features: Tensor, corpus: Corpus, labels: tuple[str, ...]) -> dict[str, float]:
    """Balanced accuracy on the clips of each source."""
    answer, truth = training_logits(net, features), targets(corpus.words, labels)
    rows = defaultdict(list)
    for row, source in enumerate(corpus.sources):
        rows[source].append(row)
    return {source: balanced_score(answer[index], truth[index]) for source, index in sorted(rows.items())}
