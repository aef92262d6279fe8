"""The handle on a model: windows in, logits out, in two steps that can be asked.

A variant is a Classifier; nothing else branches on quantization. Logits are natural-log scores: where the network gives
log-probabilities they are used as they are, where it gives probabilities their logarithm is; softmax of the logits is the probability.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import torch
from torch import Tensor, nn

from robustness.audio.placement import Frame
from robustness.errors import RecordingError
from robustness.frontends.base import Frontend

Output = Literal["logits", "log-probabilities", "probabilities"]
SMALLEST_PROBABILITY: Final = 1e-12  # its logarithm stands for the logit of a probability of 0


@contextmanager
def evaluating(net: nn.Module) -> Iterator[nn.Module]:
    """The network in evaluation mode; every module's own mode is the same after as before."""
    modes = [(module, module.training) for module in net.modules()]
    net.eval()
    try:
        yield net
    finally:
        for module, mode in modes:
            module.training = mode


@dataclass(frozen=True, eq=False)
class Classifier:
    """A network with its front-end, its labels and its window.

    Attributes:
        name: of the model, from its card.
        variant: of the network, such as `float32` or `dynamic-int8`.
        labels: the classes, in the order of the network's outputs.
        frontend: samples → features.
        net: features → outputs, [clips labels].
        output: what the network's outputs are.
        frame: the window it hears.
        unknown: the label of words outside the vocabulary, if there is one.
        silence: the label of windows without a word, if there is one.
        threshold: the operating point on the winning probability; None is argmax.
        device: where the network runs.
        differentiable: whether a gradient through `net` is one (declared: behind an int8 layer it silently is not).
        about: facts about the variant: which layers are quantized, its size, its engine.
    """

    name: str
    variant: str
    labels: tuple[str, ...]
    frontend: Frontend
    net: nn.Module
    output: Output
    frame: Frame
    unknown: str | None = None
    silence: str | None = None
    threshold: float | None = None
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    differentiable: bool = True
    about: dict[str, Any] = field(default_factory=dict)

    def features(self, samples: Tensor) -> Tensor:
        """Features of windows, [clips time] → [clips 1 bands frames], on the classifier's device."""
        with torch.inference_mode():
            return self.frontend.features(samples.to(self.device))

    def forward(self, features: Tensor) -> Tensor:
        """Logits of features, [clips 1 bands frames] → [clips labels]; differentiable where declared."""
        outputs: Tensor = self.net(features.to(self.device))
        return outputs.clamp_min(SMALLEST_PROBABILITY).log() if self.output == "probabilities" else outputs

    def logits_from(self, features: Tensor) -> Tensor:
        """Logits of features without gradient, on the CPU: [clips 1 bands frames] → [clips labels]."""
        with evaluating(self.net), torch.inference_mode():
            return self.forward(features).float().cpu()

    def logits(self, samples: Tensor) -> Tensor:
        """Logits of windows, [clips time] → [clips labels]."""
        return self.logits_from(self.features(samples))

    @property
    def rejections(self) -> tuple[str, ...]:
        """The labels that carry out no command."""
        return tuple(label for label in (self.unknown, self.silence) if label is not None)

    def truth(self, word: str | None) -> str | None:
        """The label that a word has in this vocabulary.

        Raises:
            RecordingError: where the word is outside and the model has no label for unknown words.
        """
        if word is None or word in self.labels:
            return word
        if self.unknown is None:
            raise RecordingError(
                f"the word {word!r} is not among the labels of {self.name} ({', '.join(self.labels)}) and its card names no "
                f"`unknown` label; leave those recordings out, or name that label in the card"
            )
        return self.unknown
