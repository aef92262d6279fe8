"""What did a device give for known recordings? A dump, as a table or as arrays.

A CSV has the column `path` and a column of scores for each label, in what the card calls `output`. An NPZ has `outputs`
[clips labels], `ids` if the clips are not those given in their order, and perhaps `features` [clips bands frames] and `samples`
[clips time]. Recordings played under a perturbation have its name and level in the columns, or arrays, `perturbation` and `level`.
A `.log` or `.txt` is what MLPerf Tiny's runner saw on the serial line (uart.py).
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from robustness.audio.manifests import manifest_rows
from robustness.conditions import NONE, Condition
from robustness.errors import UsageError
from robustness.parity.dump import Dump
from robustness.parity.uart import is_log, read_log
from robustness.perturbations.base import PERTURBATIONS


def read_dump(path: Path, labels: Sequence[str]) -> Dump:
    """A dump, checked as far as it can be alone.

    Raises:
        RecordingError: a table cannot be read, or has no column `path` or of the first label.
        UsageError: it cannot be read, a column or an array is missing or of another shape, or a score is no number.
    """
    read = read_log if is_log(path) else _of_arrays if path.suffix.lower() == ".npz" else _of_table
    dump = read(path, labels)
    bad = np.flatnonzero(~np.isfinite(dump.outputs).all(1))
    if len(bad):
        name = dump.ids[bad[0]] if dump.ids else f"clip {bad[0]}"
        raise UsageError(f"--dump {path}: the scores of {name} hold NaN or infinite values; give what the device computed, or leave it out")
    return dump


def _of_table(path: Path, labels: Sequence[str]) -> Dump:
    if path.suffix.lower() != ".csv":
        raise UsageError(f"--dump {path}: expected a .csv, an .npz, or the .log of a serial line")
    rows = manifest_rows(path, labels[0], option="a dump has a column of scores for each label")
    missing = [label for label in labels if rows and label not in rows[0]]
    if missing or not rows:
        what = f"the column {missing[0]!r} is missing" if missing else "it has no row"
        raise UsageError(f"--dump {path}: {what}; expected path and a column of scores for each of {', '.join(labels)}")
    try:
        outputs = [[float(row[label] or "nan") for label in labels] for row in rows]
    except ValueError as error:
        raise UsageError(f"--dump {path}: a score is no number: {error}") from error
    ids = tuple(str(row["path"]).replace("\\", "/") for row in rows)
    under = [(row["perturbation"] or NONE, row["level"] or "") for row in rows] if {"perturbation", "level"} <= set(rows[0]) else None
    return Dump(ids, np.asarray(outputs), conditions=None if under is None else _conditions(path, under))


def _conditions(path: Path, under: Sequence[tuple[str, str]]) -> tuple[Condition, ...]:
    """The conditions of perturbations and levels; a recording as it is has neither."""
    known, found = {NONE, *PERTURBATIONS.names()}, []
    for name, level in under:
        if name not in known:
            raise UsageError(f"--dump {path}: there is no perturbation {name!r}; `robustness list perturbations` shows those that exist")
        try:
            found.append(Condition() if name == NONE else Condition(name, float(level)))
        except ValueError as error:
            raise UsageError(f"--dump {path}: the level of {name} is {level!r}; expected a number") from error
    return tuple(found)


def _of_arrays(path: Path, labels: Sequence[str]) -> Dump:
    try:
        with np.load(path, allow_pickle=False) as file:
            found = {name: file[name] for name in file.files}
    except OSError as error:
        raise UsageError(f"--dump {path} cannot be opened: {error.strerror or error}") from error
    except (ValueError, zipfile.BadZipFile) as error:
        raise UsageError(f"--dump {path} is no .npz of numbers; save it with numpy.savez") from error
    outputs = found.get("outputs")
    if outputs is None or outputs.ndim != 2 or outputs.shape[1] != len(labels):
        shape = "is missing" if outputs is None else f"has the shape {list(outputs.shape)}"
        raise UsageError(f"--dump {path}: `outputs` {shape}; expected [clips labels] for the {len(labels)} labels {', '.join(labels)}")
    wrong = [name for name in ("ids", "features", "samples", "perturbation", "level") if name in found and len(found[name]) != len(outputs)]
    if wrong:
        raise UsageError(f"--dump {path}: `{wrong[0]}` holds {len(found[wrong[0]])} clips and `outputs` {len(outputs)}")
    ids = tuple(map(str, found["ids"].tolist())) if "ids" in found else None
    parts = {name: np.asarray(found[name], np.float64) for name in ("features", "samples") if name in found}
    under = {"perturbation", "level"} <= set(found)
    pairs = [(str(name) or NONE, str(level)) for name, level in zip(found["perturbation"], found["level"], strict=True)] if under else []
    conditions = _conditions(path, pairs) if under else None
    return Dump(ids, np.asarray(outputs, np.float64), parts.get("features"), parts.get("samples"), conditions=conditions)
