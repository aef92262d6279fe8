"""What stands in for a quantized network where a gradient is asked: the same network in float, rounded where the variant rounds.

Weights are the variant's own; activations pass `torch.fake_quantize_*`, whose gradient is 1 inside the range and 0 outside (straight
through). Its logits are close to the variant's and not the same: whoever draws a map with it prints the gap. It measures nothing else.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import torch
from torch import Tensor, fx, nn
from torch.ao.nn.quantized.dynamic import Linear as DynamicLinear
from torch.ao.nn.quantized.dynamic.modules.rnn import RNNBase as DynamicRNNBase
from torch.nn import functional

from robustness.models.classifier import Classifier
from robustness.models.formats.torch_module import module_of, with_module
from robustness.seeds import generator_of

OPERANDS: Final = 4  # of an operation of two tensors: both, scale and zero point; one with a number has two
LEVELS: Final = 255  # of an activation's unsigned 8 bits, from 0
DYNAMIC_LEVELS: Final = 127  # torch's dynamic kernels use 7 of them, so that their sums cannot saturate
NOISE: Final = 0.05  # of the samples on which gradients are tried, full scale is 1
KERNELS: Final = "torch.ao.nn"
CONVOLUTIONS: Final = {3: functional.conv1d, 4: functional.conv2d}
OPERATIONS: Final[dict[str, Callable[..., Tensor]]] = {
    "add": torch.add,
    "mul": torch.mul,
    "add_relu": lambda one, other: torch.relu(one + other),
    "mul_relu": lambda one, other: torch.relu(one * other),
}


class NoSurrogateError(Exception):
    """A kernel for which there is no float counterpart here."""


def with_surrogate(variant: Classifier, kernels: fx.GraphModule | None = None) -> Classifier:
    """The variant with its surrogate, or with a note that it has none.

    Args:
        variant: a quantized classifier.
        kernels: its traced network before anything was wrapped, where it has one.
    """
    try:
        net = _of_modules(copy.deepcopy(module_of(variant.network))) if kernels is None else _of_graph(kernels)
    except NoSurrogateError as error:
        return _without(variant, f"there is no float counterpart of its {str(error).splitlines()[0]}")  # torch adds where it was
    network = with_module(variant.network, net.eval())
    noise = torch.randn(1, variant.frame.samples, generator=generator_of("probe of gradients")) * NOISE
    tried = replace(network, can=replace(network.can, gradients=True)).tried(variant.features(noise))
    if not tried.can.gradients:
        return _without(variant, "it gives none in float")
    return replace(variant, surrogate=replace(variant, network=tried, surrogate=None))


def _without(variant: Classifier, why: str) -> Classifier:
    note = f"gradient methods cannot run on it: {why}"
    return replace(variant, about={**variant.about, "notes": [*variant.about.get("notes", ()), note]})


class FakeDynamicLinear(nn.Module):
    """A dynamically quantized linear layer in float: its input rounded to the scale that the kernel would pick for it."""

    def __init__(self, layer: DynamicLinear) -> None:
        super().__init__()
        weight, bias = layer.weight(), layer.bias()
        self.rounds = weight.is_quantized
        self.weight = (weight.dequantize() if self.rounds else weight).detach().float()
        self.bias = None if bias is None else bias.detach()

    def forward(self, batch: Tensor) -> Tensor:
        """[… features] → [… features]; one scale for all that is given, as the kernel has."""
        return functional.linear(_dynamically_rounded(batch) if self.rounds else batch, self.weight, self.bias)


def _dynamically_rounded(values: Tensor) -> Tensor:
    low, high = float(values.detach().amin().clamp_max(0)), float(values.detach().amax().clamp_min(0))
    scale = max((high - low) / DYNAMIC_LEVELS, torch.finfo(torch.float32).eps)
    zero = max(0, min(DYNAMIC_LEVELS, round(-low / scale)))
    return torch.fake_quantize_per_tensor_affine(values, scale, zero, 0, DYNAMIC_LEVELS)


def _of_modules(net: nn.Module) -> nn.Module:
    """The network with each dynamic kernel replaced by its float counterpart."""
    if isinstance(net, DynamicLinear):
        return FakeDynamicLinear(net)
    if isinstance(net, DynamicRNNBase):
        return _recurrent(net)
    if type(net).__module__.startswith(KERNELS):
        raise NoSurrogateError(type(net).__name__)
    for name, child in net.named_children():
        setattr(net, name, _of_modules(child))
    return net


def _recurrent(layer: Any) -> nn.Module:
    """A recurrent layer in float with the rounded weights."""
    kind = {"GRU": nn.GRU, "LSTM": nn.LSTM}[layer._get_name().removeprefix("Dynamic").removeprefix("Quantized")]
    sizes = (layer.input_size, layer.hidden_size, layer.num_layers, layer.bias, layer.batch_first, 0.0, layer.bidirectional)
    made: nn.Module = kind(*sizes, device="meta").to_empty(device="cpu")
    given = {**layer.get_weight(), **layer.get_bias()}
    state = {name: (value.dequantize() if value.is_quantized else value).detach().float() for name, value in given.items()}
    made.load_state_dict(state)
    return made.requires_grad_(False)


class FakeKernel(nn.Module):
    """A convolution or linear layer with the kernel's weights, ReLU where the kernel has one, and its output rounded."""

    def __init__(self, kernel: Any) -> None:
        super().__init__()
        self.weight = kernel.weight().dequantize()
        self.bias = None if kernel.bias() is None else kernel.bias().detach()
        self.relu = "ReLU" in type(kernel).__name__
        self.scale, self.zero_point = float(kernel.scale), int(kernel.zero_point)
        self.convolution = CONVOLUTIONS.get(self.weight.ndim)
        names = ("stride", "padding", "dilation", "groups")
        self.settings = {name: getattr(kernel, name) for name in names} if self.convolution else {}
        if self.convolution and kernel.padding_mode != "zeros":
            raise NoSurrogateError(f"{type(kernel).__name__} with padding {kernel.padding_mode!r}")

    def forward(self, inputs: Tensor) -> Tensor:
        """What the kernel gives, in float."""
        run = self.convolution or functional.linear
        outputs: Tensor = run(inputs, self.weight, self.bias, **self.settings)
        outputs = outputs.relu() if self.relu else outputs
        return torch.fake_quantize_per_tensor_affine(outputs, self.scale, self.zero_point, 0, LEVELS)


