"""How files become recordings: decoded, mixed down, resampled, labelled, and refused where they cannot be trusted.

Samples are mono, [time], float32, full scale ±1. What was changed is said in notices, counted per kind; what cannot be used is
named, all of it in one message. Paths in notices and reasons are ids, never paths of the machine.
"""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import soundfile
import torch
from torch import Tensor
from torchaudio.functional import resample

from robustness.audio.files import UNREAD, BadFile, counted, find_audio, some
from robustness.audio.labels import LabelSource, label_files
from robustness.audio.levels import FRAME_MS, QUIET_DBFS, decibels, speech_span
from robustness.audio.recordings import Recording
from robustness.audio.truncation import missing
from robustness.errors import RecordingError

__all__ = ["Audio", "BadFile", "Reading", "read_audio", "read_recordings"]

RESAMPLING_WIDTH: Final = 64  # zero crossings on each side of the filter; torchaudio's 6 leaks across the band's edge
UNSCALED_PEAK: Final = 100.0  # 40 dB over full scale is no recording, but integers stored as floats
GROUPS_SHOWN: Final = 4
SHORTEST_MS: Final = FRAME_MS


class Audio(NamedTuple):
    """A decoded file.

    Attributes:
        samples: [time], mono, at the rate asked for.
        notices: what was done to it, as in "resampled from 44100 to 16000 Hz".
        sha256: of the file's bytes.
    """

    samples: Tensor
    notices: tuple[str, ...]
    sha256: str


class Reading(NamedTuple):
    """What was read.

    Attributes:
        recordings: in the order of the folders given, sorted by path within each.
        notices: what was changed, passed over or is doubtful, each once with a count.
        bad: what could not be used; empty unless bad files are skipped.
    """

    recordings: list[Recording]
    notices: list[str]
    bad: list[BadFile]


class _UnusableError(Exception):
    """Why a file cannot be used; its text continues a sentence that begins with the file's name."""


def read_recordings(
    paths: Sequence[Path],
    *,
    rate_hz: int,
    longest_samples: int | None,
    labels: LabelSource = LabelSource(),  # noqa: B008 - frozen
    skip_bad: bool = False,
) -> Reading:
    """Reads every recording in these folders and files, with its word.

    Args:
        paths: folders, with all below them, and files.
        rate_hz: the rate wanted; other rates are resampled, with a notice.
        longest_samples: a recording longer than this, at that rate, is refused; None takes any length.
        labels: where the words come from.
        skip_bad: leave out what cannot be used instead of refusing all; at least one must be usable.

    Raises:
        RecordingError: a folder is missing or empty, or files cannot be used; all of them are named in one message.
        UsageError: no path is given, or the label source contradicts itself.
    """
    found = find_audio(paths)
    labelled = label_files(found.files, labels)
    recordings: list[Recording] = []
    bad, done = list(labelled.bad), Counter[str]()
    for file in labelled.files:
        try:
            audio = _usable(file.path, rate_hz, longest_samples)
        except _UnusableError as error:
            bad.append(BadFile(file.id, str(error)))
            continue
        word = labelled.labels.get(file.id)
        speaker = word.speaker if word else None
        recordings.append(Recording(file.id, audio.samples, rate_hz, word.word if word else None, speaker, file.path, audio.sha256))
        done.update(audio.notices)
    _refuse(bad, len(recordings) + len(bad), skip_bad=skip_bad and bool(recordings))
    changed = [f"{counted(count, 'file')} {what}" for what, count in sorted(done.items())]
    return Reading(recordings, [*found.notices, *labelled.notices, *changed, *_doubts(recordings)], bad)


def read_audio(path: Path, rate_hz: int) -> Audio:
    """Reads one audio file of any format that libsndfile knows, mixed down and resampled to `rate_hz`.

    Raises:
        RecordingError: it cannot be read, is truncated, empty, silent, or holds NaN or infinite samples.
    """
    try:
        return _usable(path, rate_hz, None)
    except _UnusableError as error:
        raise RecordingError(f"{path} {error}") from error


