"""What was found of failing recordings so far: kept in the run's folder while others are explained, by this process or by other ones.

What an interrupt leaves is not explained again, and the failing recordings of a large run can be divided among machines.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from robustness.errors import RunError
from robustness.explanations.explained_table import ExplainedRow
from robustness.run.atomic import whole

FOLDER: Final = "explained"  # in the run's evidence, until all is explained
WAITING: Final = 32  # recordings that an interrupt of the machine may lose
SETTINGS: Final = b"settings"
TYPES: Final = {"str": pa.string(), "int": pa.int64(), "float": pa.float64(), "Mapping[str, float]": pa.map_(pa.string(), pa.float64())}
ROWS: Final = pa.schema([(each.name, TYPES[str(each.type).removesuffix(" | None")]) for each in fields(ExplainedRow)])


class ExplainedParts:
    """The rows of failing recordings that are known.

    Args:
        evidence: the folder of the run's evidence.
        settings: all that decides the rows but the run's trials; what was found with others is not used.

    Raises:
        RunError: a part is damaged.
    """

    def __init__(self, evidence: Path, settings: Mapping[str, Any]) -> None:
        self._folder, self._settings = evidence / FOLDER, json.dumps(settings, sort_keys=True).encode()
        self._known: dict[str, list[ExplainedRow]] = {}
        self._new: list[ExplainedRow] = []
        for path in sorted(self._folder.glob("*.parquet")):
            found: dict[str, list[ExplainedRow]] = {}
            for row in self._read(path):
                found.setdefault(row.recording, []).append(row)
            self._known |= found  # what two shares explained is there once

    def of(self, recording: str) -> list[ExplainedRow] | None:
        """The rows of a failing recording; None where they are not known."""
        return self._known.get(recording)

    def add(self, rows: Sequence[ExplainedRow]) -> None:
        """Keeps the rows of one recording, soon."""
        self._new += rows
        if len({row.recording for row in self._new}) >= WAITING:
            self.flush()

    def flush(self) -> None:
        """Keeps what waits."""
        if not self._new:
            return
        table = pa.Table.from_pylist([{**vars(row), "measured": list(row.measured.items())} for row in self._new], ROWS)
        target = io.BytesIO()
        pq.write_table(table.replace_schema_metadata({SETTINGS: self._settings}), target, compression="zstd")
        self._folder.mkdir(parents=True, exist_ok=True)
        with whole(self._folder / f"{hashlib.sha256(target.getvalue()).hexdigest()[:16]}.parquet") as temporary:
            temporary.write_bytes(target.getvalue())
        self._new.clear()

    def remove(self) -> None:
        """Takes the parts away: all of it is in the table."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _read(self, path: Path) -> list[ExplainedRow]:
        try:
            table = pq.read_table(path)
            if (table.schema.metadata or {}).get(SETTINGS) != self._settings:
                return []
            return [ExplainedRow(**{**row, "measured": dict(row["measured"])}) for row in table.cast(ROWS).to_pylist()]
        except (pa.ArrowException, OSError, ValueError) as error:
            raise RunError(f"{path} cannot be read ({error}); remove it, and its recordings are explained again") from error
