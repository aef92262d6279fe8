"""The run folder: what a sweep leaves on disk, and how everything after it reads that.

`manifest.json`; `trials/part-*.parquet`, a row a prediction; `recordings.parquet`; `evidence/`; `index.html`. It is written beside its
place as `NAME.partial`, every file whole or absent, and put in its place as a whole at the end. Loads no torch.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import and_
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq

from robustness.errors import OutputError, RunError

SCHEMA: Final = 1
KIND: Final = "speech-robustness run"
ROWS_A_PART: Final = 200_000

_WORD = pa.dictionary(pa.int32(), pa.string())
TRIALS: Final = pa.schema(
    [
        ("model", _WORD),
        ("variant", _WORD),
        ("recording", _WORD),
        ("label", _WORD),
        ("placement", _WORD),
        ("fill", _WORD),
        ("perturbation", _WORD),
        ("level", pa.float64()),
        ("unit", _WORD),
        ("draw", pa.int32()),
        ("offset_ms", pa.float64()),
        ("predicted", _WORD),
        ("rival", _WORD),
        ("correct", pa.bool_()),
        ("p_label", pa.float32()),
        ("p_predicted", pa.float32()),
        ("margin", pa.float32()),
        ("onset_ms", pa.float64()),
        ("lost_start_ms", pa.float64()),
        ("lost_end_ms", pa.float64()),
        ("achieved_snr_db", pa.float64()),
        ("clipped", pa.bool_()),
    ]
)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """A JSON file, whole or not at all; keys sorted, no NaN."""
    write_text(path, json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """A text file, whole or not at all."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


