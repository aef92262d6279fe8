"""What do the int8 weights alone change, and what the int8 activations alone? Simulated: in float, on values rounded to the int8 grid.

Weights are rounded as the scheme's kernels store them: symmetric, a scale a tensor (dynamic) or a scale an output channel (static, which is
the same with and without BatchNorm folded in). Activations of a dynamic layer are its input, rounded to 7 bits with a range of each clip's
own, as torch's kernel does; those of a static layer are its output, and the network's input, at the scale that calibration found.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any, Final, Literal

import torch
from torch import Tensor, nn

from robustness.models.classifier import Classifier
from robustness.models.formats.torch_module import INNER, module_of, with_module
from robustness.quantization.base import torch_deprecations_filtered

SimulatedSide = Literal["weights", "activations", "both"]
LEVELS: Final = 127  # of a symmetric int8 weight, to each side
DYNAMIC_LEVELS: Final = 127  # steps of a dynamic activation: torch leaves the eighth bit free, so that 16-bit sums cannot overflow
UINT8: Final = (0, 255)
LEAST_SCALE: Final = 1.1920929e-07  # torch's own, float32's epsilon: a tensor of zeros has a scale too


def simulated(original: Classifier, variant: Classifier, layers: Collection[str], side: SimulatedSide) -> Classifier:
    """The float classifier with the weights or activations of these layers rounded as the variant rounds them.

    Args:
        original: in float.
        variant: the variant, whose scales are taken.
        layers: names of layers that the variant quantizes.
        side: what to round.
    """
    net = copy.deepcopy(module_of(original.network)).cpu().eval()
    modules = _modules(module_of(variant.network))
    for name in layers:
        if side != "activations":
            _round_weights(net.get_submodule(name), per_channel=not is_dynamic(modules[name]), half=is_half(modules[name]))
        if side != "weights" and is_dynamic(modules[name]) and not is_half(modules[name]):
            net.get_submodule(name).register_forward_pre_hook(_rounding_input)
    if side != "weights":
        _round_outputs(net, variant, [name for name in layers if not is_dynamic(modules[name])])
    return replace(original, network=with_module(original.network, net), device=torch.device("cpu"), variant=f"simulated {side}")


def _modules(net: nn.Module) -> dict[str, nn.Module]:
    """The modules by the names they have in the float network, without what applies them a clip at a time."""
    named = {name.removeprefix(f"{INNER}."): module for name, module in net.named_modules()}
    return {name: getattr(module, INNER, module) for name, module in named.items()}


def is_dynamic(module: nn.Module) -> bool:
    """Whether a quantized module picks the range of its input when it runs."""
    return type(module).__module__.startswith("torch.ao.nn.quantized.dynamic")


def is_half(module: nn.Module) -> bool:
    """Whether its weights are float16."""
    return getattr(getattr(module, "_packed_params", module), "dtype", None) == torch.float16


def output_grid(module: nn.Module) -> tuple[float, int] | None:
    """Scale and zero point of a statically quantized module's output; None where it has none."""
    scale, zero = getattr(module, "scale", None), getattr(module, "zero_point", None)
    kernel = type(module).__module__.startswith(("torch.ao.nn.quantized", "torch.ao.nn.intrinsic.quantized"))
    return None if not kernel or is_dynamic(module) or scale is None or zero is None else (float(scale), int(zero))


def grid_of_layer(variant: Classifier, layer: str) -> tuple[float, int] | None:
    """Scale and zero point of what a layer of a variant gives; None where its output is float."""
    module = _modules(module_of(variant.network)).get(layer)
    return None if module is None else output_grid(module)


def _round_weights(module: nn.Module, *, per_channel: bool, half: bool) -> None:
    with torch.no_grad():
        for name, weight in module.named_parameters(recurse=False):
            if name.startswith("weight"):
                weight.copy_(weight.half().float() if half else rounded_weight(weight, per_channel=per_channel))


def rounded_weight(weight: Tensor, *, per_channel: bool) -> Tensor:
    """A weight at its nearest int8 values, with a scale for the tensor or for each output channel, the first axis."""
    largest = weight.abs().flatten(1).amax(1) if per_channel else weight.abs().amax().expand(len(weight))
    scale = (largest / (LEVELS + 0.5)).clamp_min(LEAST_SCALE).view(-1, *[1] * (weight.ndim - 1))
    return (weight / scale).round().clamp(-LEVELS - 1, LEVELS) * scale


def _rounding_input(module: nn.Module, given: Any) -> Any:
    """A forward hook that rounds what a layer is given, each clip in its own range."""
    first = given[0]
    clips = 1 if isinstance(module, nn.RNNBase) and not module.batch_first and first.ndim == 3 else 0
    axes = [axis for axis in range(first.ndim) if axis != clips]
    low, high = first.amin(axes, keepdim=True).clamp_max(0), first.amax(axes, keepdim=True).clamp_min(0)
    scale = ((high - low) / DYNAMIC_LEVELS).clamp_min(LEAST_SCALE)
    zero = (-low / scale).round()
    return (((first / scale).round() + zero).clamp(0, DYNAMIC_LEVELS) - zero) * scale, *given[1:]


def _round_outputs(net: nn.Module, variant: Classifier, layers: Collection[str]) -> None:
    """Rounds what static layers give, where the kernel gives it, and what the first of them is given."""
    results = variant.about.get("results", {})
    buffers = {name.removeprefix(f"{INNER}."): value for name, value in module_of(variant.network).named_buffers()}
    for name in layers:
        grid = grid_of_layer(variant, name)
        if grid is not None and name in results:
            net.get_submodule(results[name]).register_forward_hook(_rounding_output(*grid))
        key = name.replace(".", "_")
        if f"{key}_input_scale_0" in buffers:
            scale, zero = float(buffers[f"{key}_input_scale_0"]), int(buffers[f"{key}_input_zero_point_0"])
            net.get_submodule(name).register_forward_pre_hook(_rounding_given(scale, zero))


def _rounding_output(scale: float, zero: int) -> Callable[[nn.Module, Any, Tensor], Tensor]:
    return lambda _module, _given, output: _on_grid(output, scale, zero)


def _rounding_given(scale: float, zero: int) -> Callable[[nn.Module, Any], Any]:
    return lambda _module, given: (_on_grid(given[0], scale, zero), *given[1:])


def _on_grid(values: Tensor, scale: float, zero: int) -> Tensor:
    with torch_deprecations_filtered():
        return torch.fake_quantize_per_tensor_affine(values, scale, zero, *UINT8)
