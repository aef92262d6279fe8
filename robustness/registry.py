"""Which plug-ins exist: a name is a file in the plug-in's folder, imported when it is asked for.

`some-thing` is `some_thing.py`; the file registers one class whose `name` is the file's, with dashes. A file that registers none is a tool
of that folder, and no plug-in.
"""

from __future__ import annotations

import difflib
import importlib
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from robustness.errors import UsageError

T = TypeVar("T")
C = TypeVar("C")
REGISTERS: Final = re.compile(r"^@\w+\.register$", re.MULTILINE)  # read, not imported: a name must not cost an import


_ADDED: Final[dict[str, dict[str, type[Any]]]] = defaultdict(dict)  # by package


class Registry(Generic[T]):
    """The plug-ins of one kind, found by file name.

    Args:
        kind: what one plug-in is called in messages, such as "perturbation".
        package: the dotted name of the folder that holds them.
    """

    def __init__(self, kind: str, package: str) -> None:
        self.kind = kind
        self.package = package
        self._classes: dict[str, type[T]] = {}

    def register(self, cls: type[C]) -> type[C]:
        """Adds a class under its `name`; a decorator."""
        self._classes[cls.name] = cls  # type: ignore[attr-defined, assignment]
        return cls

    def add(self, cls: type[C]) -> None:
        """Adds a class that no file of the folder holds, for this process: one that is made of what a user gives."""
        _ADDED[self.package][cls.name] = cls  # type: ignore[attr-defined]

    def names(self, *, added: bool = True) -> list[str]:
        """Every name, sorted, without importing any of them; `added` says whether those that no file holds are among them."""
        files = {path.stem.replace("_", "-") for path in self._files() if _registers(path, path.stat().st_mtime_ns)}
        return sorted(files | set(_ADDED[self.package]) if added else files)

    def _files(self) -> Iterator[Path]:
        for folder in importlib.import_module(self.package).__path__:
            yield from Path(folder).glob("*.py")

    def _has(self, name: str) -> bool:
        """Whether a file of that name registers a class; only that file is looked at."""
        stem = name.replace("-", "_")
        if "_" in name or not stem.isidentifier():
            return False
        paths = (Path(folder) / f"{stem}.py" for folder in importlib.import_module(self.package).__path__)
        return any(path.is_file() and _registers(path, path.stat().st_mtime_ns) for path in paths)

    def __getitem__(self, name: str) -> type[T]:
        """The class of that name, imported now.

        Raises:
            UsageError: where there is none; the message lists those that exist.
        """
        if name in _ADDED[self.package]:
            return _ADDED[self.package][name]
        if not self._has(name):
            near = difflib.get_close_matches(name, self.names(), n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise UsageError(f"there is no {self.kind} {name!r}; {hint}those that exist: {', '.join(self.names())}")
        importlib.import_module(f"{self.package}.{name.replace('-', '_')}")
        return self._classes[name]

    def all(self) -> dict[str, type[T]]:
        """Every plug-in by name, imported."""
        return {name: self[name] for name in self.names()}


@lru_cache(maxsize=256)
def _registers(path: Path, changed_ns: int) -> bool:
    """Whether a file registers a class; a file that has changed is read again."""
    return REGISTERS.search(path.read_text(encoding="utf-8")) is not None
