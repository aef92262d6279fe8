"""The float network itself, as a variant like the others."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from robustness.models.classifier import Classifier
from robustness.models.formats.torch_module import module_of
from robustness.quantization.base import QUANTIZERS, WEIGHTED, Calibration, Quantizer, layers_about, saved_bytes


@QUANTIZERS.register
@dataclass(frozen=True)
class Float32(Quantizer):
    """Changes nothing."""

    name: ClassVar[str] = "float32"
    source: ClassVar[str] = "the model as its card gives it"
    changes: ClassVar[bool] = False

    def quantize(self, classifier: Classifier, calibration: Calibration | None = None, only: Collection[str] | None = None) -> Classifier:
        """The same classifier, with the facts every variant has."""
        if not classifier.network.can.modules:
            nothing: dict[str, Any] = {"quantized_layers": [], "float_layers": [], "quantized_share": 0.0, "bytes": None}
            about = {"engine": classifier.network.can.kernels, **nothing}
        else:
            net = module_of(classifier.network)
            about = {"engine": "float", **layers_about(net, WEIGHTED, []), "bytes": saved_bytes(net)}
        left_out = classifier.network.left_out
        about |= {"notes": [left_out]} if left_out else {}
        return replace(classifier, variant=self.name, about=about)
