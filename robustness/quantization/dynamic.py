"""What is common to the schemes that store small weights and need no recordings: torch's `quantize_dynamic`, layer by layer.

Asked for {Conv2d, Linear}, torch leaves every Conv2d in float without a word; `about` says what really is quantized. The state of a
recurrent layer holds opaque objects, which no safe loader reads; here it holds tensors.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, MutableMapping
from dataclasses import replace
from typing import Any, Final

import torch
from torch import nn
from torch.ao.nn.quantized.dynamic import Linear as DynamicLinear
from torch.ao.nn.quantized.dynamic.modules.rnn import RNNBase, RNNCellBase
from torch.ao.quantization import quantize_dynamic

from robustness.errors import UsageError
from robustness.models.classifier import Classifier
from robustness.models.formats.torch_module import module_of
from robustness.quantization.base import (
    WEIGHTED,
    cpu_kind,
    layer_names,
    layers_about,
    quantized_network,
    saved_bytes,
    torch_deprecations_filtered,
    without_kernel,
)
from robustness.quantization.one_by_one import alone_in_any_batch
from robustness.quantization.surrogates import with_surrogate

DYNAMIC: Final = (DynamicLinear, RNNBase, RNNCellBase)
TYPES: Final = {"int8": torch.qint8, "float16": torch.float16}
Hook = Callable[..., None]
INT8: Final = "quantized_dynamic"  # what torch calls a recurrent layer's int8 weights
PACKED: Final = "_packed_params._packed_params"  # ends the key of a linear layer's weight and bias
PARAM: Final = ".param"  # ends the key of a recurrent layer's packed weights


def dynamic_variant(classifier: Classifier, scheme: str, kind: str, only: Collection[str] | None) -> Classifier:
    """The variant whose layers have weights of that kind; it runs on the CPU whatever the classifier's device.

    Args:
        classifier: in float.
        scheme: what the variant is called.
        kind: `int8` or `float16`.
        only: names of the layers; None = all for which there is a kernel.

    Raises:
        UsageError: where this CPU's torch has no such kernels.
    """
    net = copy.deepcopy(module_of(classifier.network)).cpu().eval()
    converted = dynamic_network(net, kind, only)
    layers = layers_about(net, WEIGHTED, layer_names(converted, DYNAMIC))
    about = {
        "engine": torch.backends.quantized.engine,
        **({} if only is None else {"only": list(only)}),
        "cpu": cpu_kind(),
        "type": kind,
        **layers,
        "bytes": saved_bytes(converted),
        "notes": without_kernel(layers, net, only),
    }
    variant = replace(classifier, variant=scheme, device=torch.device("cpu"), network=quantized_network(classifier, converted), about=about)
    return with_surrogate(alone_in_any_batch(variant))


def dynamic_network(net: nn.Module, kind: str, only: Collection[str] | None) -> nn.Module:
    """A copy of a float network with dynamically quantized layers, whose state is tensors alone.

    Raises:
        UsageError: where this CPU's torch has no such kernels.
    """
    try:
        with torch_deprecations_filtered(), torch.random.fork_rng(devices=[]):  # layers are made with random weights, then filled
            made: nn.Module = quantize_dynamic(net, set(WEIGHTED) if only is None else set(only), dtype=TYPES[kind])
    except RuntimeError as error:
        engine, reason = torch.backends.quantized.engine, str(error).splitlines()[0]
        raise UsageError(f"this CPU's torch has no dynamic {kind} kernels in its engine {engine!r} ({reason})") from error
    for module in made.modules():
        if isinstance(module, (RNNBase, RNNCellBase)):
            _hook(module, _unpack, _pack)
        if isinstance(module, DynamicLinear) and kind == "float16":
            _hook(module, _halve, _double)
    return made


def _hook(module: nn.Module, after_saving: Hook, before_loading: Hook) -> None:
    """Its state passes these on its way out and in; also that of its copies."""
    module.register_state_dict_post_hook(after_saving)
    module.register_load_state_dict_pre_hook(before_loading)


def _halve(_module: nn.Module, state: MutableMapping[str, Any], prefix: str, _metadata: object) -> None:
    """float16 weights as such: torch's own state has them in float32, at twice the size."""
    weight, bias = state[f"{prefix}{PACKED}"]
    state[f"{prefix}{PACKED}"] = (weight.half(), bias)


def _double(_module: nn.Module, state: MutableMapping[str, Any], prefix: str, *_: object) -> None:
    """The inverse of `_halve`."""
    weight, bias = state[f"{prefix}{PACKED}"]
    state[f"{prefix}{PACKED}"] = (weight.float(), bias)


def _unpack(_module: nn.Module, state: MutableMapping[str, Any], prefix: str, _metadata: object) -> None:
    """Packed weights as a tuple of their kind, weights, biases and whether the activations have 7 bits."""
    for key in [key for key in state if key.startswith(prefix) and key.endswith(PARAM)]:
        if isinstance(state[key], torch.ScriptObject):
            (kind, biases, _, flags, packed), _ = state[key].__getstate__()
            ops = torch.ops.quantized
            half = kind != INT8
            parts = [(ops.linear_unpack_fp16 if half else ops.linear_unpack)(each) for each in packed]
            biases = biases or [bias for _, bias in parts]
            weights = [weight.half() if half else weight for weight, _ in parts]
            state[key] = (kind, *weights, *(bias.detach() for bias in biases), *map(int, flags))


def _pack(_module: nn.Module, state: MutableMapping[str, Any], prefix: str, *_: object) -> None:
    """The inverse of `_unpack`."""
    for key in [key for key in state if key.startswith(prefix) and key.endswith(PARAM)]:
        if isinstance(state[key], tuple):
            kind, input_weight, hidden_weight, input_bias, hidden_bias, *flags = state[key]
            ops = torch.ops.quantized
            pairs = ((input_weight, input_bias), (hidden_weight, hidden_bias))
            if kind == INT8:
                packed = [ops.linear_prepack(weight, bias) for weight, bias in pairs]
                state[key] = ops.make_quantized_cell_params_dynamic(*packed, input_bias, hidden_bias, bool(flags[0]))
            else:
                packed = [ops.linear_prepack_fp16(weight.float(), bias) for weight, bias in pairs]
                state[key] = ops.make_quantized_cell_params_fp16(*packed)
