"""Is a file of a run folder as a run wrote it? What is not is told in one sentence: which file, what is wrong, how to make the run again.

Links are not followed out of the folder. Loads no torch.
"""

from __future__ import annotations

import struct
import wave
import zipfile
import zlib
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from robustness.errors import RunError
from robustness.files import UnreadableError, json_of

MANIFEST: Final = "manifest.json"
ANY: Final = "robustness report --model CARD --recordings FOLDER --out RUN"
SHORT: Final = 120  # characters of what a library says
UNREADABLE: Final = (  # what the libraries raise on bytes that are not what they should be
    OSError, ValueError, EOFError, KeyError, RuntimeError, MemoryError, OverflowError, struct.error, zlib.error,
    pa.ArrowException, zipfile.BadZipFile, wave.Error,
)  # fmt: skip
T = TypeVar("T")


def again(manifest: Mapping[str, Any]) -> str:
    """The command that makes a run again, as its manifest has it."""
    repeat = manifest.get("repeat")
    return repeat if isinstance(repeat, str) and repeat.startswith("robustness ") else ANY


def damaged(folder: Path, name: str, what: str) -> RunError:
    """The error that a file of a run folder, or the lack of it, is.

    Args:
        folder: the run's.
        name: of the file in it.
        what: is wrong with it.
    """
    try:
        command = again(json_of(folder / MANIFEST))
    except (UnreadableError, AttributeError):
        command = ANY
    return RunError(f"the run {folder} is damaged: {name} {what}; make it again with `{command}`")


def inside(folder: Path, name: str) -> Path:
    """A file of a run folder.

    Raises:
        RunError: where there is none, or its name or a link leads out of the folder.
    """
    path = folder / name
    try:
        found = path.resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as error:
        raise damaged(folder, name, "is not there") from error
    if not found.is_relative_to(folder.resolve()):
        raise damaged(folder, name, "leads out of the run folder")
    if not found.is_file():
        raise damaged(folder, name, "is not a file")
    return path


@contextmanager
def said_when_damaged(folder: Path, name: str) -> Iterator[Path]:
    """The file of a run folder to read, what goes wrong told as damage.

    Raises:
        RunError: where the file is not there or cannot be read.
    """
    path = inside(folder, name)
    try:
        yield path
    except ValidationError as error:
        raise damaged(folder, name, f"is not as it was written ({_first(error)})") from error
    except UNREADABLE as error:
        raise damaged(folder, name, f"cannot be read ({' '.join(str(error).split())[:SHORT] or type(error).__name__})") from error


def _first(error: ValidationError) -> str:
    """The first thing that is wrong, and where."""
    found = error.errors()[0]
    where = ".".join(str(part) for part in found["loc"])
    return f"{where}: {found['msg']}" if where else str(found["msg"])


@cache
def adapter(kind: Any) -> TypeAdapter[Any]:
    """What checks, reads and writes a record of this kind."""
    return TypeAdapter(kind)


def read_record(folder: Path, name: str, kind: type[T]) -> T:
    """A JSON file of a run folder as a dataclass.

    Raises:
        RunError: where it is damaged.
    """
    with said_when_damaged(folder, name) as path:
        found: T = adapter(cast(Hashable, kind)).validate_json(path.read_bytes(), strict=True)
    return found


def plain(kind: type[T], record: T) -> dict[str, Any]:
    """A dataclass in plain values, for `write_json`."""
    found: dict[str, Any] = adapter(cast(Hashable, kind)).dump_python(record, mode="json")
    return found


def read_table(folder: Path, name: str) -> pa.Table:
    """A Parquet file of a run folder.

    Raises:
        RunError: where it is damaged.
    """
    with said_when_damaged(folder, name) as path:
        return pq.read_table(path)


def read_arrays(folder: Path, name: str) -> dict[str, NDArray[np.float32]]:
    """The arrays of an .npz file of a run folder.

    Raises:
        RunError: where it is damaged, or an array in it holds no finite numbers.
    """
    with said_when_damaged(folder, name) as path, path.open("rb") as file, np.load(file, allow_pickle=False) as content:
        arrays = {key: content[key] for key in content.files}
    for key, array in arrays.items():
        if array.dtype.kind != "f" or not np.isfinite(array).all():
            raise damaged(folder, name, f"holds something else than numbers in {key}")
    return arrays


def read_sound(folder: Path, name: str) -> tuple[int, NDArray[np.float64]]:
    """The rate in Hz and the samples [time] of a 16-bit sound of a run folder, full scale ±1.

    Raises:
        RunError: where it is damaged.
    """
    with said_when_damaged(folder, name) as path, wave.open(str(path), "rb") as file:
        rate_hz, frames = file.getframerate(), file.getnframes()
        samples = np.frombuffer(file.readframes(frames), "<i2").astype(np.float64) / 32768
        if len(samples) != frames or not frames or not rate_hz:
            raise ValueError(f"{frames} samples are announced and {len(samples)} are there")
    return rate_hz, samples
