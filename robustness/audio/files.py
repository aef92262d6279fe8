"""Which audio files do the given folders and files hold, and under which id.

An id is the path relative to the folder given, with `/`; of a file given by itself, its name. A table lists its
recordings. Hidden files, files that are no audio and Speech Commands' `_background_noise_` are passed over, with a notice.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from robustness.audio.manifests import PATH, is_table, listed
from robustness.errors import RecordingError, UsageError
from robustness.files import printable

READ: Final = frozenset(
    {".wav", ".wave", ".rf64", ".w64", ".flac", ".ogg", ".oga", ".opus", ".mp3"}
    | {".aif", ".aiff", ".aifc", ".caf", ".au", ".snd", ".voc", ".sph"}
)
UNREAD: Final = frozenset({".m4a", ".mp4", ".aac", ".wma", ".webm", ".mka", ".amr", ".3gp"})  # audio, in formats that libsndfile lacks
NOT_WORDS: Final = "_background_noise_"
SHOWN: Final = 3  # how many names a message gives before it counts


class AudioFile(NamedTuple):
    """One file to read."""

    id: str
    path: Path
    root: Path  # the folder given, or the file's own
    manifest: Path | None = None  # the table that lists it


class BadFile(NamedTuple):
    """A file that cannot be used; the reason continues a sentence that begins with its id."""

    id: str
    reason: str


class Found(NamedTuple):
    """The audio files, in the order of the folders given and sorted within each, and what was passed over."""

    files: list[AudioFile]
    notices: list[str]


def some(names: Sequence[str], shown: int = SHOWN) -> str:
    """The first few names and how many more there are."""
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(printable(name) for name in names[:shown]) + more


def counted(count: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def find_audio(paths: Sequence[Path], column: str = "label", path_column: str = PATH) -> Found:
    """The audio files in these folders, with all below them, in these tables, and these files.

    Args:
        paths: folders, tables (CSV or Parquet) and files.
        column: of a table, the one that holds the word.
        path_column: of a table, the one that holds the paths.

    Raises:
        UsageError: nothing is given.
        RecordingError: a path does not exist, or holds no audio, or two files have one id.
    """
    if not paths:
        raise UsageError("no recordings are given; give a folder or files with --recordings PATH")
    files: dict[Path, AudioFile] = {}
    others: list[str] = []
    noises = 0
    empty: list[str] = []
    for root in paths:
        everything = list(_listed(root, column, path_column) if is_table(root) else _below(root))
        audio = [f for f in everything if root.is_file() or _is_audio(f.path)]
        words = [f for f in audio if NOT_WORDS not in f.id.split("/")[:-1]]
        if not words:
            raise RecordingError(_nothing(root, len(everything)))
        taken = {f.id for f in audio}
        others += [f.id for f in everything if f.id not in taken]
        noises += len(audio) - len(words)
        empty += _empty(root, audio)
        place = (root if root.is_dir() else root.parent).resolve()
        for file in words:
            files.setdefault(place / file.id, file)
    _refuse_twins(list(files.values()))
    return Found(list(files.values()), _notices(others, noises, empty))


def _is_audio(path: Path) -> bool:
    """By its name; a hidden file, such as the `._up.wav` that macOS leaves on other disks, is none."""
    return path.suffix.lower() in READ | UNREAD and not path.name.startswith(".")


def _listed(table: Path, column: str, path_column: str) -> Iterator[AudioFile]:
    for name in listed(table, column, path_column):
        yield AudioFile(name, table.parent / name, table.parent, table)


def _empty(root: Path, audio: Sequence[AudioFile]) -> list[str]:
    """The folders directly in the one given that hold no recording: a word that none says."""
    if not root.is_dir():
        return []
    full = {file.id.partition("/")[0] for file in audio}
    return sorted(
        folder.name for folder in root.iterdir() if folder.is_dir() and not folder.name.startswith(".") and folder.name not in full
    )


def _below(root: Path) -> Iterator[AudioFile]:
    if root.is_file():
        yield AudioFile(root.name, root, root.parent)
        return
    if not root.exists():
        raise RecordingError(f"{root} does not exist; give a folder of recordings, or files, with --recordings PATH")
    for folder, below, names in os.walk(root, onerror=_refuse_folder):
        below[:] = sorted(name for name in below if not name.startswith("."))
        inside = Path(folder)
        for name in sorted(names):
            if not _is_text(name):
                raise RecordingError(f"{name!a} in {root} has a name that is not UTF-8; rename it")
            yield AudioFile((inside / name).relative_to(root).as_posix(), inside / name, root)


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _refuse_folder(error: OSError) -> None:
    raise RecordingError(f"{error.filename} cannot be read: {error.strerror}; give a folder that can") from error


def _nothing(root: Path, seen: int) -> str:
    formats = ", ".join(sorted(suffix[1:] for suffix in READ))
    held = f"holds {counted(seen, 'file')} and no recording among them" if seen else "is empty"
    return f"{root} {held}; expected audio ({formats}) in it or in folders below it"


def _refuse_twins(files: list[AudioFile]) -> None:
    first: dict[str, AudioFile] = {}
    for file in files:
        twin = first.setdefault(file.id, file)
        if twin is not file:
            raise RecordingError(
                f"two recordings have the id {file.id!r}, one in {twin.root} and one in {file.root}; an id is the path "
                "relative to the folder given, so give the folder above both, or rename one"
            )


def _notices(others: list[str], noises: int, empty: list[str]) -> list[str]:
    notices = []
    if others:
        notices.append(f"{counted(len(others), 'file')} passed over as hidden or no audio: {some(others)}")
    if noises:
        notices.append(f"{counted(noises, 'file')} in {NOT_WORDS} passed over: they are not words")
    if empty:
        notices.append(f"{counted(len(empty), 'folder')} without a recording: {some(empty)}")
    return notices