def _rounded(values: Tensor, scale: Any, zero_point: Any) -> Tensor:
    """Values on a grid that was learned."""
    return torch.fake_quantize_per_tensor_affine(values, float(scale), int(zero_point), 0, LEVELS)


def _operated(name: str, operands: tuple[Any, ...], scale: Any, zero_point: Any) -> Tensor:
    return _rounded(OPERATIONS[name](*operands), scale, zero_point)


fx.wrap("_rounded")
fx.wrap("_operated")


class _Faking(fx.Transformer):
    """The graph with float operations in place of quantized ones."""

    def call_function(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if target is torch.quantize_per_tensor:
            return super().call_function(_rounded, args[:3], {})
        if "quantized" not in str(target):
            return super().call_function(target, args, kwargs)
        name = str(target).rpartition(".")[2]
        if name not in OPERATIONS:
            raise NoSurrogateError(name)
        if len(args) < OPERANDS:
            raise NoSurrogateError(f"{name} with a number")
        return super().call_function(_operated, (name, args[:2], *args[2:4]), {})

    def call_method(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return args[0] if target == "dequantize" else super().call_method(target, args, kwargs)


def _of_graph(kernels: fx.GraphModule) -> nn.Module:
    made = _Faking(kernels).transform()
    for name, module in kernels.named_modules():
        if type(module).__module__.startswith(KERNELS) and hasattr(module, "scale"):
            if not callable(getattr(module, "weight", None)):
                raise NoSurrogateError(type(module).__name__)
            made.set_submodule(name, FakeKernel(module))
    return made
