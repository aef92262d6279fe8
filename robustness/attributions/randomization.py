"""Does a map depend on what the network has learnt?

The weights are drawn anew from the last layer down, with the spread that each layer's had, and the map is made again: one that hardly
changes shows the clip and not the network. Compared is φ / (x − b) with its sign, over the cells where the clip is not its baseline; on
|φ| the clip's own shape would dominate. A packed int8 layer is drawn anew on its own scale.
Source: Adebayo et al. 2018, arXiv:1810.03292.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor, nn

from robustness.attributions.agreement import map_correlation
from robustness.attributions.base import Attribution
from robustness.attributions.masking import Explainable
from robustness.models.formats.torch_module import module_of, own_name, with_module
from robustness.seeds import generator_of

MOST_ALIKE: Final = 0.5  # a rank correlation beyond this with a network of random weights: the map does not depend on them


@dataclass(frozen=True)
class RandomizedStage:
    """A map after so many layers, from the last, were drawn anew.

    Attributes:
        layers: how many, and of how many.
        of: layers with weights.
        down_to: the name of the deepest one.
        spearman: with the map as it was; None where one of them is constant.
    """

    layers: int
    of: int
    down_to: str
    spearman: float | None


class Cascade(NamedTuple):
    """One figure a depth, none where no layer's weights can be reached; and the passes they took."""

    stages: list[RandomizedStage]
    passes: int


def cascade(method: Attribution, case: Explainable, seed: int = 0, stages: int = 3) -> Cascade:
    """The method's map of a clip against those of networks that forget more and more, from the last layer to all of them.

    All are made at the method's rough grain: so many maps are compared with each other alone.

    Args:
        method: whose maps are compared.
        case: what they explain.
        seed: of the weights drawn.
        stages: at how many depths: the last layer, those between, all layers; one is all of them alone.
    """
    run, rough = case.classifier, method.rough
    if method.kind == "gradient" and not run.differentiable and run.surrogate is not None:
        run = run.surrogate
    if not run.network.can.weights:
        return Cascade([], 0)
    net = module_of(run.network)
    names = weighted(net)
    difference = (case.features - case.baseline)[0, 0].cpu()
    cells = difference != 0
    depths = _depths(len(names), stages)
    nets = [net, *(forgotten(net, names[-count:], seed) for count in depths)] if depths else []
    found = [
        rough.attribute(replace(run, network=with_module(run.network, net)), case.features, case.target, case.baseline) for net in nets
    ]
    before, *after = [one.map[0][cells] / difference[cells] for one in found] or [torch.empty(0)]
    made = [
        RandomizedStage(n, len(names), own_name(names[-n]), map_correlation(before, random))
        for n, random in zip(depths, after, strict=True)
    ]
    return Cascade(made, sum(one.passes for one in found))


def _depths(layers: int, stages: int) -> list[int]:
    """How many layers are drawn anew at each stage, from 1 to all; a single stage is all of them."""
    if stages == 1:
        return [layers] if layers else []
    return sorted({max(1, i * layers // (stages - 1)) for i in range(stages)}) if layers else []


def weighted(net: nn.Module) -> list[str]:
    """The layers whose weights can be drawn anew, in their order."""
    return [name for name, module in net.named_modules() if _matrices(module) or _is_packed(module)]


def _matrices(module: nn.Module) -> list[nn.Parameter]:
    return [weight for weight in module.parameters(recurse=False) if weight.ndim > 1]


def _is_packed(module: nn.Module) -> bool:
    return callable(getattr(module, "weight", None)) and hasattr(module, "set_weight_bias")


def forgotten(net: nn.Module, layers: list[str], seed: int) -> nn.Module:
    """A copy of the network with the weights of these layers drawn anew."""
    made = copy.deepcopy(net)
    for name in layers:
        module: Any = made.get_submodule(name)
        rng = generator_of(seed, "forgotten", own_name(name))
        if _is_packed(module):
            with _quietly():
                module.set_weight_bias(_packed_anew(module.weight(), rng), module.bias())
            continue
        for weight in _matrices(module):
            weight.data = _anew(weight.detach(), rng)
    return made


def _anew(weight: Tensor, rng: torch.Generator) -> Tensor:
    drawn = torch.randn(weight.shape, generator=rng).to(weight)
    return drawn * weight.std() if weight.numel() > 1 else drawn * weight.abs()


def _packed_anew(weight: Tensor, rng: torch.Generator) -> Tensor:
    drawn = _anew(weight.dequantize(), rng)
    if weight.qscheme() in (torch.per_channel_affine, torch.per_channel_symmetric):
        return torch.quantize_per_channel(
            drawn, weight.q_per_channel_scales(), weight.q_per_channel_zero_points(), weight.q_per_channel_axis(), weight.dtype
        )
    return torch.quantize_per_tensor(drawn, weight.q_scale(), weight.q_zero_point(), weight.dtype)


@contextmanager
def _quietly() -> Iterator[None]:
    """Quiet for what torch announces of its own quantized tensors."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"torch\.quantize_per_tensor, torch\.quantize_per_channel")
        yield
