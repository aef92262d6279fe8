"""Static int8: weights and activations in int8, with ranges learned from recordings once; convolutions and linear layers alike.

The kernels are integer ones (`torch.ao.quantization.quantize_fx`), so what is measured is what would run on this kind of CPU. The scales
are fixed: no clip changes another's answer. Recurrent layers have no static kernel and stay in float, and `about` says so.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar

from robustness.models.classifier import Classifier
from robustness.models.formats.torch_module import module_of
from robustness.quantization.base import QUANTIZERS, Calibration, Quantizer, required
from robustness.quantization.fx import KernelEngine, converted, observed, prepared_graph, quantized_engine
from robustness.quantization.static import VariantOrigin, naming, variant_of


@QUANTIZERS.register
@dataclass(frozen=True)
class StaticInt8(Quantizer):
    """int8 weights and activations, whose ranges are learned from recordings; BatchNorm and ReLU are folded into the layer before."""

    name: ClassVar[str] = "static-int8"
    source: ClassVar[str] = "torch.ao.quantization.quantize_fx; Jacob et al. (2018), arXiv:1712.05877"
    calibrated: ClassVar[bool] = True
    engine: KernelEngine = "x86"

    def quantize(self, classifier: Classifier, calibration: Calibration | None = None, only: Collection[str] | None = None) -> Classifier:
        """The int8 variant, with the ranges of the calibration windows; it runs on the CPU whatever the classifier's device."""
        features = classifier.features(required(calibration, self.name).samples).cpu()
        with quantized_engine(self.engine), naming(classifier, self.name):
            kernels = converted(observed(prepared_graph(module_of(classifier.network), features, only, self.engine), features), features)
            return variant_of(classifier, kernels, VariantOrigin(self.name, self.engine, calibration, only))
