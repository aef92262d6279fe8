"""Whose code does a card name, and how is it run? A module beside the card or an installed one; nothing installed is shadowed by it.

The card's folder is searched last, and only while the card is read: a file `json.py` beside a card is never taken for the library.
"""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import torch
from torch import nn

from robustness.errors import CardError, RobustnessError
from robustness.models.checkpoints import first_line

MOVED: Final = {  # what cards named before
    "robustness.classifiers.architectures": "robustness.models.architectures",
    "robustness.quantization.rebuilding": "robustness.quantization.structure",
}
_found_beside: dict[str, Path] = {}  # modules that came from a card's folder, by name


class _Beside(MetaPathFinder):
    """Finds what nobody else has found in a card's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """The module of that name in the folder; None where there is none, or where a package is asked for its own."""
        spec = PathFinder.find_spec(fullname, [str(self.folder)], target) if path is None else None
        if spec is not None:
            _found_beside[fullname] = self.folder
        return spec


@contextmanager
def importing_beside(card: Path) -> Iterator[None]:
    """The card's folder is searched as well, after everything that is installed."""
    folder = card.resolve().parent
    _forget_namesakes(folder)
    finder = _Beside(folder)
    importlib.invalidate_caches()
    sys.meta_path.append(finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


def _forget_namesakes(folder: Path) -> None:
    """What was found beside another card under a name that is here too is not taken for this one."""
    elsewhere = [top for top, place in _found_beside.items() if place != folder]
    other = [top for top in elsewhere if (folder / f"{top}.py").exists() or (folder / top).is_dir()]
    for top in other:
        for name in [name for name in sys.modules if name == top or name.startswith(f"{top}.")]:
            del sys.modules[name]
        del _found_beside[top]


def made_by(card: Path, factory: str, arguments: Mapping[str, Any], key: str = "network.factory") -> object:
    """What "module:callable" makes of its arguments; a module beside the card is found.

    Args:
        card: the card's path.
        factory: "module:callable".
        arguments: of the callable.
        key: the card's key that names it, for messages.

    Raises:
        CardError: the module or the callable is not there, does not take the arguments, or fails.
    """
    with importing_beside(card):
        maker = named_callable(card, factory, key)
        given = ", ".join(f"{k} = {type(v).__name__ if isinstance(v, nn.Module) else repr(v)}" for k, v in arguments.items())
        try:
            with torch.random.fork_rng(devices=[]):
                return maker(**arguments)
        except RobustnessError as error:
            raise CardError(f"{card}: {error}") from error
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # what a user's own code may raise: everything but Ctrl-C
            raise CardError(
                f"{card}: {factory}({given}) fails with {first_line(error)}; correct {key.replace('factory', 'arguments')}"
            ) from error


def named_callable(card: Path, text: str, key: str) -> Callable[..., object]:
    """What "module:callable" names; a module beside the card is found.

    Args:
        card: the card's path.
        text: "module:callable".
        key: the card's key that names it, for messages.

    Raises:
        CardError: the module or the callable is not there.
    """
    module_name, _, name = text.partition(":")
    with importing_beside(card):
        return _callable(_imported(card, MOVED.get(module_name, module_name), key), name, card, key)


def code_of(card: Path, text: str) -> str:
    """Whose code "module:callable" is, as in "code.py beside the card"; nothing new is imported, the card is loaded already."""
    module = sys.modules.get(text.partition(":")[0])
    where = getattr(module, "__file__", None)
    if where is None:
        return "of a module without a file"
    file = Path(where).resolve()
    beside = file.is_relative_to(card.resolve().parent)
    return f"{file.relative_to(card.resolve().parent)} beside the card" if beside else f"the installed {text.partition(':')[0]}"


def _imported(card: Path, module_name: str, key: str) -> ModuleType:
    top = module_name.partition(".")[0]
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name in {module_name, top}:
            raise CardError(
                f"{card}: {key}.factory names the module {module_name}, which is neither beside the card nor installed"
            ) from error
        raise CardError(f"{card}: importing {module_name} fails: it needs {error.name}; install that") from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # what a user's own code may raise: everything but Ctrl-C
        raise CardError(f"{card}: importing {module_name} fails with {first_line(error)}") from error


def _callable(module: ModuleType, name: str, card: Path, key: str) -> Callable[..., object]:
    found: Callable[..., object] | None = getattr(module, name, None)
    if callable(found):
        return found
    near = difflib.get_close_matches(name, [k for k, value in vars(module).items() if callable(value)], n=1)
    hint = _hidden(module, card) or (f"; did you mean {near[0]}?" if near else "")
    raise CardError(f"{card}: {key}: {module.__name__} has no callable {name}{hint}")


def _hidden(module: ModuleType, card: Path) -> str:
    """Where a file beside the card has an installed module's name: that it is not read."""
    beside = card.resolve().parent / f"{module.__name__}.py"
    where = getattr(module, "__file__", None)
    if not beside.exists() or (where and Path(where).resolve() == beside):
        return ""
    return f"; it is the installed one: {beside.name} beside the card has a name that is taken, rename it"
