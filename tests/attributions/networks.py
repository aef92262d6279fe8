"""Classifiers whose maps can be computed by hand, and one like the tutorial's with weights drawn by a seed."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from robustness.attributions.base import Target
from robustness.audio.placement import Frame
from robustness.frontends.log_mel import LogMel
from robustness.models.architectures import TutorialNet
from robustness.models.classifier import Classifier
from robustness.models.formats.torch_module import TorchNetwork
from robustness.seeds import generator_of

LABELS = ("yes", "no", "unknown")
TARGET = Target(0, 2)


class Flat(nn.Module):
    """A linear network over all cells."""

    def __init__(self, bands: int, frames: int) -> None:
        super().__init__()
        self.linear = nn.Linear(bands * frames, len(LABELS))
        self.linear.weight.data = torch.randn(self.linear.weight.shape, generator=generator_of("flat")) / bands

    def forward(self, features: Tensor) -> Tensor:
        logits: Tensor = self.linear(features.flatten(1))
        return logits

    def margin_weight(self, target: Target, bands: int) -> Tensor:
        weight = self.linear.weight.detach()
        return (weight[target.label] - (0 if target.rival is None else weight[target.rival])).reshape(bands, -1)


def classifier_of(net: nn.Module, labels: tuple[str, ...] = LABELS) -> Classifier:
    return Classifier("planted", "float32", labels, LogMel(), TorchNetwork(net), "logits", Frame(16_000, 16_000))


def tutorial_like() -> Classifier:
    net = TutorialNet(len(LABELS))
    rng = generator_of("tutorial-like")
    for weight in net.parameters():
        weight.data = torch.randn(weight.shape, generator=rng) * (0.7 / max(1, weight[0].numel()) ** 0.5)
    return classifier_of(net.eval())


def right_padded(classifier: Classifier, length_ms: int = 500) -> Tensor:
    """Features of a noise burst that falls off, with silence after it, [1 1 bands frames]."""
    samples = torch.zeros(1, classifier.frame.samples)
    length = length_ms * 16
    burst = torch.randn(length, generator=generator_of("burst")) * torch.linspace(0.3, 0.02, length)
    samples[0, :length] = burst
    return classifier.features(samples)


def occluded_by_hand(classifier: Classifier, features: Tensor, target: Target, band: tuple[int, int], time: tuple[int, int]) -> Tensor:
    """The mean fall of the score over the patches that cover a cell, one clip at a time, [bands frames]."""
    silence = classifier.frontend.silence(features)
    here = target.score(classifier.logits_from(features))
    fall, covered = torch.zeros_like(features[0, 0]), torch.zeros_like(features[0, 0])
    bands, frames = fall.shape
    for low in range(0, bands - band[0] + 1, band[1]):
        for start in range(0, frames - time[0] + 1, time[1]):
            patch = (..., slice(low, low + band[0]), slice(start, start + time[0]))
            changed = features.clone()
            changed[patch] = silence
            fall[patch] += here - target.score(classifier.logits_from(changed))
            covered[patch] += 1
    return fall / covered
