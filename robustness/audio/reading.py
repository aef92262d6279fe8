"""How files become recordings: found, selected, labelled, looked at, and refused where they cannot be trusted.

What was changed is said in notices, counted per kind; what cannot be used is named, all of it in one message. Paths in notices and
reasons are ids, never paths of the machine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

import soundfile

from robustness.audio.decoding import Audio, UnusableError, Wish, decode
from robustness.audio.doubts import Doubts, doubts_of
from robustness.audio.files import AudioFile, BadFile, counted, find_audio, some
from robustness.audio.labels import Label, LabelSource, label_files
from robustness.audio.recordings import Recording
from robustness.audio.selection import Selection, chosen_recordings, sampled
from robustness.audio.streaming import Clip, Recordings
from robustness.errors import RecordingError
from robustness.run.looks import FirstLook, LookBook

__all__ = ["Audio", "BadFile", "Reading", "Wish", "open_recordings", "read_audio", "read_recordings"]

GROUPS_SHOWN: Final = 4
SEGMENT: Final = "cut a take of several words into recordings with `robustness segment {} --words up,down --out words`"
AT_ONCE: Final = 64  # files decoded before the next ones are asked for
READERS: Final = 2
CountProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class Looking:
    """How files are looked at.

    Attributes:
        measure: what is measured of each recording that can be used, asked once, in their order.
        book: what is known of files is there, and they are not decoded; what is new is put there.
        share: which of the files; by default all.
    """

    measure: Callable[[Recording], tuple[float, ...]] = lambda recording: ()
    book: LookBook = field(default_factory=LookBook)
    share: slice = field(default_factory=lambda: slice(None))


class Reading(NamedTuple):
    """What was read.

    Attributes:
        recordings: in the order of the folders given, sorted by path within each.
        clips: the same without their samples.
        notices: what was changed, passed over or is doubtful, each once with a count.
        bad: what could not be used; empty unless bad files are skipped.
        looks: what decoding told of each file, those too that could not be used.
    """

    recordings: Sequence[Recording]
    clips: Sequence[Clip]
    notices: list[str]
    bad: list[BadFile]
    looks: Sequence[FirstLook] = ()


def read_recordings(
    paths: Sequence[Path],
    *,
    rate_hz: int,
    longest_samples: int | None,
    labels: LabelSource = LabelSource(),  # noqa: B008 - frozen
    skip_bad: bool = False,
) -> Reading:
    """Reads every recording in these folders and files, with its word, into memory; `open_recordings` does not keep them there.

    Args:
        paths: folders, with all below them, manifests, and files.
        rate_hz: the rate wanted; other rates are resampled, with a notice.
        longest_samples: a recording longer than this, at that rate, is refused; None takes any length.
        labels: where the words come from.
        skip_bad: leave out what cannot be used instead of refusing all; at least one must be usable.

    Raises:
        RecordingError: a folder is missing or empty, or files cannot be used; all of them are named in one message.
        UsageError: no path is given, or the label source contradicts itself.
    """
    kept: list[Recording] = []

    def keep(recording: Recording) -> tuple[float, ...]:
        kept.append(recording)
        return ()

    reading = open_recordings(paths, Wish(rate_hz, longest_samples), labels=labels, skip_bad=skip_bad, looking=Looking(keep))
    return reading._replace(recordings=kept)


def open_recordings(
    paths: Sequence[Path],
    wish: Wish,
    *,
    labels: LabelSource = LabelSource(),  # noqa: B008 - frozen
    selection: Selection = Selection(),  # noqa: B008 - frozen
    skip_bad: bool = False,
    looking: Looking = Looking(),
    progress: CountProgress = lambda done, total: None,
) -> Reading:
    """Looks at every recording in these folders and files; its samples are read again when it is asked for.

    Args:
        paths: folders, with all below them, manifests, and files.
        wish: how they are wanted.
        labels: where the words come from.
        selection: which of them are wanted.
        skip_bad: leave out what cannot be used.
        looking: how they are looked at.
        progress: told how many of how many were looked at.

    Raises:
        RecordingError: as of `read_recordings`.
        UsageError: as of `read_recordings`, or the selection asks for what there is not.
    """
    found = find_audio(paths, labels.column, labels.path_column)
    part = chosen_recordings(found.files, selection, labels.csv, labels.path_column)
    labelled = label_files(part.files, labels)
    sample = sampled(labelled.files, labelled.labels, selection)
    scan, files = _Scan([_long_take(file, part.files, wish) for file in labelled.bad]), sample.files[looking.share]
    for file, look in _looks(files, labelled.labels, wish, looking):
        scan.take(file, look, labelled.labels.get(file.id))
        looking.book.add(look)
        progress(len(scan.clips) + len(scan.bad), len(files))
    looking.book.flush()
    _refuse(scan.bad, len(scan.clips) + len(scan.bad), skip_bad=skip_bad and bool(scan.clips))
    notices = [*found.notices, *part.notices, *labelled.notices, *sample.notices, *scan.notices]
    return Reading(Recordings(scan.clips, wish), scan.clips, notices, scan.bad, scan.looks)


def _long_take(bad: BadFile, files: Sequence[AudioFile], wish: Wish) -> BadFile:
    """A file without a word; one that is longer than the window is told as what it may be, a take of several words."""
    path = next((file.path for file in files if file.id == bad.id), None)
    if path is None or wish.longest_samples is None or not path.is_file():
        return bad
    try:
        seconds = float(soundfile.info(path).duration)
    except soundfile.LibsndfileError:
        return bad
    if seconds * wish.rate_hz <= wish.longest_samples:
        return bad
    why = bad.reason.partition(":")[0]
    return BadFile(bad.id, f"lasts {seconds:.1f} s, longer than the window, and {why}; {SEGMENT.format(path.name)}")


@dataclass
class _Scan:
    """What is known of the files looked at so far."""

    bad: list[BadFile]
    clips: list[Clip] = field(default_factory=list)
    looks: list[FirstLook] = field(default_factory=list)
    changes: Counter[str] = field(default_factory=Counter)
    doubts: Doubts = field(default_factory=Doubts)

    def take(self, file: AudioFile, look: FirstLook, label: Label | None) -> None:
        self.looks.append(look)
        if look.reason:
            self.bad.append(BadFile(file.id, look.reason))
            return
        word, speaker = label or (None, None)
        clip = Clip(file.id, file.path, word, speaker, look.sha256)
        self.clips.append(clip)
        self.changes.update(look.changes)
        self.doubts.take(clip, look.doubts)

    @property
    def notices(self) -> list[str]:
        return [*(f"{counted(count, 'file')} {what}" for what, count in sorted(self.changes.items())), *self.doubts.notices]


def _looks(files: Sequence[AudioFile], labels: Mapping[str, Label], wish: Wish, looking: Looking) -> Iterator[tuple[AudioFile, FirstLook]]:
    """Each file with what a look tells, in order; a few are decoded ahead, in threads, but for those that are known."""

    def heard(file: AudioFile) -> FirstLook | Audio | UnusableError:
        try:
            return looking.book.known(file.id, _size(file)) or decode(file.path, wish)
        except UnusableError as error:
            return error

    with ThreadPoolExecutor(READERS, thread_name_prefix="look") as readers:
        for start in range(0, len(files), AT_ONCE):
            some_files = files[start : start + AT_ONCE]
            for file, found in zip(some_files, readers.map(heard, some_files), strict=True):
                yield file, found if isinstance(found, FirstLook) else _look(file, labels.get(file.id), found, looking, wish.rate_hz)


def _look(file: AudioFile, label: Label | None, heard: Audio | UnusableError, looking: Looking, rate_hz: int) -> FirstLook:
    """What is to be known of a file that was decoded."""
    if isinstance(heard, UnusableError):
        return FirstLook(file.id, _size(file), reason=str(heard))
    word, speaker = label or (None, None)
    recording = Recording(file.id, heard.samples, rate_hz, word, speaker, file.path, heard.sha256)
    doubts = doubts_of(recording, clipped=heard.clipped)
    return FirstLook(file.id, _size(file), heard.sha256, "", heard.notices, doubts, looking.measure(recording))


def _size(file: AudioFile) -> int:
    """In bytes; of what is no file, or is gone, 0."""
    return file.path.stat().st_size if file.path.is_file() else 0


def read_audio(path: Path, rate_hz: int) -> Audio:
    """Reads one audio file of any format that libsndfile knows, mixed down and resampled to `rate_hz`.

    Raises:
        RecordingError: it cannot be read, is truncated, empty, silent, or holds NaN or infinite samples.
    """
    try:
        return decode(path, Wish(rate_hz))
    except UnusableError as error:
        raise RecordingError(f"{path} {error}") from error


def _refuse(bad: Sequence[BadFile], total: int, *, skip_bad: bool) -> None:
    if not bad or skip_bad:
        return
    by_reason: dict[str, list[str]] = {}
    for file in bad:
        by_reason.setdefault(file.reason, []).append(file.id)
    groups = [f"{some(ids)}{' each' if len(ids) > 1 else ''} {reason}" for reason, ids in by_reason.items()]
    unnamed = sum(len(ids) for ids in list(by_reason.values())[GROUPS_SHOWN:])
    shown = [*groups[:GROUPS_SHOWN], *([f"and {unnamed} more"] if unnamed else [])]
    alone, lines = (f" {shown[0]}", ()) if len(shown) == 1 else ("", tuple(shown))
    if len(bad) == total:
        raise RecordingError(f"none of {counted(total, 'recording')} can be used:{alone}", lines)
    them, of = ("it" if len(bad) == 1 else "them"), counted(total, "recording")
    raise RecordingError(f"{len(bad)} of {of} cannot be used; mend or remove {them}, or go on without with --skip-bad:{alone}", lines)
