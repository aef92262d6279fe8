"""Does the network still compute as in training: dropout, or statistics of the batch in place of those that were learned?

Each window is asked alone, alone once more, and in a batch. What differs is followed through the layers to the first that gives another
output for the same input.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import torch
from torch import Tensor, nn

from robustness.audio.files import some
from robustness.checks.base import CHECKS, Check
from robustness.checks.feature_statistics import norms, untrained
from robustness.checks.model_under_test import ModelUnderTest
from robustness.models.formats.torch_module import module_of, own_name
from robustness.models.inspection import FLOAT_GAP
from robustness.run.checks import Finding

MATES: Final = 4
QUIET: Final = 1e-6  # of a layer's largest output: rounding
EVALUATE: Final = "call .eval() and leave the mode alone in forward"
Outputs = dict[str, tuple[Tensor, Tensor]]  # input and output of a layer, for one clip


@CHECKS.register
@dataclass(frozen=True)
class TrainingMode(Check):
    """Dropout at evaluation, BatchNorm in training mode or without statistics."""

    name: ClassVar[str] = "training-mode"
    order: ClassVar[int] = 15

    def find(self, model: ModelUnderTest) -> Iterator[Finding]:
        """What differs between two asks, or between alone and in a batch."""
        classifier = model.classifier
        features = classifier.features(model.references[:MATES])
        with torch.random.fork_rng(devices=[]):
            alone, again = (torch.cat([classifier.logits_from(one) for one in features.split(1)]) for _ in range(2))
            together = classifier.logits_from(features)
        twice, batch = (float((alone - other).abs().max()) for other in (again, together))
        if twice > FLOAT_GAP:
            yield self._random(model, features, twice)
        elif batch > FLOAT_GAP:
            yield self._mixing(model, features, batch)
        yield from self._untrained(model)

    def _random(self, model: ModelUnderTest, features: Tensor, gap: float) -> Finding:
        layers = _guilty(model, features[:1], features[:1])
        return Finding(
            self.name,
            f"the same window asked twice gives logits that differ by up to {gap:.2g}: {_which(layers, 'draws at random')}: dropout is on",
            f"switch dropout off at evaluation: {EVALUATE}; functional.dropout needs training=self.training",
            about="dropout at evaluation",
            evidence={"twice": gap, "layers": layers},
        )

    def _mixing(self, model: ModelUnderTest, features: Tensor, gap: float) -> Finding:
        layers = _guilty(model, features[:1], features) or _without_statistics(model)
        return Finding(
            self.name,
            f"a window in a batch gives logits that differ by up to {gap:.2g} from those that it gives alone: "
            f"{_which(layers, 'computes over the batch')}, as BatchNorm does in training or without running statistics",
            f"{EVALUATE}, and keep the running statistics (track_running_stats) with the weights; a device asks one window at a time",
            about="BatchNorm over the batch",
            evidence={"in_a_batch": gap, "layers": layers},
        )

    def _untrained(self, model: ModelUnderTest) -> Iterator[Finding]:
        if not model.classifier.network.can.modules:
            return
        layers = [
            own_name(name)
            for name, norm in norms(module_of(model.classifier.network)).items()
            if untrained(norm) and not _does_nothing(norm)
        ]
        if layers:
            yield Finding(
                self.name,
                f"the running mean of {some(layers)} is 0 and the variance 1, as when made: no statistics were saved with the weights",
                "save the whole state_dict, buffers too (running_mean, running_var), and not the parameters alone",
                about="BatchNorm without statistics",
                evidence={"layers": layers},
            )


def _which(layers: list[str], does: str) -> str:
    if not layers:
        return f"something between the layers {does}"
    return f"{some(layers)} {does}" if len(layers) == 1 else f"{some(layers)} are where it {does}"


def _guilty(model: ModelUnderTest, first: Tensor, second: Tensor) -> list[str]:
    """The layers that give another output for the same input, for the first clip of both."""
    if not model.classifier.network.can.modules:
        return []
    with torch.random.fork_rng(devices=[]):
        a, b = _layer_outputs(model, first), _layer_outputs(model, second)
    changed = [name for name in a if name in b and _same(a[name][0], b[name][0]) and not _same(a[name][1], b[name][1])]
    return [own_name(name) for name in changed] or _between(a, b)


def _between(a: Outputs, b: Outputs) -> list[str]:
    """Where no layer is guilty, the code between two is: the first layer whose input differs."""
    later = next((name for name in a if name in b and not _same(a[name][0], b[name][0])), None)
    return [] if later is None else [f"the code before {own_name(later)}"]


def _layer_outputs(model: ModelUnderTest, features: Tensor) -> Outputs:
    """What each layer without layers of its own is given and gives, for the first clip."""
    seen: Outputs = {}
    leaves = {name: layer for name, layer in module_of(model.classifier.network).named_modules() if not [*layer.children()]}
    handles = [layer.register_forward_hook(_keeping(seen, name)) for name, layer in leaves.items()]
    try:
        model.classifier.logits_from(features)
    finally:
        for handle in handles:
            handle.remove()
    return seen


def _keeping(seen: Outputs, name: str) -> Callable[[nn.Module, Any, Any], None]:
    def keep(_module: nn.Module, inputs: Any, output: Any) -> None:
        given, made = (value[0] if isinstance(value, tuple) else value for value in (inputs, output))
        if isinstance(given, Tensor) and isinstance(made, Tensor) and name not in seen:
            seen[name] = (given[:1].detach().clone(), made[:1].detach().clone())

    return keep


def _same(a: Tensor, b: Tensor) -> bool:
    if a.shape != b.shape:
        return False
    x, y = (value.dequantize() if value.is_quantized else value for value in (a, b))
    return float((x - y).abs().max()) <= QUIET * max(1.0, float(x.abs().max())) if x.numel() else True


def _without_statistics(model: ModelUnderTest) -> list[str]:
    if not model.classifier.network.can.modules:
        return []
    return [
        own_name(name) for name, norm in norms(module_of(model.classifier.network)).items() if norm.running_mean is None or norm.training
    ]


def _does_nothing(norm: nn.modules.batchnorm._BatchNorm) -> bool:
    """Whether it was folded into the layer before it."""
    return norm.weight is None or bool((norm.weight == 1).all() and (norm.bias == 0).all())
