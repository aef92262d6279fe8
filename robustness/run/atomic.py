"""How is a file written? Whole or not at all; and a disk that is full is said in a sentence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from robustness.errors import OutputError


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A place beside `path` to write to, which becomes `path` when the block ends, and is removed where the block fails.

    Raises:
        OutputError: where the disk is full or the place cannot be written; what stood at `path` is as it was.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):
            raise OutputError(f"{path} cannot be written ({error.strerror or error})") from error
        raise


@contextmanager
def said_when_full(path: Path) -> Iterator[None]:
    """What else is written within it fails in a sentence too.

    Raises:
        OutputError: where the disk is full or the place cannot be written.
    """
    try:
        yield
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error.strerror or error})") from error


def write_json(path: Path, content: dict[str, Any]) -> None:
    """A JSON file, whole or not at all; keys sorted, no NaN."""
    with whole(path) as temporary, temporary.open("w", encoding="utf-8") as file:  # piece by piece: it may be large
        json.dump(content, file, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
        file.write("\n")


def write_text(path: Path, text: str) -> None:
    """A text file, whole or not at all."""
    with whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_table(path: Path, table: pa.Table) -> None:
    """A Parquet file, whole or not at all."""
    with whole(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")
