"""The handle on a model: windows in, logits out, in two steps that can be asked.

A variant is a Classifier; nothing else branches on quantization. Logits are natural-log scores: where the network gives
log-probabilities they are used as they are, where it gives probabilities their logarithm is; softmax of the logits is the probability.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import get_ident
from typing import Any, Final, Literal

import torch
from torch import Tensor, nn

from robustness.audio.placement import Frame
from robustness.audio.spelling import same_word
from robustness.errors import RecordingError, UsageError
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


def parameter_count(net: nn.Module) -> int:
    """Weights and biases of a network, those that a quantized layer has packed as well."""
    return sum(parameter.numel() for parameter in net.parameters()) + sum(_packed_count(module) for module in net.modules())


def _packed_count(module: Any) -> int:
    """What torch's quantized layers hold outside of their parameters."""
    if not type(module).__module__.startswith("torch.ao.nn"):
        return 0
    if hasattr(module, "get_weight") and hasattr(module, "get_bias"):  # a recurrent one
        return sum(value.numel() for value in (*module.get_weight().values(), *module.get_bias().values()))
    parts = [getattr(module, name)() for name in ("weight", "bias") if callable(getattr(module, name, None))]
    return sum(part.numel() for part in parts if part is not None)


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
        surrogate: where the network has no gradients: one that has, and stands in for it for gradients only.
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
    surrogate: Classifier | None = None

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

    def activations(self, features: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """What layers give for features, on the CPU and in float: [clips 1 bands frames] → [clips …] by the layer's name.

        Args:
            features: of the windows.
            layers: names as in `net.named_modules()`; a recurrent layer gives its outputs, without its last state.

        Returns:
            In the order in which the layers first run; one that does not run is left out.

        Raises:
            UsageError: where the network has no such layer; the message lists those with weights.
        """
        seen: dict[str, list[Tensor]] = {}
        handles = [self._layer(name).register_forward_hook(_keeping(seen, name)) for name in layers]
        try:
            self.logits_from(features)
        finally:
            for handle in handles:
                handle.remove()
        return {name: torch.cat(parts) for name, parts in seen.items()}

    def _layer(self, name: str) -> nn.Module:
        """The layer of that name; one that is wrapped to run a clip at a time is found by its own name."""
        modules = dict(self.net.named_modules())
        found: nn.Module | None = modules.get(name, modules.get(f"module.{name}"))
        if found is None:
            known = ", ".join(key for key, module in modules.items() if hasattr(module, "weight"))
            raise UsageError(f"{self.name} ({self.variant}) has no layer {name!r}; it has {known}")
        return found

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
        same = same_word(word, self.labels) or {"_silence_": self.silence, "_unknown_": self.unknown}.get(word)
        if same is not None:
            return same
        if self.unknown is None:
            raise RecordingError(
                f"the word {word!r} is not among the labels of {self.name} ({', '.join(self.labels)}) and its card names no "
                f"`unknown` label; leave those recordings out, or name that label in the card"
            )
        return self.unknown


def _keeping(seen: dict[str, list[Tensor]], name: str) -> Callable[[nn.Module, object, Any], None]:
    """A forward hook that keeps what a layer gives; a network that runs a clip at a time gives a part a clip."""
    mine = get_ident()

    def keep(_module: nn.Module, _inputs: object, output: Any) -> None:
        if get_ident() != mine:  # another thread asks the same network
            return
        first = output[0] if isinstance(output, tuple) else output
        seen.setdefault(name, []).append((first.dequantize() if first.is_quantized else first).float().cpu())

    return keep
