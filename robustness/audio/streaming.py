"""How recordings are heard one after the other, so that memory does not grow with their number.

They are looked at once, to know what there is and that all of it can be used; their samples are read again when they are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, overload

from robustness.audio.decoding import UnusableError, Wish, decode
from robustness.audio.recordings import Recording
from robustness.errors import RecordingError

RecordingChange = Callable[[Recording], Recording]


class Clip(NamedTuple):
    """What is known of a recording without its samples."""

    id: str
    path: Path
    label: str | None
    speaker: str | None
    sha256: str


@dataclass(frozen=True, eq=False)
class Recordings(Sequence[Recording]):
    """Recordings that are read when they are asked for, each time anew.

    Attributes:
        clips: what there is.
        wish: how they are wanted.
        changes: what is done to each once it is read.
    """

    clips: Sequence[Clip]
    wish: Wish
    changes: tuple[RecordingChange, ...] = ()

    def __len__(self) -> int:
        return len(self.clips)

    @overload
    def __getitem__(self, index: int) -> Recording: ...

    @overload
    def __getitem__(self, index: slice) -> Recordings: ...

    def __getitem__(self, index: int | slice) -> Recording | Recordings:
        if isinstance(index, slice):
            return replace(self, clips=self.clips[index])
        return self._read(self.clips[index])

    def _read(self, clip: Clip) -> Recording:
        """Reads a clip again.

        Raises:
            RecordingError: where it is no longer the file that was looked at.
        """
        try:
            audio = decode(clip.path, self.wish)
        except UnusableError as error:
            raise RecordingError(f"{clip.id} was whole when the run began, and now {error}; leave the recordings as they are") from error
        if audio.sha256 != clip.sha256:
            raise RecordingError(f"{clip.id} has changed since the run began; leave the recordings as they are while they are used")
        recording = Recording(clip.id, audio.samples, self.wish.rate_hz, clip.label, clip.speaker, clip.path, clip.sha256)
        for change in self.changes:
            recording = change(recording)
        return recording


@dataclass(frozen=True, eq=False)
class _ById(Mapping[str, Recording]):
    recordings: Sequence[Recording]
    places: dict[str, int]

    def __getitem__(self, name: str) -> Recording:
        return self.recordings[self.places[name]]

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)


def by_id(recordings: Sequence[Recording]) -> Mapping[str, Recording]:
    """The recordings by their ids; those that are read when they are asked for still are."""
    return _ById(recordings, {one.id: place for place, one in enumerate(known(recordings))})


def known(recordings: Sequence[Recording]) -> Sequence[Recording | Clip]:
    """What is known of each recording, its id, label and speaker, in their order; no file is read for it."""
    return recordings.clips if isinstance(recordings, Recordings) else recordings


def changed(recordings: Sequence[Recording], change: RecordingChange) -> Sequence[Recording]:
    """The recordings with a change made to each; those that are read when they are asked for are changed then."""
    if isinstance(recordings, Recordings):
        return replace(recordings, changes=(*recordings.changes, change))
    return [change(recording) for recording in recordings]


def blocks(recordings: Sequence[Recording], size: int, start: int = 0) -> Iterator[list[Recording]]:
    """The recordings from `start` on, `size` at a time; the next ones are read while these are used, in a thread of its own."""
    places = range(start, len(recordings), size)
    with ThreadPoolExecutor(1, thread_name_prefix="read") as reader:
        ahead = reader.submit(list, recordings[start : start + size])
        for place in places:
            block = ahead.result()
            ahead = reader.submit(list, recordings[place + size : place + 2 * size])
            yield block
