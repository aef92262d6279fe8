"""A network in torch: a module that a factory builds, filled with a state_dict. It can all that the suite asks for, unless its code cannot.

What a module can is found out once, with real tensors: one whose code takes values out of torch (`numpy()`, `item()`, a pointer) may hand
them to native code, and is never traced, for native code that is handed a tracer ends the process.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import get_ident
from typing import Any, ClassVar, Final

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from robustness.errors import UsageError
from robustness.models.checkpoints import weights_in
from robustness.models.formats.base import FORMATS, Capabilities, Format, Network, Sought
from robustness.models.network import build, filled

INNER: Final = "one_row"  # the name of the module inside one that runs a clip at a time
EVERYTHING: Final = Capabilities(gradients=True, layers=True, modules=True, weights=True, graph=True, copies=True, kernels="torch")
QUANTIZED: Final = replace(EVERYTHING, gradients=False)
LEAVING: Final = frozenset(  # functions by which values leave torch
    getattr(Tensor, name) for name in ("numpy", "__array__", "tolist", "item", "data_ptr", "__dlpack__", "storage", "untyped_storage")
)


@contextmanager
def evaluating(net: nn.Module) -> Iterator[nn.Module]:
    """The network in evaluation mode; every module's own mode is the same after as before."""
    modes = [(module, module.training) for module in net.modules()]
    net.eval()
    try:
        yield net
    finally:
        for module, mode in modes:
            module.training = mode


@contextmanager
def frozen(net: nn.Module) -> Iterator[None]:
    """The network's weights without gradients, so that no graph is kept for them; as before afterwards."""
    wanted = [(weight, weight.requires_grad) for weight in net.parameters()]
    try:
        net.requires_grad_(False)
        yield
    finally:
        for weight, flag in wanted:
            weight.requires_grad_(flag)


def parameter_count(net: nn.Module) -> int:
    """Weights and biases of a network, those that a quantized layer has packed as well."""
    return sum(parameter.numel() for parameter in net.parameters()) + sum(_packed_count(module) for module in net.modules())


def _packed_count(module: Any) -> int:
    """What torch's quantized layers hold outside of their parameters."""
    if not type(module).__module__.startswith("torch.ao.nn"):
        return 0
    if hasattr(module, "get_weight") and hasattr(module, "get_bias"):  # a recurrent one
        return sum(value.numel() for value in (*module.get_weight().values(), *module.get_bias().values()))
    parts = [getattr(module, name)() for name in ("weight", "bias") if callable(getattr(module, name, None))]
    return sum(part.numel() for part in parts if part is not None)


