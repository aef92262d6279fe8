"""The run folder: what a sweep leaves on disk, and how everything after it reads that.

`manifest.json`; `trials/part-*.parquet`, a row a prediction; `heard/part-*.parquet`, a mark of what was heard of each recording under each
condition; `recordings.parquet`; `request.json`, what decides all of it; `evidence/`; `index.html`. It is written beside its place as
`NAME.partial`, every file whole or absent, and put in its place as a
whole at the end; what is there of one that was killed can be resumed. Loads no torch.
"""

from __future__ import annotations

import hashlib
import importlib
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
import pyarrow.compute as pc
import pyarrow.dataset as pads
import pyarrow.parquet as pq

from robustness.errors import OutputError, RunError
from robustness.run.atomic import whole, write_json, write_table, write_text
from robustness.run.blocks import WaitingRows, part_bytes
from robustness.run.damage import again
from robustness.run.lock import FolderLock
from robustness.run.resume import go_on, is_run, refuse_other, remove_left
from robustness.run.schema import (
    EARLIER,
    HEARD,
    KIND,
    PROGRESS,
    READABLE,
    RECORDINGS,
    REQUEST,
    SCHEMA,
    SHARDS,
    TRIALS,
    UNFINISHED,
    part_name,
)

__all__ = ["TRIALS", "Run", "RunWriter", "is_run", "write_json", "write_text"]

