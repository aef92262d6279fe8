"""What a first look at a file told, kept so that no other shard need decode it. Loads no torch.

A look is taken again where the file has another length, or is wanted in another way. One that has changed otherwise is noticed when its
samples are read, by its digest.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from robustness.errors import RunError


class Doubt(NamedTuple):
    """Something doubtful about a recording: of what kind, and how the recording is named there."""

    kind: str
    name: str


class FirstLook(NamedTuple):
    """What decoding a file told.

    Attributes:
        id: of the file.
        size: in bytes.
        sha256: of its bytes; empty where it cannot be used.
        reason: why it cannot be used; empty where it can.
        changes: what was done to its samples.
        doubts: what is doubtful about it.
        measures: what was measured, in the order of whoever measured.
    """

    id: str
    size: int
    sha256: str = ""
    reason: str = ""
    changes: tuple[str, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    measures: tuple[float, ...] = ()


LookSettings = Mapping[str, Any]  # all that decides what a look tells, but the file
WAITING: Final = 10_000  # looks that an interrupt may lose: a minute of them or two


class KeptLooks(Protocol):
    """Where looks are kept."""

    def looks(self, settings: LookSettings) -> dict[tuple[str, int], FirstLook]:
        """Those that were taken in this way, by the id of the file and its size."""

    def add_looks(self, settings: LookSettings, new: Iterable[FirstLook]) -> None:
        """Keeps more of them."""


class LookBook:
    """The looks that are known, and those that are new.

    Args:
        kept: where they are kept; None keeps none.
        settings: all that decides what they tell, but the files.
    """

    def __init__(self, kept: KeptLooks | None = None, settings: LookSettings = MappingProxyType({})) -> None:
        self._kept, self._settings = kept, settings
        self._known = {} if kept is None else kept.looks(settings)
        self._new: list[FirstLook] = []

    def known(self, name: str, size: int) -> FirstLook | None:
        """What is known of a file of this id, if it has as many bytes as it had."""
        return self._known.get((name, size))

    def add(self, look: FirstLook) -> None:
        """Keeps a look, soon."""
        if self._kept is not None and self._known.get((look.id, look.size)) != look:
            self._new.append(look)
        if len(self._new) >= WAITING:
            self.flush()

    def flush(self) -> None:
        """Keeps what waits."""
        if self._kept is not None and self._new:
            self._kept.add_looks(self._settings, self._new)
            self._new.clear()


SETTINGS: Final = b"settings"
_DOUBT: Final = pa.struct([("kind", pa.string()), ("name", pa.string())])
_LOOKS: Final = pa.schema(
    [
        ("id", pa.string()),
        ("size", pa.int64()),
        ("sha256", pa.string()),
        ("reason", pa.string()),
        ("changes", pa.list_(pa.string())),
        ("doubts", pa.list_(_DOUBT)),
        ("measures", pa.list_(pa.float64())),
    ]
)


def looks_bytes(settings: LookSettings, looks: Iterable[FirstLook]) -> bytes:
    """The file of some looks: the same looks are the same bytes."""
    rows = [{**one._asdict(), "doubts": [doubt._asdict() for doubt in one.doubts]} for one in looks]
    table = pa.Table.from_pylist(rows, schema=_LOOKS.with_metadata({SETTINGS: _plain(settings)}))
    target = io.BytesIO()
    pq.write_table(table, target, compression="zstd")
    return target.getvalue()


def read_looks(name: str, content: bytes, settings: LookSettings) -> list[FirstLook]:
    """The looks of a file; none where they were taken in another way.

    Raises:
        RunError: the file is damaged.
    """
    try:
        table = pq.read_table(io.BytesIO(content))
        if (table.schema.metadata or {}).get(SETTINGS) != _plain(settings):
            return []
        rows = table.cast(_LOOKS).to_pylist()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise RunError(f"{name} is no table of looks that can be read ({error}); remove it, and its files are looked at again") from error
    return [_look(row) for row in rows]


def _look(row: Mapping[str, Any]) -> FirstLook:
    doubts = tuple(Doubt(**doubt) for doubt in row["doubts"])
    return FirstLook(**{**row, "doubts": doubts, "changes": tuple(row["changes"]), "measures": tuple(row["measures"])})


def _plain(settings: LookSettings) -> bytes:
    return json.dumps(settings, sort_keys=True).encode()
