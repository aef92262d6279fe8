"""How does a clip get the answer that it gets alone, bit for bit, whatever batch it is in.

Two things make an answer depend on the batch: a scale that is picked for a whole batch, and float sums, which another batch size orders
anew; behind them rounding to int8 is discontinuous. Layers that do either are applied row by row; where that is not enough for a
network, the whole network is. Convolutions give a clip the same bits in any batch.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.ao.nn.quantized.dynamic import Linear as DynamicLinear
from torch.ao.nn.quantized.dynamic.modules.rnn import RNNBase as DynamicRNNBase

from robustness.models.classifier import Classifier
from robustness.models.formats.torch_module import module_of, with_module
from robustness.seeds import generator_of

PROBES: Final = 11  # clips from −70 dBFS to full scale: a scale shared over the batch would crush the quiet ones
SIZES: Final = (PROBES, 4)  # of the batches that are tried, the second with a rest
MIXING: Final = (nn.Linear, DynamicLinear)
RECURRENT: Final = (nn.RNNBase, DynamicRNNBase)


class RowByRow(nn.Module):
    """A module applied to one clip at a time; its name in here is no network's own, so that layers keep theirs."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.one_row = module

    def forward(self, batch: Tensor) -> Tensor:
        """What the module answers to each row alone, [clips …] → [clips …]."""
        return torch.cat([self.one_row(row) for row in batch.split(1)])


class RecurrentByRow(RowByRow):
    """A recurrent layer with the clips first, applied to one clip at a time from an initial state of zeros."""

    def forward(self, batch: Tensor) -> Any:
        """The outputs, [clips time features], and the last state, [layers clips features], of an LSTM two."""
        outputs, states = zip(*(self.one_row(row) for row in batch.split(1)), strict=True)
        if isinstance(states[0], tuple):
            return torch.cat(outputs), tuple(torch.cat(parts, dim=1) for parts in zip(*states, strict=True))
        return torch.cat(outputs), torch.cat(states, dim=1)


def alone_in_any_batch(classifier: Classifier) -> Classifier:
    """The same answers as to one clip at a time, in any batch: what depends on its batch row by row, or else the whole network."""
    network, module = classifier.network, module_of(classifier.network)
    layers = replace(classifier, network=with_module(network, _rows(copy.deepcopy(module))))
    whole = replace(classifier, network=with_module(network, RowByRow(module)))
    return layers if _agree(layers, whole, SIZES) else whole


def unwrapped(net: nn.Module) -> nn.Module:
    """A copy without what applies it row by row: the network as its quantization made it."""
    changed = copy.deepcopy(net)
    return _unwrapped(changed.one_row if isinstance(changed, RowByRow) else changed)


def _agree(layers: Classifier, whole: Classifier, sizes: Sequence[int]) -> bool:
    rng = generator_of("probe of batch independence")
    loudness = torch.logspace(-3.5, 0, PROBES)[:, None]
    samples = torch.randn(PROBES, layers.frame.samples, generator=rng).clamp(-3, 3) / 3 * loudness
    features = layers.features(samples)
    alone = whole.logits_from(features)
    try:
        return all(torch.equal(torch.cat([layers.logits_from(part) for part in features.split(size)]), alone) for size in sizes)
    except TypeError:  # a recurrent layer that is given its first state
        return False


def _rows(net: nn.Module) -> nn.Module:
    """The network with each layer whose answer depends on its batch applied row by row."""
    for name, child in net.named_children():
        setattr(net, name, _row_by_row(child))
    return net


def _row_by_row(child: nn.Module) -> nn.Module:
    if isinstance(child, MIXING):
        return RowByRow(child)
    if isinstance(child, RECURRENT):
        return RecurrentByRow(child) if child.batch_first else child
    return _rows(child)


def _unwrapped(net: nn.Module) -> nn.Module:
    for name, child in net.named_children():
        setattr(net, name, child.one_row if isinstance(child, RowByRow) else _unwrapped(child))
    return net