_READ: Final = pa.schema([*TRIALS, *(pa.field(old, TRIALS.field(new).type) for new, old in EARLIER.items())])


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
            shards = (path / SHARDS).is_dir()
            how = f"merge its shards by `robustness merge {path} --out RUN`" if shards else f"make one by `robustness report --out {path}`"
            raise RunError(f"{path} is not a run folder: it has no manifest.json of a {KIND}; {how}")
        run = cls(path)
        if run.schema not in READABLE:
            known = " and ".join(map(str, READABLE))
            raise RunError(
                f"{path} is a run of schema {run.schema}, and this version reads {known}; make it again with `{again(run.manifest)}`"
            )
        return run

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What was run, with which settings and versions."""
        content: dict[str, Any] = json.loads((self.path / "manifest.json").read_text(encoding="utf-8"))
        return content

    @property
    def schema(self) -> int:
        """The version of what its trials hold."""
        found: int = self.manifest.get("schema", 0)
        return found

    @property
    def evidence(self) -> Path:
        """The folder of sounds, features, maps and diagnoses of what the page shows."""
        return self.path / "evidence"

    def _repr_html_(self) -> str:
        """The first screen of its page, for a notebook."""
        drawn: str = importlib.import_module("robustness.report.first_screen").first_screen(self)  # only a notebook asks for it
        return drawn

    def trials(self, columns: Sequence[str] | None = None, **equals: object) -> pd.DataFrame:
        """Rows of trials, of these columns, where each named column has the value given.

        With several models in the run, `variant` is `model · variant`.
        """
        several = len(self.manifest["models"]) > 1
        wanted = _wanted(columns, several=several)
        dataset = self._dataset()
        table = (
            TRIALS.empty_table().select(wanted) if dataset is None else dataset.to_table(columns=_columns(wanted), filter=_where(equals))
        )
        return _frame(table, columns, several=several)

    def batches(self, columns: Sequence[str] | None = None, **equals: object) -> Iterator[pd.DataFrame]:
        """The same rows, a frame for each part on disk, in the order of the recordings: memory does not grow with their number.

        All rows of a recording are in one frame, save those of windows without a word, which are in the last. Parts without such a row
        give no frame.
        """
        several = len(self.manifest["models"]) > 1
        wanted, where = _wanted(columns, several=several), _where(equals)
        for part in self._parts():
            table = pads.dataset(part, schema=_READ, format="parquet").to_table(columns=_columns(wanted), filter=where)
            if len(table):
                yield _frame(table, columns, several=several)

    def heard(self, conditions: Sequence[str]) -> pd.DataFrame | None:
        """A row for each recording under each of these conditions: `condition`, `recording`, `mark`; None in a run without marks."""
        parts = sorted((self.path / "heard").glob("part-*.parquet"))
        if not parts:
            return None
        table = pads.dataset(parts, schema=HEARD, format="parquet").to_table(filter=pads.field("condition").isin(list(conditions)))
        frame: pd.DataFrame = table.unify_dictionaries().to_pandas()
        return frame

    def _parts(self) -> list[Path]:
        return sorted((self.path / "trials").glob("part-*.parquet"))

    def _dataset(self) -> pads.Dataset | None:
        parts = self._parts()
        return pads.dataset(parts, schema=_READ, format="parquet") if parts else None

    def recordings(self) -> pd.DataFrame:
        """A row a recording: id, word, label, speaker, lengths, speech span, slack, level, hash."""
        frame: pd.DataFrame = pq.read_table(self.path / RECORDINGS).to_pandas()
        return frame


def _wanted(columns: Sequence[str] | None, *, several: bool) -> list[str]:
    """The columns to read: `variant` of several models needs the model."""
    return TRIALS.names if columns is None else list(dict.fromkeys([*columns, *(["model"] if several else [])]))


def _columns(wanted: list[str]) -> dict[str, pads.Expression]:
    """Each column, also of a run that has it under an earlier name."""
    found = {name: pads.field(name) for name in wanted}
    return {name: pc.coalesce(one, pads.field(EARLIER[name])) if name in EARLIER else one for name, one in found.items()}


def _where(equals: Mapping[str, object]) -> pads.Expression | None:
    terms = [pads.field(name) == value for name, value in equals.items()]
    return reduce(and_, terms) if terms else None


def _frame(table: pa.Table, columns: Sequence[str] | None, *, several: bool) -> pd.DataFrame:
    frame: pd.DataFrame = table.unify_dictionaries().to_pandas()
    if several and "variant" in frame:
        frame["variant"] = (frame["model"].astype(str) + " · " + frame["variant"].astype(str)).astype("category")
    return frame if columns is None else frame[list(columns)]


class RunWriter(WaitingRows):
    """A run folder in the making, beside the place where it will stand.

    Args:
        out: where the run will stand; what is there already is replaced only if it is a run, as a whole, by `finish`.
        resume: keep what an interrupted run left, to go on from there; `begin` says from where.

    Attributes:
        path: where the run is written.
        blocks: those that are on disk as a whole, from which a later process can go on, with the digests of their parts.
        cpu: the kind of processor, for the record of each block.

    Raises:
        OutputError: where that place is something else, cannot be written, or is being written by another process.
    """

    def __init__(self, out: Path, *, resume: bool = False) -> None:
        super().__init__()
        self.out = out = out.resolve()
        if not out.name:
            raise OutputError(f"{out} cannot be a run folder; give --out a folder of its own, such as reports/mine")
        self.path = out.with_name(f"{out.name}.partial")
        self._old = out.with_name(f"{out.name}.replaced")
        self.blocks: dict[str, dict[str, str]] = {}
        self.cpu = ""
        self._resume = resume
        self._lock = FolderLock(out)
        self._lock.acquire()
        try:
            self._claim()
        except BaseException:
            self._lock.release()
            raise

    def _claim(self) -> None:
        """The place, looked at and made ready."""
        out = self.out
        if out.exists() and not (is_run(out) or (out.is_dir() and not any(out.iterdir()))):
            raise OutputError(f"{out} exists and is not a run folder; it is left as it is: give another --out, or remove it yourself")
        try:
            for left in (self._old,) if self._resumes else (self.path, self._old):
                if left.exists():
                    remove_left(left)
            if not self._resumes and not self.is_finished:
                self._make()
        except OSError as error:
            raise OutputError(f"the folder {self.path} cannot be written ({error.strerror}); give another --out") from error

    @property
    def _resumes(self) -> bool:
        return self._resume and (self.path / REQUEST).exists()

    @property
    def is_finished(self) -> bool:
        """Whether this is to be resumed and is there already, as a whole."""
        return self._resume and not self.path.exists() and (self.out / REQUEST).exists()

    def _make(self) -> None:
        for name in ("trials", "heard", "evidence"):
            (self.path / name).mkdir(parents=True)

    def begin(self, request: Mapping[str, Any], recordings: pd.DataFrame) -> dict[str, Any] | None:
        """Writes down what the run is of; where it goes on with another, the state that was given with the last part that is whole.

        Args:
            request: all that decides what is written, in plain values.
            recordings: a row a recording.

        Raises:
            RunError: where the run to go on with was of another request or of other recordings.
        """
        request = {"schema": SCHEMA, **request}  # rows of another version are no rows of this run
        left = self.path if self._resumes else self.out if self.is_finished else None
        if left is None:
            self._begin(request, recordings)
            return None
        refuse_other(left, request, recordings)
        if self.is_finished:
            return None
        reached = go_on(self.path)
        self.blocks = dict(reached.blocks)
        return reached.state

    def _begin(self, request: Mapping[str, Any], recordings: pd.DataFrame) -> None:
        try:
            self.write_recordings(recordings)
            write_json(self.path / REQUEST, dict(request))
        except OutputError:
            self.discard()
            raise

    def write_recordings(self, frame: pd.DataFrame) -> None:
        """The table of recordings."""
        write_table(self.path / RECORDINGS, pa.Table.from_pandas(frame, preserve_index=False))

    def write_manifest(self, manifest: dict[str, Any]) -> None:
        """The manifest, with the mark that this is a run."""
        write_json(self.path / "manifest.json", {"kind": KIND, "schema": SCHEMA, **manifest})

    def seal(self, block: str, state: Mapping[str, Any]) -> None:
        """What waits becomes the part of a block; from there a later process can go on.

        Args:
            block: its name: the same rows have the same name whenever and wherever they are computed.
            state: what that process needs to know.
        """
        self.blocks[block] = {**self._write_part(block), "cpu": self.cpu}
        write_json(self.path / PROGRESS, {"blocks": self.blocks, "state": dict(state)})

    def flush(self) -> None:
        """What waits, as a part of its own; not sealed, it is there to be read and is made anew by a run that goes on."""
        self._write_part(UNFINISHED)

    def _write_part(self, block: str) -> dict[str, str]:
        """Writes what waits; the SHA-256 of each part by its folder."""
        return {folder: self.put(f"{folder}/{part_name(block)}", part_bytes(table)) for folder, table in self.taken().items()}

    def put(self, name: str, content: bytes) -> str:
        """Writes a file of the run, whole or not at all; its SHA-256."""
        with whole(self.path / name) as temporary:
            temporary.write_bytes(content)
        return hashlib.sha256(content).hexdigest()

    def discard(self) -> None:
        """Removes what was written; the place itself stays as it was."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.release()

    def release(self) -> None:
        """Lets another process write here; what is written stays."""
        self._lock.release()

    def finish(self) -> Run:
        """Puts the run in its place, as a whole."""
        if self.path.exists():
            if self.out.exists():
                self.out.rename(self._old)
            self.path.rename(self.out)
        if self._old.exists():
            shutil.rmtree(self._old)
        (self.out / PROGRESS).unlink(missing_ok=True)
        self.release()
        return Run.open(self.out)
