"""Where do shards lie? In a folder, or under an address that fsspec knows, such as s3://bucket/run; here both are one kind of place.

A name is a path within it, with slashes. Loads no torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from robustness.errors import OutputError, RunError, UsageError
from robustness.run.atomic import whole


class Store(Protocol):
    """A place of named files."""

    def read(self, name: str) -> bytes:
        """The bytes of a file.

        Raises:
            RunError: it is not there, or cannot be read.
        """

    def write(self, name: str, content: bytes) -> None:
        """Writes a file; one that is there is replaced.

        Raises:
            OutputError: the place cannot be written.
        """

    def names(self, folder: str) -> list[str]:
        """The names of the files directly in one of its folders, sorted; empty if there is none.

        Raises:
            RunError: the place cannot be read.
        """


@dataclass(frozen=True)
class Folder:
    """A folder of this file system; files are written whole or not at all."""

    path: Path

    def read(self, name: str) -> bytes:
        """The bytes of a file."""
        try:
            return (self.path / name).read_bytes()
        except OSError as error:
            raise RunError(f"{self.path / name} cannot be read ({error.strerror}); compute its shard again") from error

    def write(self, name: str, content: bytes) -> None:
        """Writes a file."""
        place = self.path / name
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"the folder {place.parent} cannot be written ({error.strerror}); give another --out") from error
        with whole(place) as temporary:
            temporary.write_bytes(content)

    def names(self, folder: str) -> list[str]:
        """The names of the files in a folder."""
        try:
            return sorted(f"{folder}/{path.name}" for path in (self.path / folder).iterdir() if not path.name.startswith("."))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise RunError(f"{self.path / folder} cannot be read ({error.strerror}); give the folder of a shard") from error

    def __str__(self) -> str:
        return str(self.path)


@dataclass(frozen=True)
class Bucket:
    """A place that fsspec knows; `files` is its file system, `root` the place in it."""

    address: str
    files: Any
    root: str

    def read(self, name: str) -> bytes:
        """The bytes of a file."""
        with self._said(RunError, f"{self.address}/{name} cannot be read", "compute its shard again"):
            content: bytes = self.files.cat_file(self._place(name))
            return content

    def write(self, name: str, content: bytes) -> None:
        """Writes a file."""
        with self._said(OutputError, f"{self.address}/{name} cannot be written", "give another --out, or see to your rights there"):
            self.files.makedirs(self._place(name).rpartition("/")[0], exist_ok=True)
            self.files.pipe_file(self._place(name), content)

    def names(self, folder: str) -> list[str]:
        """The names of the files in a folder."""
        self.files.invalidate_cache()  # other machines write there too
        with self._said(RunError, f"{self.address}/{folder} cannot be read", "give the address of a shard"):
            try:
                found = self.files.ls(self._place(folder), detail=False)
            except FileNotFoundError:
                return []
            return sorted(f"{folder}/{str(path).rstrip('/').rpartition('/')[2]}" for path in found)

    def _place(self, name: str) -> str:
        return f"{self.root.rstrip('/')}/{name}"

    @contextmanager
    def _said(self, kind: type[RunError | OutputError], what: str, to_do: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # each back end fails in errors of its own
            raise kind(f"{what} ({type(error).__name__}: {error}); {to_do}") from error

    def __str__(self) -> str:
        return self.address


def store_of(address: str) -> Store:
    """The place at an address: with :// it is fsspec's, else a folder.

    Raises:
        UsageError: fsspec or the back end of that address is not installed, or there is none.
    """
    if "://" not in address:
        return Folder(Path(address))
    try:
        from fsspec.core import url_to_fs  # an extra

        files, root = url_to_fs(address)
    except ImportError as error:
        raise UsageError(
            f"{address} needs a package that is not installed ({error}); install speech-robustness[bucket] and the back end"
        ) from error
    except ValueError as error:
        raise UsageError(f"{address} is no address that fsspec knows ({error}); give a folder, or one such as s3://bucket/run") from error
    return Bucket(address.rstrip("/"), files, str(root))
