"""What is in a network: its layers with weights in the order they run, their parameters, their multiplications for one clip.

A multiplication is a multiply-accumulate of a convolution, a linear or a recurrent layer, counted by hooks on a real forward pass. What
BatchNorm and activation functions multiply is not counted. Weights that a network uses through functions belong to no layer, and are
counted as other parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from torch import Tensor, nn

from robustness.models.classifier import Classifier
from robustness.models.formats.torch_module import module_of, parameter_count
from robustness.quantization.base import WEIGHTED, layer_names

RECURRENT = (nn.RNNBase, nn.RNNCellBase)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


class AuditedLayer(NamedTuple):
    """A layer with weights; its multiplications are those for one clip."""

    name: str
    kind: str
    parameters: int
    multiplications: int


def audited_layers(classifier: Classifier, features: Tensor) -> list[AuditedLayer]:
    """The layers with weights of a float classifier, in the order they first run; those that never run come last.

    Args:
        classifier: in float.
        features: of one clip, [1 1 bands frames].
    """
    counted: dict[str, int] = {}
    net = module_of(classifier.network)
    names = layer_names(net, WEIGHTED)
    handles = [net.get_submodule(name).register_forward_hook(_counting(name, counted)) for name in names]
    try:
        classifier.logits_from(features)
    finally:
        for handle in handles:
            handle.remove()
    order = [*counted, *(name for name in names if name not in counted)]
    return [_layer(name, net.get_submodule(name), counted.get(name, 0)) for name in order]


def _layer(name: str, module: nn.Module, multiplications: int) -> AuditedLayer:
    return AuditedLayer(name, type(module).__name__, parameter_count(module), multiplications)


def _counting(name: str, counted: dict[str, int]) -> Callable[[nn.Module, Any, Any], None]:
    def count(module: nn.Module, inputs: Any, output: Any) -> None:
        counted[name] = counted.get(name, 0) + multiplications(module, inputs[0], output[0] if isinstance(output, tuple) else output)

    return count


def multiplications(module: nn.Module, given: Tensor, output: Tensor) -> int:
    """The multiply-accumulates of one call of a layer, for the whole batch that it is given."""
    if isinstance(module, RECURRENT):
        steps = given.numel() // module.input_size
        return steps * sum(p.numel() for name, p in module.named_parameters() if name.startswith("weight"))
    weight: Tensor = module.weight  # type: ignore[assignment]
    return (given if isinstance(module, TRANSPOSED) else output).numel() * weight[0].numel()
