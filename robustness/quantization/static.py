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
from robustness.models.formats.torch_module import module_of
from robustness.quantization.base import (
    WEIGHTED,
    Calibration,
    cpu_kind,
    layer_names,
    layers_about,
    quantized_network,
    saved_bytes,
    without_kernel,
)
from robustness.quantization.fx import KernelEngine, kernel_names, results, spelt_otherwise
from robustness.quantization.one_by_one import alone_in_any_batch
from robustness.quantization.surrogates import with_surrogate
from robustness.quantization.tracing import NORMALIZING, quantized_functions


class VariantOrigin(NamedTuple):
    """How a variant came about: scheme, engine, from which recordings, which layers were asked for."""

    scheme: str
    engine: KernelEngine
    calibration: Calibration | None
    only: Collection[str] | None


@contextmanager
def naming(classifier: Classifier, scheme: str) -> Iterator[None]:
    """What is wrong with a network is said with the names of model and scheme."""
    try:
        yield
    except CardError as error:
        raise CardError(f"{classifier.name} cannot be quantized as {scheme}: {error}") from error


def variant_of(classifier: Classifier, kernels: fx.GraphModule, made: VariantOrigin) -> Classifier:
    """The variant of a float classifier that these kernels make."""
    about = about_of(classifier, kernels, made)
    network = quantized_network(classifier, kernels)
    variant = replace(classifier, variant=made.scheme, device=torch.device("cpu"), network=network, about=about)
    return with_surrogate(alone_in_any_batch(variant), kernels)


def about_of(classifier: Classifier, kernels: fx.GraphModule, made: VariantOrigin) -> dict[str, Any]:
    """The facts: what runs in int8, on what, from which recordings, and what is doubtful."""
    left, net = dict(kernels.named_modules()), module_of(classifier.network)
    folded = [name for name in layer_names(net, NORMALIZING) if name not in left]
    layers = layers_about(net, WEIGHTED, kernel_names(kernels), folded)
    notices = made.calibration.notices if made.calibration else ()
    return {
        "engine": made.engine,
        **({} if made.only is None else {"only": list(made.only)}),
        "cpu": cpu_kind(),
        "type": "int8",
        **layers,
        "quantized_functions": quantized_functions(kernels),
        "plain": True,
        "results": results(net, kernels),
        "bytes": saved_bytes(kernels),
        **({"calibration": made.calibration.about} if made.calibration else {}),
        "notes": [*without_kernel(layers, net, made.only), *spelt_otherwise(net), *notices],
    }
