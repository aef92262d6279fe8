"""How a card's network is built and filled: its code is imported and run, its weights are read as data.

Building draws random weights, which are then replaced; the global random state is the same after as before.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from robustness.errors import CardError, UsageError
from robustness.models.checkpoints import first_line, likely_mistake, named
from robustness.models.foreign import made_by


def torch_device(name: str) -> torch.device:
    """The device of that name, if this machine has it.

    Raises:
        UsageError: it is no device, or not there.
    """
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"--device {name}: this machine has no such device ({reason}); `cpu` is always there") from error
    return device


def build(card: Path, factory: str, arguments: Mapping[str, Any]) -> nn.Module:
    """The network that "module:callable" makes of its arguments.

    Raises:
        CardError: the module or the callable is not there, does not take the arguments, fails, or gives no network.
    """
    net = made_by(card, factory, arguments)
    if not isinstance(net, nn.Module):
        raise CardError(f"{card}: {factory} gives a {type(net).__name__}; expected a torch.nn.Module")
    return net


def filled(net: nn.Module, state: Mapping[str, Tensor], card: Path) -> nn.Module:
    """The network with these weights.

    Raises:
        CardError: they do not fit; the keys are named.
    """
    own = net.state_dict()
    shapes = [
        f"{k} is {_shape(state[k])} and {_shape(own[k])} in the network"
        for k in own
        if isinstance(own[k], Tensor) and isinstance(state.get(k), Tensor) and state[k].shape != own[k].shape
    ]
    if shapes:
        raise CardError(f"{card}: the weights do not fit the network: {named(shapes, '; ')}; {likely_mistake(state, own)}")
    try:
        result = net.load_state_dict(state, strict=False)
    except (RuntimeError, KeyError, TypeError, ValueError, AttributeError) as error:  # the last four from quantized layers
        raise CardError(f"{card}: the weights do not fit the network: {first_line(error)}") from error
    wrong = [f"{what} {named(keys)}" for what, keys in (("lacking", result.missing_keys), ("unknown", result.unexpected_keys)) if keys]
    if wrong:
        raise CardError(f"{card}: the weights do not fit the network: {'; '.join(wrong)}; {likely_mistake(state, own)}")
    return net


def _shape(tensor: Tensor) -> str:
    return f"[{' '.join(str(size) for size in tensor.shape)}]"
