"""Which recordings does a table list? A CSV or Parquet file with the columns path, label, and perhaps speaker and split.

Paths are relative to the table's folder and never leave it.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from robustness.errors import RecordingError
from robustness.files import UnreadableError, refuse_endless

PATH: Final = "path"
LARGEST_TABLE: Final = 2**27  # bytes
MOST_ROWS: Final = 1_000_000  # a million recordings of a second are 30 GB
MOST_SHOWN: Final = 12  # names of columns in a message
LONGEST_SHOWN: Final = 40  # characters of each
TABLES: Final = frozenset({".csv", ".parquet", ".pq"})
ManifestRow = dict[str, str]


def is_table(path: Path) -> bool:
    """Whether a file given is a table of recordings, by its name."""
    return path.suffix.lower() in TABLES and path.is_file()


def columns_of(path: Path, path_column: str = PATH) -> list[str]:
    """The columns of a table, the one with the paths as `path`; none where it cannot be read."""
    try:
        refuse_endless(path, LARGEST_TABLE)
        if path.suffix.lower() != ".csv":
            return _with_path(pq.read_schema(path).names, path_column)
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            header = file.readline()
            return _with_path(_names(next(csv.reader([header], delimiter=_separator(header), skipinitialspace=True), [])), path_column)
    except (OSError, UnreadableError, pa.ArrowException, csv.Error):
        return []


def _with_path(columns: Sequence[str], path_column: str) -> list[str]:
    return [PATH if name == path_column else name for name in columns if path_column == PATH or name != PATH]


def manifest_rows(
    path: Path, column: str, option: str = "--label-column names the one with the words", path_column: str = PATH
) -> list[ManifestRow]:
    """The rows of a table as text, an empty one where there is nothing; the path of each is under `path`.

    Args:
        path: the table.
        column: what it must have beside the path.
        option: what the user can do where it has not.
        path_column: the column that holds the paths.

    Raises:
        RecordingError: it cannot be read, has too many rows, or a column is missing.
    """
    expected = f"expected {'a CSV' if path.suffix.lower() == '.csv' else 'a Parquet file'} with the columns {path_column},{column}"
    try:
        refuse_endless(path, LARGEST_TABLE)
        rows, columns = _csv(path) if path.suffix.lower() == ".csv" else _parquet(path, (path_column, column))
    except OSError as error:
        raise RecordingError(f"{path} cannot be opened: {error.strerror or error}; {expected}") from error
    except UnreadableError as error:
        raise RecordingError(f"{path} cannot be read: {error}; {expected}") from error
    except UnicodeDecodeError as error:
        remedy = "save it as UTF-8, as by `iconv -f UTF-16 -t UTF-8`"
        raise RecordingError(f"{path} is no CSV in UTF-8: {error}; {remedy}; {expected}") from error
    except (csv.Error, pa.ArrowException) as error:
        kind = "CSV in UTF-8" if path.suffix.lower() == ".csv" else "Parquet file"
        raise RecordingError(f"{path} is no {kind}: {error}; {expected}") from error
    _check_columns(path, columns, {path_column: "--path-column names the one with the paths", column: option})
    return [{**row, PATH: row[path_column]} for row in rows] if path_column != PATH else rows


def _check_columns(path: Path, columns: Sequence[str], options: dict[str, str]) -> None:
    """Raises RecordingError where a column is twice there or absent, with what the user can do about each."""
    twice = [name for name in options if columns.count(name) > 1]
    if twice:
        raise RecordingError(f"{path} has the column {twice[0]!r} twice; rename one")
    absent = [name for name in options if name not in columns]
    if absent:
        remedies = "; ".join(options[name] for name in absent)
        raise RecordingError(f"{path} has no column {' and no '.join(map(repr, absent))}; it has {_columns_said(columns)}; {remedies}")


def _columns_said(columns: Sequence[str]) -> str:
    shown = ", ".join(name[:LONGEST_SHOWN] for name in columns[:MOST_SHOWN]) or "none"
    return shown + (f" and {len(columns) - MOST_SHOWN} more" if len(columns) > MOST_SHOWN else "")


def _csv(path: Path) -> tuple[list[ManifestRow], list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        separator = _separator(file.readline())
        file.seek(0)
        reader = csv.DictReader(file, delimiter=separator, skipinitialspace=True)
        reader.fieldnames = _names(reader.fieldnames or [])
        rows = list(islice(reader, MOST_ROWS + 1))
        _refuse_rows(len(rows))
        return rows, list(reader.fieldnames)


def _refuse_rows(count: int) -> None:
    if count > MOST_ROWS:
        raise UnreadableError(f"it has more than {MOST_ROWS:,} rows")


def _separator(header: str) -> str:
    """A comma, or what a spreadsheet writes instead where the first line has no comma."""
    return next((mark for mark in (",", ";", "\t") if mark in header), ",")


def _names(columns: Sequence[str]) -> list[str]:
    return [name.strip() for name in columns]


def _check_types(path: Path, schema: pa.Schema, wanted: Sequence[str]) -> None:
    """Refuses a Parquet file whose columns could be read in more than one way."""
    for name in wanted:
        for held in (schema.field(place).type for place in schema.get_all_field_indices(name)):
            kind = held.value_type if pa.types.is_dictionary(held) else held
            if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_integer(kind) or pa.types.is_null(kind)):
                raise RecordingError(f"{path}: the column {name!r} holds {kind}; expected text or integers")


def _parquet(path: Path, wanted: Sequence[str]) -> tuple[list[ManifestRow], list[str]]:
    with pq.ParquetFile(path) as file:
        names = list(file.schema_arrow.names)
        if len(set(names)) < len(names):
            return [], names
        _refuse_rows(file.metadata.num_rows)
        _check_types(path, file.schema_arrow, wanted)
        table = file.read()
    return [{name: "" if value is None else str(value) for name, value in row.items()} for row in table.to_pylist()], table.column_names


def listed(path: Path, column: str, path_column: str = PATH) -> Iterator[str]:
    """The recordings of a table, as paths below its folder with `/`, in its order.

    Raises:
        RecordingError: a path is empty, leaves the folder or is listed twice, or there is none.
    """
    lines: dict[str, int] = {}
    for line, row in enumerate(manifest_rows(path, column, path_column=path_column), start=2):
        name = inside(path, line, row)
        if lines.setdefault(name, line) != line:
            raise RecordingError(f"{path}, lines {lines[name]} and {line}: {name} is listed twice; a recording counts once")
        yield name
    if not lines:
        raise RecordingError(f"{path} lists no recording; give it a row for each, with the columns {path_column},{column}")


def slashed(name: str) -> str:
    r"""A path with `/`, also where a table was written with `\\`."""
    return name if os.sep == "\\" else name.replace("\\", "/")


def inside(path: Path, line: int, row: ManifestRow, others: Sequence[Path] = ()) -> str:
    """The path in a row of a table, without detours.

    Args:
        path: the table.
        line: of the row.
        row: the row.
        others: folders in which a path may lie though it leaves the table's own.

    Raises:
        RecordingError: it is empty, no path, or leaves the folder.
    """
    name = slashed((row[PATH] or "").strip())
    if not name:
        raise RecordingError(f"{path}, line {line}: the {PATH} is empty; every row names a file")
    normal = os.path.normpath(name)
    if normal == os.curdir:
        raise RecordingError(f"{path}, line {line}: {name} is the table's own folder; every row names a file")
    leaves = Path(normal).is_absolute() or Path(normal).parts[0] == os.pardir
    if leaves and not any((path.parent / normal).resolve().is_relative_to(root.resolve()) for root in (path.parent, *others)):
        raise RecordingError(
            f"{path}, line {line}: {name} leaves the folder {path.parent}; paths are relative to the table's folder and stay in it: "
            f"move the table above the recordings"
        )
    return normal
