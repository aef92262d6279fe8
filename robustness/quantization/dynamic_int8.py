"""Dynamic int8 as the tutorial does it, whose answer to a clip does not depend on its batch-mates.

`torch.ao.quantization.quantize_dynamic` stores int8 weights and picks the scale of a layer's input from the whole batch: beside a loud
clip another clip's log-probabilities moved by 0.27. Its answer is the one that it gives to one clip at a time. So a quantized layer is
applied row by row, and where that is not bit-equal to one clip at a time for a network, the whole network is.
Asked for {Conv2d, Linear}, torch leaves every Conv2d in float without a word; `about` says what really is int8.
"""

from __future__ import annotations

import copy
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import ClassVar, Final

import torch
from torch.ao.nn.quantized.dynamic import Linear as DynamicLinear
from torch.ao.nn.quantized.dynamic.modules.rnn import RNNBase, RNNCellBase
from torch.ao.quantization import quantize_dynamic

from robustness.classifiers.classifier import Classifier
from robustness.quantization.alone import alone_in_any_batch
from robustness.quantization.base import (
    QUANTIZERS,
    WEIGHTED,
    Calibration,
    Quantizer,
    layer_names,
    layers_about,
    saved_bytes,
    torch_deprecations_filtered,
)

DYNAMIC: Final = (DynamicLinear, RNNBase, RNNCellBase)


@QUANTIZERS.register
@dataclass(frozen=True)
class DynamicInt8(Quantizer):
    """int8 weights, and activations quantized when they are computed, in the layers for which torch has a kernel."""

    name: ClassVar[str] = "dynamic-int8"
    source: ClassVar[str] = "torch.ao.quantization.quantize_dynamic(net, {Conv2d, Linear}, dtype=qint8)"

    def quantize(self, classifier: Classifier, calibration: Calibration | None = None, only: Collection[str] | None = None) -> Classifier:
        """The int8 variant; it runs on the CPU whatever the classifier's device."""
        net = copy.deepcopy(classifier.net).cpu().eval()
        with torch_deprecations_filtered():
            converted = quantize_dynamic(net, set(WEIGHTED) if only is None else set(only), dtype=torch.qint8)
        about = {
            "engine": torch.backends.quantized.engine,
            **layers_about(net, WEIGHTED, layer_names(converted, DYNAMIC)),
            "bytes": saved_bytes(converted),
        }
        variant = replace(classifier, variant=self.name, device=torch.device("cpu"), differentiable=False, about=about)
        return alone_in_any_batch(replace(variant, net=converted))
