"""What makes of a card's float network the quantized one that a saved variant's weights fill: its structure, without its numbers."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import torch
from torch import nn

from robustness.errors import CardError
from robustness.quantization.base import QUANTIZERS
from robustness.quantization.dynamic import TYPES, dynamic_network
from robustness.quantization.fx import KernelEngine, converted, prepared_graph, quantized_engine

FACTORY: Final = "robustness.quantization.structure:rebuilt"
TRAINED: Final = "qat-int8"


def rebuilt(net: nn.Module, scheme: str, engine: KernelEngine, only: Collection[str] | None = None, plain: bool = False) -> nn.Module:
    """The network of a variant, to be filled with its weights.

    Args:
        net: the card's network in float, with any weights.
        scheme: a variant of the registry.
        engine: for which the weights are packed.
        only: the layers that were asked for; None = all.
        plain: as for `prepared_graph`; cards that do not say it are of variants without it.

    Raises:
        UsageError: where this machine lacks the engine, or there is no such scheme.
        CardError: where the network cannot be converted.
    """
    QUANTIZERS[scheme]
    kind = scheme.removeprefix("dynamic-")
    with quantized_engine(engine):
        if kind in TYPES:
            return dynamic_network(net.eval(), kind, only)
        if not QUANTIZERS[scheme].calibrated:
            raise CardError(f"{scheme} has no quantized network; leave out [variant]")
        example, training = torch.zeros(1, 1, 1, 1), scheme == TRAINED
        return converted(prepared_graph(net.eval(), example, only, engine, training=training, plain=plain), None)
