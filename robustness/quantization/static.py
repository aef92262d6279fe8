"""What is said of a network with int8 kernels, however its ranges were learned: a variant with its facts."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import fx

from robustness.errors import CardError
from robustness.models.classifier import Classifier
from robustness.quantization.base import WEIGHTED, Calibration, cpu_kind, layer_names, layers_about, saved_bytes, without_kernel
from robustness.quantization.fx import NORMALIZING, Engine, kernel_names, results
from robustness.quantization.one_by_one import alone_in_any_batch
from robustness.quantization.surrogates import with_surrogate


class Made(NamedTuple):
    """How a variant came about: scheme, engine, from which recordings, which layers were asked for."""

    scheme: str
    engine: Engine
    calibration: Calibration | None
    only: Collection[str] | None


@contextmanager
def naming(classifier: Classifier, scheme: str) -> Iterator[None]:
    """What is wrong with a network is said with the names of model and scheme."""
    try:
        yield
    except CardError as error:
        raise CardError(f"{classifier.name} cannot be quantized as {scheme}: {error}") from error


def variant_of(classifier: Classifier, kernels: fx.GraphModule, made: Made) -> Classifier:
    """The variant of a float classifier that these kernels make."""
    about = about_of(classifier, kernels, made)
    variant = replace(classifier, variant=made.scheme, device=torch.device("cpu"), differentiable=False, about=about)
    return with_surrogate(alone_in_any_batch(replace(variant, net=kernels)), kernels)


def about_of(classifier: Classifier, kernels: fx.GraphModule, made: Made) -> dict[str, Any]:
    """The facts: what runs in int8, on what, from which recordings, and what is doubtful."""
    left = dict(kernels.named_modules())
    folded = [name for name in layer_names(classifier.net, NORMALIZING) if name not in left]
    layers = layers_about(classifier.net, WEIGHTED, kernel_names(kernels), folded)
    notices = made.calibration.notices if made.calibration else ()
    return {
        "engine": made.engine,
        **({} if made.only is None else {"only": list(made.only)}),
        "cpu": cpu_kind(),
        "type": "int8",
        **layers,
        "results": results(classifier.net, kernels),
        "bytes": saved_bytes(kernels),
        **({"calibration": made.calibration.about} if made.calibration else {}),
        "notes": [*without_kernel(layers, classifier.net, made.only), *notices],
    }
