"""How far are features from what the network's first BatchNorm saw in training?

A BatchNorm keeps the mean and the variance of what came to it in training. Ours, of the same layer, in its standard deviations: the
offset |μ − μ_BN| / σ_BN and the ratio σ / σ_BN, each the median over channels. A right front-end is off by 0.3 at most and has a ratio
between 0.9 and 1.2 on reference sounds (the shipped models); 16-bit samples give 1 to 3, ln for dB a ratio of 0.23.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, NamedTuple

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from robustness.models.classifier import Classifier
from robustness.models.formats.torch_module import module_of, own_name

FAR_OFFSET: Final = 0.75
FAR_RATIO: Final = 1.55
RATIO_WEIGHT: Final = 2.0  # a ratio of 1.65 is as far as an offset of 1


class Departure(NamedTuple):
    """How far features are from those of the training.

    Attributes:
        layer: the first BatchNorm.
        offset: in its standard deviations.
        ratio: of the standard deviations, ours over its own.
    """

    layer: str
    offset: float
    ratio: float

    @property
    def size(self) -> float:
        """One number for both: 0 is none."""
        return self.offset + RATIO_WEIGHT * abs(math.log(max(self.ratio, 1e-6)))

    @property
    def is_far(self) -> bool:
        """Whether no right front-end would be so far."""
        return self.offset > FAR_OFFSET or not 1 / FAR_RATIO < self.ratio < FAR_RATIO


def departure_of(classifier: Classifier, features: Tensor) -> Departure | None:
    """How far features are from what the first BatchNorm saw; None if there is none that says.

    Args:
        classifier: the model.
        features: [clips 1 bands frames].
    """
    if not classifier.network.can.modules:
        return None
    first = _first_norm(classifier, features)
    if first is None:
        return None
    name, norm, given = first
    values = given.transpose(0, 1).flatten(1)
    if norm.running_mean is None or norm.running_var is None or values.shape[1] < 2 or untrained(norm):
        return None
    sigma = norm.running_var.sqrt().clamp_min(1e-9).cpu()
    means = values.mean(1)
    spread = (values - means[:, None]).square().mean(1).sqrt()
    offset = ((means - norm.running_mean.cpu()).abs() / sigma).median()
    return Departure(own_name(name), float(offset), float((spread / sigma).median()))


class _FoundError(Exception):
    """The first BatchNorm was reached: what comes after it need not be computed."""


def _first_norm(classifier: Classifier, features: Tensor) -> tuple[str, _BatchNorm, Tensor] | None:
    """The BatchNorm that runs first, by its name, and what it is given."""
    seen: list[tuple[str, _BatchNorm, Tensor]] = []
    handles = [layer.register_forward_pre_hook(_keeping(seen, name, layer)) for name, layer in norms(module_of(classifier.network)).items()]
    try:
        with suppress(_FoundError):
            classifier.logits_from(features)
    finally:
        for handle in handles:
            handle.remove()
    return seen[0] if seen else None


def norms(module: nn.Module) -> dict[str, _BatchNorm]:
    """The BatchNorms of a network, by name."""
    return {name: layer for name, layer in module.named_modules() if isinstance(layer, _BatchNorm)}


def untrained(norm: _BatchNorm) -> bool:
    """Whether a BatchNorm's statistics are still those that it was made with."""
    if norm.running_mean is None or norm.running_var is None:
        return False
    return bool((norm.running_mean == 0).all() and (norm.running_var == 1).all())


def _keeping(seen: list[tuple[str, _BatchNorm, Tensor]], name: str, layer: _BatchNorm) -> Callable[[nn.Module, Any], None]:
    def keep(_module: nn.Module, inputs: Any) -> None:
        seen.append((name, layer, inputs[0].detach().float().cpu()))
        raise _FoundError

    return keep