def _usable(path: Path, rate_hz: int, longest_samples: int | None) -> Audio:
    data = _bytes(path)
    channels, native_hz = _decoded(data)  # [time channels]
    mono = channels.mean(1)
    _check(channels, mono)
    notices = []
    if float(channels.abs().max()) > 1.0:
        notices.append("above full scale")
    if channels.shape[1] > 1:
        notices.append(f"mixed down from {channels.shape[1]} channels")
    if native_hz != rate_hz:
        mono = _resampled(mono, native_hz, rate_hz)
        limit = f", with nothing above {native_hz / 2:g} Hz" if native_hz < rate_hz else ""
        notices.append(f"resampled from {native_hz} to {rate_hz} Hz{limit}")
    if len(mono) * 1000 < SHORTEST_MS * rate_hz:
        raise _UnusableError(f"lasts {len(mono) * 1000 / rate_hz:.1f} ms, less than the {SHORTEST_MS:g} ms over which a level is measured")
    if longest_samples is not None and len(mono) > longest_samples:
        lasts_ms, window_ms = len(mono) * 1000 / rate_hz, longest_samples * 1000 / rate_hz
        raise _UnusableError(
            f"lasts {lasts_ms:.0f} ms ({len(mono)} samples) and the model's window {window_ms:.0f} ms ({longest_samples}); "
            "cut it into words with `robustness segment`"
        )
    return Audio(mono.contiguous(), tuple(notices), hashlib.sha256(data).hexdigest())


def _bytes(path: Path) -> bytes:
    if path.suffix.lower() in UNREAD:
        raise _UnusableError(f"is a {path.suffix[1:].lower()} file, which is not read here; convert it to wav or flac")
    if path.exists() and not path.is_file():
        raise _UnusableError("is no regular file")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _UnusableError(f"cannot be opened: {error.strerror}") from error
    if not data:
        raise _UnusableError("is empty (0 bytes)")
    return data


def _decoded(data: bytes) -> tuple[Tensor, int]:
    lost = missing(data)
    if lost:
        raise _UnusableError(f"is truncated: {lost}")
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            promised, rate_hz = file.frames, file.samplerate
            samples = file.read(dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise _UnusableError(f"is damaged, truncated or no audio: {error.error_string.rstrip('.')}") from error
    if len(samples) < promised:
        raise _UnusableError(f"is truncated: its header promises {promised} samples and {len(samples)} are there")
    return torch.from_numpy(samples), rate_hz


def _check(channels: Tensor, mono: Tensor) -> None:
    if not len(mono):
        raise _UnusableError("holds no samples")
    broken = int((~channels.isfinite()).any(1).sum())
    if broken:
        raise _UnusableError(f"holds {counted(broken, 'sample')} that {'is' if broken == 1 else 'are'} NaN or infinite, of {len(mono)}")
    peak = float(channels.abs().max())
    if peak > UNSCALED_PEAK:
        raise _UnusableError(f"reaches {peak:g} where full scale is 1; it seems to hold integers stored as floats: scale it")
    if peak == 0:
        raise _UnusableError("is digital silence")
    if bool((channels == channels[0]).all()):
        raise _UnusableError(f"holds one value only, {float(mono[0]):g}, which is silence")
    if bool((mono == mono[0]).all()):
        raise _UnusableError("is digital silence once mixed down: its channels cancel")


def _resampled(mono: Tensor, native_hz: int, rate_hz: int) -> Tensor:
    exact: Tensor = resample(mono, native_hz, rate_hz, lowpass_filter_width=RESAMPLING_WIDTH)
    # Rounded down, so that a clip of one window at its own rate is one window here.
    return exact[: max(1, len(mono) * rate_hz // native_hz)]


def _refuse(bad: Sequence[BadFile], total: int, *, skip_bad: bool) -> None:
    if not bad or skip_bad:
        return
    by_reason: dict[str, list[str]] = {}
    for file in bad:
        by_reason.setdefault(file.reason, []).append(file.id)
    groups = [f"{some(ids)}{' each' if len(ids) > 1 else ''} {reason}" for reason, ids in by_reason.items()]
    named = "; ".join(groups[:GROUPS_SHOWN])
    unnamed = sum(len(ids) for ids in list(by_reason.values())[GROUPS_SHOWN:])
    more = f"; and {unnamed} more" if unnamed else ""
    if len(bad) == total:
        raise RecordingError(f"none of {counted(total, 'recording')} can be used: {named}{more}")
    raise RecordingError(
        f"{len(bad)} of {counted(total, 'recording')} cannot be used: {named}{more}. Mend or remove {'it' if len(bad) == 1 else 'them'}, "
        "or go on without with --skip-bad"
    )


def _doubts(recordings: Sequence[Recording]) -> list[str]:
    levels = ((r.id, _speech_dbfs(r)) for r in recordings)
    quiet = [f"{name} at {level:.0f} dBFS" for name, level in levels if level < QUIET_DBFS]
    if not quiet:
        return []
    return [f"{counted(len(quiet), 'recording')} with speech under {QUIET_DBFS:.0f} dBFS, where an SNR says little: {some(quiet)}"]


def _speech_dbfs(recording: Recording) -> float:
    start, end = speech_span(recording.samples, recording.rate_hz)
    return decibels(float(recording.samples[start:end].double().square().mean()))
