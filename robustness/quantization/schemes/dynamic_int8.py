"""Dynamic int8 as the tutorial does it, whose answer to a clip does not depend on its batch-mates.

`torch.ao.quantization.quantize_dynamic` stores int8 weights and picks the scale of a layer's input from the whole batch: beside a loud
clip another clip's log-probabilities moved by 0.27. Its answer is the one that it gives to one clip at a time.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar

from robustness.models.classifier import Classifier
from robustness.quantization.base import QUANTIZERS, Calibration, Quantizer
from robustness.quantization.dynamic import dynamic_variant


@QUANTIZERS.register
@dataclass(frozen=True)
class DynamicInt8(Quantizer):
    """int8 weights, and activations quantized when they are computed, in the layers for which torch has a kernel."""

    name: ClassVar[str] = "dynamic-int8"
    source: ClassVar[str] = "torch.ao.quantization.quantize_dynamic(net, {Conv2d, Linear}, dtype=qint8)"

    def quantize(self, classifier: Classifier, calibration: Calibration | None = None, only: Collection[str] | None = None) -> Classifier:
        """The int8 variant; it runs on the CPU whatever the classifier's device."""
        return dynamic_variant(classifier, self.name, "int8", only)