@dataclass(frozen=True, eq=False)
class TorchNetwork(Network):
    """A torch module.

    Attributes:
        module: takes features, [clips 1 bands frames].
        can: what it can; by default everything, as torch's own layers can.
        kind: in words.
    """

    module: nn.Module
    can: Capabilities = EVERYTHING
    kind: str = "a torch module"

    @property
    def parameters(self) -> int:
        """Weights and biases, packed ones as well."""
        return parameter_count(self.module)

    def __call__(self, features: Tensor) -> Tensor:
        """What the module gives."""
        outputs: Tensor = self.module(features)
        return outputs

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """The module in evaluation mode."""
        with evaluating(self.module):
            yield

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """The module's weights without gradients."""
        with frozen(self.module):
            yield

    def copied(self) -> TorchNetwork:
        """The same with a module of its own."""
        return self.of(copy.deepcopy(self.module))

    def of(self, module: nn.Module) -> TorchNetwork:
        """The same of another module."""
        return replace(self, module=module)

    def activations(self, features: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """What layers give for features, on the CPU and in float."""
        seen: dict[str, list[Tensor]] = {}
        handles = [self._layer(name).register_forward_hook(_keeping(seen, name)) for name in layers]
        try:
            with evaluating(self.module), torch.inference_mode():
                self.module(features)
        finally:
            for handle in handles:
                handle.remove()
        return {name: torch.cat(parts) for name, parts in seen.items()}

    def _layer(self, name: str) -> nn.Module:
        """The layer of that name; one that is wrapped to run a clip at a time is found by its own name."""
        modules = dict(self.module.named_modules())
        found: nn.Module | None = modules.get(name, modules.get(f"{INNER}.{name}"))
        if found is None:
            known = ", ".join(key for key, module in modules.items() if hasattr(module, "weight"))
            raise UsageError(f"has no layer {name!r}; it has {known}")
        return found

    def tried(self, features: Tensor) -> TorchNetwork:
        """The same, with what this module can of what it is said to."""
        return replace(self, can=_found(self.module, features, self.can))


def module_of(network: Network) -> nn.Module:
    """The module of a network that was asked first whether it can what is wanted of its module.

    Raises:
        TypeError: it has none.
    """
    if not isinstance(network, TorchNetwork):
        raise TypeError(f"the network is {network.kind}, and nobody asked what it can")
    return network.module


def own_name(path: str) -> str:
    """The name that a layer has in the user's network, of one whose modules may be wrapped to run a clip at a time."""
    return ".".join(part for part in path.split(".") if part != INNER)


def with_module(network: Network, module: nn.Module) -> TorchNetwork:
    """A network that can what this one can, of another module."""
    return network.of(module) if isinstance(network, TorchNetwork) else TorchNetwork(module, network.can, network.kind)


def _found(module: nn.Module, features: Tensor, said: Capabilities) -> Capabilities:
    """What a module can: whether its values stay in torch is asked first, and what may be tried follows from that."""
    stays, copies = _stays_in_torch(module, features), said.copies and _can_be_copied(module)
    return replace(
        said,
        gradients=said.gradients and stays and _gives_gradients(module, features),
        graph=said.graph and stays and copies,
        weights=said.weights and copies,
        copies=copies,
    )


class _Watching(TorchFunctionMode):
    """Notes whether a value leaves torch."""

    left = False

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.left = self.left or func in LEAVING
        return func(*args, **(kwargs or {}))


def _stays_in_torch(module: nn.Module, features: Tensor) -> bool:
    with evaluating(module), torch.inference_mode(), _Watching() as watching:
        module(features)
    return not watching.left


def _gives_gradients(module: nn.Module, features: Tensor) -> bool:
    """Whether a gradient arrives at the features; asked of modules whose values stay in torch, which says so by an error of its own."""
    with evaluating(module), frozen(module):
        return gives_gradients(module, features)


def gives_gradients(ask: Callable[[Tensor], Tensor], features: Tensor) -> bool:
    """Whether a gradient of what is asked arrives at the features, [clips 1 bands frames]."""
    with warnings.catch_warnings(), torch.inference_mode(False), torch.enable_grad():
        warnings.simplefilter("ignore")  # what a foreign network's code says of gradients is of no use to anybody
        asked = features.detach().clone().requires_grad_()
        try:
            outputs = ask(asked)
            (found,) = torch.autograd.grad(outputs.sum(), asked, allow_unused=True)
        except RuntimeError:
            return False
    return found is not None


def _can_be_copied(module: nn.Module) -> bool:
    """Whether Python's own protocol copies it: what holds native state refuses by a TypeError."""
    try:
        copy.deepcopy(module)
    except Exception:
        return False
    return True


def _keeping(seen: dict[str, list[Tensor]], name: str) -> Callable[[nn.Module, object, Any], None]:
    """A forward hook that keeps what a layer gives; a network that runs a clip at a time gives a part a clip."""
    mine = get_ident()

    def keep(_module: nn.Module, _inputs: object, output: Any) -> None:
        if get_ident() != mine:  # another thread asks the same network
            return
        first = output[0] if isinstance(output, tuple) else output
        seen.setdefault(name, []).append((first.dequantize() if first.is_quantized else first).float().cpu())

    return keep


@FORMATS.register
@dataclass(frozen=True)
class TorchModule(Format):
    """A factory and a state_dict, in float or as the variant that its weights are of."""

    name: ClassVar[str] = "torch-module"
    key: ClassVar[str | None] = "factory"
    suffixes: ClassVar[tuple[str, ...]] = (".pt", ".pth", ".bin")

    def load(self, sought: Sought) -> TorchNetwork:
        """The module, built and filled. This runs the code that the card names."""
        path, said, frontend, given, device = sought
        weights, network = said.weights, said.network
        if weights is None or network is None or network.factory is None:
            raise UsageError(f"{path}: a state_dict needs [network] with a factory; write what builds the network that it fills")
        state = weights_in(weights.at(path, given))
        net = build(path, network.factory, network.arguments)
        if said.variant is None:
            return TorchNetwork(frontend.fitted(filled(net, state, path)).to(device).eval())
        # a variant was made of the network as its front-end has it
        rebuilt = build(path, said.variant.rebuild, {"net": frontend.fitted(net), **said.variant.arguments})
        return TorchNetwork(filled(rebuilt, state, path).to(device).eval(), QUANTIZED)
