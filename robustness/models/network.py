"""How a card's network is built and filled: its code is imported and run, its weights are read as data.

Building draws random weights, which are then replaced; the global random state is the same after as before.
"""

from __future__ import annotations

import difflib
import hashlib
import importlib
import importlib.util
import pickle
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import torch
from torch import Tensor, nn

from robustness.errors import CardError, RobustnessError, UsageError

SAVE: Final = "save it anew with torch.save(model.state_dict(), FILE)"
MOVED: Final = {  # what cards named before
    "robustness.classifiers.architectures": "robustness.models.architectures",
    "robustness.quantization.rebuilding": "robustness.quantization.structure",
}
SHOWN: Final = 4


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


def weights_in(card: Path, file: str | Path, sha256: str, source: str | None = None) -> dict[str, Tensor]:
    """The state_dict in a card's weights, on the CPU.

    Args:
        card: the card, for messages; a `file` that is a text lies relative to it.
        file: the weights.
        sha256: of the weights, as the card says.
        source: what to do where they are missing.

    Raises:
        CardError: they are missing, others than the card says, or no state_dict.
    """
    path = card.parent / file if isinstance(file, str) else file
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError as error:
        hint = f"{source}, or give" if source else "put them there, or give"
        raise CardError(f"{card}: the weights {path} are not there; {hint} a copy with --weights PATH") from error
    except OSError as error:
        raise CardError(f"{card}: the weights {path} cannot be opened: {error.strerror}; give a file with --weights PATH") from error
    if found != sha256.lower():
        raise CardError(
            f"{card}: {path} has the SHA-256 {found} and weights.sha256 says {sha256.lower()}: the file is damaged, or is of another "
            "model or training; get the right one, or write the new value into the card if the change is meant"
        )
    return _state_dict(path)


def _state_dict(path: Path) -> dict[str, Tensor]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch announces there what the sentences below say
            state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CardError(
            f"{path} holds a pickled module or other objects, which would run code; only a state_dict is read: {SAVE}"
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError, AttributeError, TypeError, IndexError) as error:
        raise CardError(f"{path} is no weights file that torch can read ({_first(error)}); {SAVE}") from error
    if not isinstance(state, Mapping) or not state or not all(_is_data(value) for value in state.values()):
        held = f"a table with {', '.join(map(str, list(state)[:SHOWN]))}" if isinstance(state, Mapping) else f"a {type(state).__name__}"
        raise CardError(f"{path} holds {held}, and not a state_dict (names and tensors); {SAVE}")
    floats = {name: value for name, value in state.items() if isinstance(value, Tensor) and value.is_floating_point()}
    broken = [name for name, value in floats.items() if not value.isfinite().all()]
    if broken:
        raise CardError(f"{path}: {_some(broken)} holds NaN or infinite weights; the training broke, or the file is damaged")
    return state if isinstance(state, dict) else dict(state)  # as it is: torch keeps the versions of its layers beside the names


def _is_data(value: object) -> bool:
    """What a state_dict may hold: tensors, and the tuples, types and absent biases that quantized layers keep beside them."""
    if isinstance(value, tuple):
        return any(isinstance(part, Tensor) for part in value) and all(isinstance(part, (Tensor, int, str, type(None))) for part in value)
    return value is None or isinstance(value, (Tensor, torch.dtype))


def build(card: Path, factory: str, arguments: Mapping[str, Any]) -> nn.Module:
    """The network that "module:callable" makes of its arguments; modules in the card's folder are found first.

    Raises:
        CardError: the module or the callable is not there, does not take the arguments, fails, or gives no network.
    """
    net = made_by(card, factory, arguments)
    if not isinstance(net, nn.Module):
        raise CardError(f"{card}: {factory} gives a {type(net).__name__}; expected a torch.nn.Module")
    return net


def made_by(card: Path, factory: str, arguments: Mapping[str, Any], key: str = "network.factory") -> object:
    """What "module:callable" makes of its arguments; modules in the card's folder are found first.

    Args:
        card: the card, for messages and for modules beside it.
        factory: "module:callable".
        arguments: keyword arguments of the callable.
        key: the card's key that names the factory, for messages.

    Raises:
        CardError: the module or the callable is not there, does not take the arguments, or fails.
    """
    module_name, _, name = factory.partition(":")
    module_name = MOVED.get(module_name, module_name)
    with importing_beside(card):
        maker = _callable(_imported(card, module_name, key), name, card, key)
        given = ", ".join(
            f"{name} = {type(value).__name__ if isinstance(value, nn.Module) else repr(value)}" for name, value in arguments.items()
        )
        try:
            with torch.random.fork_rng(devices=[]):
                return maker(**arguments)
        except RobustnessError as error:
            raise CardError(f"{card}: {error}") from error
        except Exception as error:
            where = key.replace("factory", "arguments")
            raise CardError(f"{card}: {factory}({given}) fails with {_first(error)}; correct {where}") from error


@contextmanager
def importing_beside(card: Path) -> Iterator[None]:
    """The card's folder first on the import path."""
    folder = str(card.resolve().parent)
    sys.path.insert(0, folder)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(folder)


def _imported(card: Path, module_name: str, key: str) -> ModuleType:
    top = module_name.partition(".")[0]
    _forget_namesake(top, card.resolve().parent)
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name in {module_name, top}:
            raise CardError(f"{card}: {key} names the module {module_name}, which is neither beside the card nor installed") from error
        raise CardError(f"{card}: importing {module_name} fails, for it needs {error.name}; install that") from error
    except Exception as error:
        raise CardError(f"{card}: importing {module_name} fails with {_first(error)}") from error


def _forget_namesake(top: str, folder: Path) -> None:
    """Where a module beside this card was imported under the same name from beside another, it is not taken for this one."""
    here = next((path for path in (folder / f"{top}.py", folder / top) if path.exists()), None)
    there = getattr(sys.modules.get(top), "__file__", None)
    if here is None or there is None or Path(there).resolve().is_relative_to(folder):
        return
    for name in [name for name in sys.modules if name == top or name.startswith(f"{top}.")]:
        del sys.modules[name]


def _callable(module: ModuleType, name: str, card: Path, key: str) -> Callable[..., object]:
    found: Callable[..., object] | None = getattr(module, name, None)
    if callable(found):
        return found
    near = difflib.get_close_matches(name, [known for known, value in vars(module).items() if callable(value)], n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise CardError(f"{card}: {key}: {module.__name__} has no callable {name}{hint}")


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
        raise CardError(f"{card}: the weights do not fit the network: {_some(shapes, '; ')}; {_likely(state, own)}")
    try:
        result = net.load_state_dict(state, strict=False)
    except (RuntimeError, KeyError, TypeError, ValueError, AttributeError) as error:  # the last four from quantized layers
        raise CardError(f"{card}: the weights do not fit the network: {_first(error)}") from error
    wrong = [f"{what} {_some(keys)}" for what, keys in (("lacking", result.missing_keys), ("unknown", result.unexpected_keys)) if keys]
    if wrong:
        raise CardError(f"{card}: the weights do not fit the network: {'; '.join(wrong)}; {_likely(state, own)}")
    return net


def _likely(state: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> str:
    prefix = "module."
    if all(key.startswith(prefix) for key in state) and not any(key.startswith(prefix) for key in own):
        return "they were saved from a DataParallel: save model.module.state_dict()"
    return "check network.factory and network.arguments"


def _shape(tensor: Tensor) -> str:
    return f"[{' '.join(str(size) for size in tensor.shape)}]"


def _some(names: list[str], between: str = ", ") -> str:
    return between.join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def _first(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
