"""Dynamic float16, the tutorial's other type: weights of half the size, activations and sums in float32.

Nothing is rounded but the weights, to 11 bits: what changes an answer here is no range that was badly chosen.
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
class DynamicFloat16(Quantizer):
    """float16 weights in the layers for which torch has a kernel, multiplied in float32."""

    name: ClassVar[str] = "dynamic-float16"
    source: ClassVar[str] = "torch.ao.quantization.quantize_dynamic(net, {Conv2d, Linear}, dtype=float16)"

    def quantize(self, classifier: Classifier, calibration: Calibration | None = None, only: Collection[str] | None = None) -> Classifier:
        """The float16 variant; it runs on the CPU whatever the classifier's device."""
        return dynamic_variant(classifier, self.name, "float16", only)
