"""Which plug-ins exist: a name is a file in the plug-in's folder, imported when it is asked for.

`white-noise` is `white_noise.py`; the file registers one class whose `name` is the file's, with dashes.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from typing import Generic, TypeVar

from robustness.errors import UsageError

T = TypeVar("T")
C = TypeVar("C")


class Registry(Generic[T]):
    """The plug-ins of one kind, found by file name.

    Args:
        kind: what one plug-in is called in messages, such as "perturbation".
        package: the dotted name of the folder that holds them.
        apart: modules of that folder that are no plug-ins.
    """

    def __init__(self, kind: str, package: str, apart: tuple[str, ...] = ("base",)) -> None:
        self.kind = kind
        self.package = package
        self.apart = apart
        self._classes: dict[str, type[T]] = {}

    def register(self, cls: type[C]) -> type[C]:
        """Adds a class under its `name`; a decorator."""
        self._classes[cls.name] = cls  # type: ignore[attr-defined, assignment]
        return cls

    def names(self) -> list[str]:
        """Every name, sorted, without importing any of them."""
        folder = importlib.import_module(self.package).__path__
        modules = (module.name for module in pkgutil.iter_modules(folder))
        return sorted(name.replace("_", "-") for name in modules if name not in self.apart)

    def __getitem__(self, name: str) -> type[T]:
        """The class of that name, imported now.

        Raises:
            UsageError: where there is none; the message lists those that exist.
        """
        if name not in self.names():
            near = difflib.get_close_matches(name, self.names(), n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise UsageError(f"there is no {self.kind} {name!r}; {hint}those that exist: {', '.join(self.names())}")
        importlib.import_module(f"{self.package}.{name.replace('-', '_')}")
        return self._classes[name]

    def all(self) -> dict[str, type[T]]:
        """Every plug-in by name, imported."""
        return {name: self[name] for name in self.names()}
