"""May an interrupted run be resumed? Only where everything is as it was when it began; what differs is named. Loads no torch."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from robustness.errors import OutputError, RunError
from robustness.files import UnreadableError, json_of
from robustness.run.schema import KIND, PROGRESS, RECORDINGS, REQUEST, part_name

COMPARED: Final = {
    "sha256": "have other sound",
    "word": "have another word",
    "label": "have another label",
    "speaker": "have another speaker",
}
NAMED: Final = 3
SHORT: Final = 60  # characters of a value that is shown as it is


def is_run(path: Path) -> bool:
    """Whether a folder holds the manifest of a run."""
    try:
        return bool(json_of(path / "manifest.json").get("kind") == KIND)
    except (UnreadableError, AttributeError):
        return False


def remove_left(path: Path) -> None:
    """Removes what an interrupted run left; anything else is refused, and links are not followed."""
    if path.is_symlink() or not (is_run(path) or _barely_begun(path)):
        raise OutputError(f"{path} is in the way and is not an interrupted run; move it, or give another --out")
    shutil.rmtree(path)


def _barely_begun(path: Path) -> bool:
    """Whether a folder is as a run leaves it that was killed before its manifest was written: its tables at the most."""
    files = {file.relative_to(path).as_posix() for file in path.rglob("*") if not file.is_dir() or file.is_symlink()}
    return all(file in {RECORDINGS, REQUEST} or (file.startswith(".") and file.endswith(".tmp")) for file in files)


class Reached(NamedTuple):
    """How far an interrupted run came.

    Attributes:
        blocks: those that are known to be whole, with the digests of their parts.
        state: what was given with the last of them; None before the first.
    """

    blocks: dict[str, dict[str, str]]
    state: dict[str, Any] | None


def refuse_other(left: Path, request: Mapping[str, Any], recordings: pd.DataFrame) -> None:
    """Refuses to go on with a run of something else.

    Args:
        left: the run's folder.
        request: what is asked for now.
        recordings: the table of those there are now.

    Raises:
        RunError: naming what differs.
    """
    try:
        before, listed = json_of(left / REQUEST), pq.read_table(left / RECORDINGS).to_pandas()
        unlike = [*differences(before, request), *other_recordings(listed, recordings)]
    except (UnreadableError, OSError, KeyError, pa.ArrowException) as error:
        raise RunError(f"{left} is damaged ({error}), and cannot be resumed; leave out --resume to start anew") from error
    if unlike:
        raise RunError(
            f"{left} was started with other settings, and cannot be resumed: {'; '.join(unlike)}; give those it was started with, "
            f"or leave out --resume to start anew"
        )


def go_on(folder: Path) -> Reached:
    """Removes from an interrupted run all that is not known to be whole."""
    progress = folder / PROGRESS
    reached = _reached(progress) if progress.exists() else Reached({}, None)
    kept = set(map(part_name, reached.blocks))
    parts = (path for name in ("trials", "heard") for path in (folder / name).glob("*"))
    for path in [*folder.rglob(".*.tmp"), *(path for path in parts if path.name not in kept)]:
        path.unlink(missing_ok=True)
    for name in ("evidence", "gate"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in ("trials", "heard", "evidence"):
        (folder / name).mkdir(exist_ok=True)
    (folder / "index.html").unlink(missing_ok=True)
    return reached


def _reached(progress: Path) -> Reached:
    """How far a run came, by its own record.

    Raises:
        RunError: the record is damaged.
    """
    try:
        return Reached(**json_of(progress))
    except (UnreadableError, TypeError) as error:
        raise RunError(f"{progress} is damaged ({error}), and the run cannot be resumed; leave out --resume to start anew") from error


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What differs between two requests, as in "seed 1 instead of 0"; one that was written down has lists where tuples were."""
    return list(_unlike("", *(json.loads(json.dumps(each)) for each in (before, now))))


def _unlike(name: str, before: Any, now: Any) -> Iterator[str]:
    if before == now:
        return
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in [*before, *(key for key in now if key not in before)]:
            yield from _unlike(f"{name} {key}".strip(), before.get(key), now.get(key))
        return
    shown = [_said(value) for value in (now, before)]
    yield f"other {name}" if max(map(len, shown)) > SHORT else f"{name} {shown[0]} instead of {shown[1]}"


def _said(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_said, value)) or "none"
    return "none" if value is None else str(value)


def other_recordings(before: pd.DataFrame, now: pd.DataFrame) -> list[str]:
    """What differs between two tables of recordings, as in "2 recordings have other sound (up/a.wav, up/b.wav)"."""
    old, new = before.set_index("id"), now.set_index("id")
    found = [
        _counted(list(old.index.difference(new.index)), "are gone"),
        _counted(list(new.index.difference(old.index)), "are new"),
    ]
    shared = new.index.intersection(old.index)
    for column, what in COMPARED.items():
        a, b = old.loc[shared, column].astype(object), new.loc[shared, column].astype(object)
        unlike = (a != b) & ~(a.isna() & b.isna())
        found.append(_counted(list(shared[unlike]), what))
    differing = [text for text in found if text]
    if not differing and list(old.index) != list(new.index):
        return ["the recordings are in another order"]
    return differing


def _counted(names: list[str], what: str) -> str:
    if not names:
        return ""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    said = what if len(names) > 1 else what.replace("have ", "has ").replace("are ", "is ")
    return f"{len(names)} recording{'s' if len(names) > 1 else ''} {said} ({', '.join(map(str, names[:NAMED]))}{more})"