@dataclass(frozen=True)
class Run:
    """A run folder, to read."""

    path: Path

    @classmethod
    def open(cls, path: Path) -> Run:
        """The run at this path.

        Raises:
            RunError: where it is no run folder, or one of another schema.
        """
        if not is_run(path):
            raise RunError(f"{path} is not a run folder: it has no manifest.json of a {KIND}; make one by `robustness report --out {path}`")
        run = cls(path)
        if run.manifest.get("schema") != SCHEMA:
            raise RunError(f"{path} is a run of schema {run.manifest.get('schema')}, and this version reads schema {SCHEMA}; make it again")
        return run

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What was run, with which settings and versions."""
        content: dict[str, Any] = json.loads((self.path / "manifest.json").read_text(encoding="utf-8"))
        return content

    @property
    def evidence(self) -> Path:
        """The folder of sounds, features, maps and diagnoses of what the page shows."""
        return self.path / "evidence"

    def trials(self, columns: Sequence[str] | None = None, **equals: object) -> pd.DataFrame:
        """Rows of trials, of these columns, where each named column has the value given.

        With several models in the run, `variant` is `model · variant`.
        """
        several = len(self.manifest["models"]) > 1
        wanted = _wanted(columns, several=several)
        dataset = self._dataset()
        table = TRIALS.empty_table().select(wanted) if dataset is None else dataset.to_table(columns=wanted, filter=_where(equals))
        return _frame(table, columns, several=several)

    def batches(self, columns: Sequence[str] | None = None, **equals: object) -> Iterator[pd.DataFrame]:
        """The same rows, a frame for each part on disk, in the order of the recordings: memory does not grow with their number.

        All rows of a recording are in one frame, save those of windows without a word, which are in the last. Parts without such a row
        give no frame.
        """
        several = len(self.manifest["models"]) > 1
        wanted, where = _wanted(columns, several=several), _where(equals)
        for part in self._parts():
            table = pads.dataset(part, schema=TRIALS, format="parquet").to_table(columns=wanted, filter=where)
            if len(table):
                yield _frame(table, columns, several=several)

    def _parts(self) -> list[Path]:
        return sorted((self.path / "trials").glob("part-*.parquet"))

    def _dataset(self) -> pads.Dataset | None:
        parts = self._parts()
        return pads.dataset(parts, schema=TRIALS, format="parquet") if parts else None

    def recordings(self) -> pd.DataFrame:
        """A row a recording: id, word, label, speaker, lengths, speech span, slack, level, hash."""
        frame: pd.DataFrame = pq.read_table(self.path / "recordings.parquet").to_pandas()
        return frame


def _wanted(columns: Sequence[str] | None, *, several: bool) -> list[str]:
    """The columns to read: `variant` of several models needs the model."""
    return TRIALS.names if columns is None else list(dict.fromkeys([*columns, *(["model"] if several else [])]))


def _where(equals: Mapping[str, object]) -> pads.Expression | None:
    terms = [pads.field(name) == value for name, value in equals.items()]
    return reduce(and_, terms) if terms else None


def _frame(table: pa.Table, columns: Sequence[str] | None, *, several: bool) -> pd.DataFrame:
    frame: pd.DataFrame = table.unify_dictionaries().to_pandas()
    if several and "variant" in frame:
        frame["variant"] = (frame["model"].astype(str) + " · " + frame["variant"].astype(str)).astype("category")
    return frame if columns is None else frame[list(columns)]


def is_run(path: Path) -> bool:
    """Whether a folder holds the manifest of a run."""
    try:
        return bool(json.loads((path / "manifest.json").read_text(encoding="utf-8")).get("kind") == KIND)
    except (OSError, ValueError, AttributeError):
        return False


class RunWriter:
    """A run folder in the making, beside the place where it will stand.

    Args:
        out: where the run will stand; what is there already is replaced only if it is a run, as a whole, by `finish`.

    Raises:
        OutputError: where that place is something else, or cannot be written.
    """

    def __init__(self, out: Path) -> None:
        self.out = out = out.resolve()
        if not out.name:
            raise OutputError(f"{out} cannot be a run folder; give --out a folder of its own, such as reports/mine")
        self.path = out.with_name(f"{out.name}.partial")
        self._old = out.with_name(f"{out.name}.replaced")
        self._waiting: list[pa.Table] = []
        self._parts = 0
        if out.exists() and not (is_run(out) or (out.is_dir() and not any(out.iterdir()))):
            raise OutputError(f"{out} exists and is not a run folder; it is left as it is: give another --out, or remove it yourself")
        try:
            for left in (self.path, self._old):
                if left.exists():
                    _remove_run(left)
            (self.path / "trials").mkdir(parents=True)
            (self.path / "evidence").mkdir()
        except OSError as error:
            raise OutputError(f"the folder {self.path} cannot be written ({error.strerror}); give another --out") from error

    def write_manifest(self, manifest: dict[str, Any]) -> None:
        """The manifest, with the mark that this is a run."""
        write_json(self.path / "manifest.json", {"kind": KIND, "schema": SCHEMA, **manifest})

    def write_recordings(self, frame: pd.DataFrame) -> None:
        """The table of recordings."""
        _write_table(self.path / "recordings.parquet", pa.Table.from_pandas(frame, preserve_index=False))

    def add(self, columns: dict[str, pa.Array]) -> None:
        """Rows of trials, a column each; on disk once there are enough for a part."""
        self._waiting.append(pa.Table.from_pydict(columns, schema=TRIALS))
        if sum(map(len, self._waiting)) >= ROWS_A_PART:
            self.flush()

    def flush(self) -> None:
        """What waits, as a part of its own."""
        if self._waiting:
            rows = pa.concat_tables(self._waiting).unify_dictionaries().combine_chunks()
            _write_table(self.path / "trials" / f"part-{self._parts:05d}.parquet", rows)
            self._waiting, self._parts = [], self._parts + 1

    def discard(self) -> None:
        """Removes what was written; the place itself stays as it was."""
        shutil.rmtree(self.path, ignore_errors=True)

    def finish(self) -> Run:
        """Puts the run in its place, as a whole."""
        if self.out.exists():
            self.out.rename(self._old)
        self.path.rename(self.out)
        if self._old.exists():
            shutil.rmtree(self._old)
        return Run.open(self.out)


def _write_table(path: Path, table: pa.Table) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    pq.write_table(table, temporary, compression="zstd")
    temporary.replace(path)


def _remove_run(path: Path) -> None:
    """Removes what an interrupted run left; anything else is refused."""
    if not is_run(path) and any(child.name not in {"trials", "evidence"} for child in path.iterdir()):
        raise OutputError(f"{path} is in the way and is not an interrupted run; move it, or give another --out")
    shutil.rmtree(path)
