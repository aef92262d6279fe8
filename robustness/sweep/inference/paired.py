"""Convolutions of few output channels, in less time: two columns at once.

A vector register holds 16 floats, so eight output channels leave half of each empty. A filter moved by one column and one as it is, side by
side with a stride of two, fill it: an even column comes from the one, the odd column beside it from the other. The products are summed in
the same order, with one more of zero, so the same layout gives the same bits; whoever uses it compares answers.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from robustness.sweep.inference.graphs import with_replaced

LANES: Final = 16  # floats of a register


class PairedConv2d(nn.Conv2d):
    """A convolution that gives two columns at once where images are float and on the CPU; its weights are its own."""

    def forward(self, input: Tensor) -> Tensor:
        """[clips channels bands frames] → [clips few channels bands frames]."""
        columns = input.shape[-1] - self.kernel_size[1] + 1
        if input.dtype != torch.float32 or input.device.type != "cpu" or input.ndim != 4 or columns < 2:
            return super().forward(input)
        images = functional.pad(input, (0, 1)) if columns % 2 else input
        filters = torch.cat([functional.pad(self.weight, (0, 1)), functional.pad(self.weight, (1, 0))])
        bias = None if self.bias is None else torch.cat([self.bias, self.bias])
        pairs = functional.conv2d(images, filters, bias, (1, 2))
        if pairs.is_contiguous(memory_format=torch.channels_last) and not pairs.is_contiguous():
            clips, _, bands, half = pairs.shape
            found = pairs.permute(0, 2, 3, 1).reshape(clips, bands, 2 * half, self.out_channels).permute(0, 3, 1, 2)
        else:
            found = torch.stack([pairs[:, : self.out_channels], pairs[:, self.out_channels :]], -1).flatten(-2)
        return found[..., :columns]


def with_paired_columns(net: nn.Module) -> nn.Module:
    """A copy of a network in evaluation mode whose convolutions of few output channels give two columns at once."""
    return with_replaced(net, nn.Conv2d, _can_be_paired, _paired)


def _can_be_paired(layer: nn.Conv2d) -> bool:
    plain = layer.groups == 1 and layer.stride == (1, 1) and layer.padding == (0, 0) and layer.dilation == (1, 1)
    hooked = layer._forward_hooks or layer._forward_pre_hooks
    return plain and not hooked and 2 * layer.out_channels <= LANES and layer.in_channels > 1


def _paired(layer: nn.Conv2d) -> PairedConv2d:
    kernel = layer.kernel_size
    made = PairedConv2d(layer.in_channels, layer.out_channels, (kernel[0], kernel[1]), bias=layer.bias is not None)
    made.weight, made.bias = layer.weight, layer.bias
    return made.eval()
