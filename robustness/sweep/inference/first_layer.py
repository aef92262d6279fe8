"""Does a network begin with a layer that is affine? Then its gradients along a line can be asked behind that layer alone.

A straight line of features is a straight line of what an affine layer gives, and the mean gradient goes back through the layer once, not
once a step. On the tutorial's network the first convolution is half of a gradient. The layers are the network's own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import torch
from torch import Tensor, nn
from torch.fx import GraphModule

from robustness.models.formats.base import Network
from robustness.models.formats.torch_module import TorchNetwork
from robustness.sweep.inference.graphs import called_module
from robustness.sweep.inference.sharing import part_of, steps_of

AFFINE: Final = (nn.Conv1d, nn.Conv2d, nn.Linear)


@dataclass(frozen=True, eq=False)
class FirstLayerApart(TorchNetwork):
    """A torch module of which the first layer, and all that is behind it, can be asked apart.

    Attributes:
        name: of the first layer.
        rest: what is behind it.
    """

    name: str = ""
    rest: GraphModule | None = None

    @property
    def first_layer(self) -> Callable[[Tensor], Tensor] | None:
        """The first layer, whose channels lie side by side: half the time for what pools behind it; None of a module of other layers."""
        layer = None if self.rest is None else self.module.get_submodule(self.name)
        return None if layer is None else lambda features: _side_by_side(layer(features))

    def behind_first(self, hidden: Tensor) -> Tensor:
        """What the module gives where its first layer gives this."""
        if self.rest is None:
            return super().behind_first(hidden)
        outputs: Tensor = self.rest(hidden)
        return outputs

    def of(self, module: nn.Module) -> FirstLayerApart:
        """The same of another module, which is asked so if it has the same layers."""
        same = self.rest is not None and structure_of(module) == structure_of(self.module)
        return replace(self, module=module, rest=GraphModule(module, self.rest.graph) if self.rest is not None and same else None)


def _side_by_side(images: Tensor) -> Tensor:
    return images.contiguous(memory_format=torch.channels_last) if images.ndim == 4 else images


def structure_of(net: nn.Module) -> list[tuple[str, type[nn.Module]]]:
    """The names and types of all its modules."""
    return [(name, type(module)) for name, module in net.named_modules()]


def with_first_layer_apart(network: Network) -> Network:
    """The same network, whose first layer can be asked apart if it is affine.

    It is traced, which only one thread at a time may do, and while no other runs a network.
    """
    if not isinstance(network, TorchNetwork) or not (network.can.graph and network.can.modules):
        return network
    steps = steps_of(network.module)
    if steps is None or len(steps.nodes) < 3:
        return network
    features, first = steps.nodes[:2]
    layer = called_module(steps.net, first)
    hooked = layer is not None and bool(layer._forward_hooks or layer._forward_pre_hooks)
    if type(layer) not in AFFINE or hooked or list(first.all_input_nodes) != [features] or len(features.users) != 1:
        return network
    rest = GraphModule(network.module, part_of(steps, 2, len(steps.nodes)).graph)
    return FirstLayerApart(network.module, network.can, network.kind, str(first.target), rest)
