"""The float network itself, as a variant like the others."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import ClassVar

from robustness.models.classifier import Classifier
from robustness.quantization.base import QUANTIZERS, WEIGHTED, Calibration, Quantizer, layers_about, saved_bytes


@QUANTIZERS.register
@dataclass(frozen=True)
class Float32(Quantizer):
    """Changes nothing."""

    name: ClassVar[str] = "float32"
    source: ClassVar[str] = "the model as its card gives it"

    def quantize(self, classifier: Classifier, calibration: Calibration | None = None, only: Collection[str] | None = None) -> Classifier:
        """The same classifier, with the facts every variant has."""
        about = {"engine": "float", **layers_about(classifier.net, WEIGHTED, []), "bytes": saved_bytes(classifier.net)}
        return replace(classifier, variant=self.name, about=about)
