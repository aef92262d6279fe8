"""How does a test set that was played back through a device become a test set again? Found, cut, paired by name, and measured.

The capture may be of any rate and format, with clips in any order and with any pauses. Written are the clips under the names of their
originals, `align.csv` with a line for each, and `path.json` with what the path did.
"""

from __future__ import annotations

import csv
import io
import json
import math
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import soundfile

from robustness.audio.labels import LabelSource
from robustness.audio.reading import Reading, Wish, open_recordings, read_audio
from robustness.audio.takes import Take, open_take
from robustness.errors import OutputError, RecordingError
from robustness.playback.measurement import PlaybackMeasurement, measured_playback
from robustness.playback.response import Array
from robustness.playback.search import MissingClip, SearchResult, search, stretch

TABLE: Final = "align.csv"
SUMMARY: Final = "path.json"
COLUMNS: Final = ("path", "label", "start_s", "score", "level_db", "snr_db", "clipped")
LONGEST_S: Final = 3600.0
WRITTEN: Final = {".wav": "WAV", ".flac": "FLAC"}
SPEEDS: Final = ((48_000, 44_100), (44_100, 48_000), (22_050, 16_000), (16_000, 22_050), (2, 1), (1, 2))
FEW: Final = 0.25  # of the clips: so few may fit by chance
TRIED: Final = 5  # clips, at each of these speeds
NAMED: Final = 3
FULL_SCALE: Final = 2**23


class Alignment(NamedTuple):
    """A capture, cut and measured.

    Attributes:
        measurement: of the clips that were found.
        missing: clips that were not.
        notices: what is to be known of the originals and the capture.
        seconds: of the capture.
    """

    measurement: PlaybackMeasurement
    missing: tuple[MissingClip, ...]
    notices: tuple[str, ...]
    seconds: float


def align(originals: Sequence[Path], capture: Path, out: Path, labels: LabelSource, *, skip_bad: bool = False) -> Alignment:
    """Finds, cuts and measures each clip.

    Args:
        originals: what was played, folders or files.
        capture: one long file.
        out: the folder to write; new or empty.
        labels: where the words come from.
        skip_bad: leave out originals that cannot be used.

    Raises:
        RecordingError: originals or capture cannot be used, or the capture holds none of the clips.
        OutputError: the folder cannot be written.
    """
    _check_place(out, originals)
    take = open_take(capture, 16_000)
    if take.duration_ms > LONGEST_S * 1000:
        raise RecordingError(
            f"{capture} lasts {take.duration_ms / 60_000:.0f} min; give at most {LONGEST_S / 60:.0f} min, in parts if need be"
        )
    rate_hz = take.native_hz
    heard = read_audio(capture, rate_hz).samples.double().numpy()
    read = open_recordings(originals, Wish(rate_hz), labels=labels, skip_bad=skip_bad)
    clips = {one.id: one.samples.double().numpy() for one in read.recordings}
    result = search(clips, heard, rate_hz)
    _check_found(capture, clips, heard, rate_hz, result)
    measurement = measured_playback(result.found, clips, {one.id: one.label for one in read.recordings}, heard, rate_hz)
    found = Alignment(measurement, result.missing, _notices(read, take, clips), take.duration_ms / 1000)
    _write(found, {one.path: stretch(heard, round(one.start_s * rate_hz), len(clips[one.path])) for one in measurement.clips}, rate_hz, out)
    return found


def _check_place(out: Path, originals: Sequence[Path]) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputError(f"--out {out} is there already; give a folder that is new or empty")
    inside = next((one for one in originals if one.is_dir() and out.resolve().is_relative_to(one.resolve())), None)
    if inside is not None:
        raise OutputError(f"--out {out} lies among the originals in {inside}, and would be one of them; give a folder elsewhere")


def _notices(read: Reading, take: Take, clips: Mapping[str, Array]) -> tuple[str, ...]:
    other = [name for name in clips if Path(name).suffix.lower() not in WRITTEN]
    said = [f"{bad.id} {bad.reason}" for bad in read.bad]
    if other:
        what = f"{len(other)} of the originals {'is' if len(other) == 1 else 'are'} no .wav or .flac, such as {other[0]}"
        said.append(f"{what}: the captures are written as .wav, and `compare` pairs by name; convert the originals too")
    mixed = [one for one in take.notices if one.startswith("mixed")]
    return (*read.notices, *said, *(f"the capture is {one}" for one in mixed))


def _check_found(capture: Path, clips: Mapping[str, Array], heard: Array, rate_hz: int, result: SearchResult) -> None:
    """Refuses a capture that holds none of the clips, or only a few that fit by chance while another speed fits more."""
    if len(result.found) >= FEW * len(clips):
        return
    best = max([0.0, *(one.score for one in result.missing), *(one.score for one in result.found)])
    many = f"{len(result.found) or 'none'} of the {len(clips)} clips"
    said = f"{capture} holds {many}: the best fits by {best:.2f} of 1"
    longest = sorted(clips, key=lambda name: -len(clips[name]))[:TRIED]
    for true, told in SPEEDS:
        speed = {name: _at_speed(clips[name], true / told) for name in longest}
        if len(search(speed, heard, rate_hz).found) > len(longest) / 2:
            raise RecordingError(f"{said}, but they are there at {told / true:.3f} times their speed: a header names another rate; mend it")
    if sum(one.twice for one in result.missing) > len(clips) / 2:
        raise RecordingError(f"{said}, at several places alike; was the set played more than once? Cut the capture to one pass")
    if not result.found:
        raise RecordingError(f"{said}; is it a capture of this folder, of what was played and not of something else?")


def _at_speed(clip: Array, longer: float) -> Array:
    """The clip as many times as long."""
    at = np.arange(int(len(clip) * longer)) / longer
    return np.interp(at, np.arange(len(clip)), clip)


def _write(found: Alignment, pieces: Mapping[str, Array], rate_hz: int, out: Path) -> None:
    """The folder, whole or not at all."""
    names = {path: written_name(path) for path in pieces}
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as beside:
            made = Path(beside) / "new"
            for path, samples in pieces.items():
                file = made / names[path]
                file.parent.mkdir(parents=True, exist_ok=True)
                pcm = np.clip(np.rint(samples * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype(np.int32) << 8
                soundfile.write(file, pcm, rate_hz, format=WRITTEN[file.suffix.lower()], subtype="PCM_24")
            (made / TABLE).write_text(_table(found, names), encoding="utf-8", newline="")
            (made / SUMMARY).write_text(json.dumps(summary(found), indent=1) + "\n", encoding="utf-8")
            if out.exists():
                out.rmdir()
            shutil.move(made, out)
    except OSError as error:
        raise OutputError(f"--out {out} cannot be written: {error.strerror or error}") from error


def written_name(path: str) -> str:
    """Under which name a clip is written: its own, if a file of that kind is written."""
    return path if Path(path).suffix.lower() in WRITTEN else Path(path).with_suffix(".wav").as_posix()


def _table(found: Alignment, names: Mapping[str, str]) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for one in found.measurement.clips:
        numbers = (f"{one.start_s:.6f}", f"{one.score:.3f}", f"{one.level_db:.2f}", f"{one.snr_db:.2f}")
        table.writerow([names[one.path], one.label or "", *numbers, "yes" if one.clipped else "no"])
    return text.getvalue()


def summary(found: Alignment) -> dict[str, Any]:
    """What the path did, as plain values; None for what cannot be measured."""
    measured = found.measurement
    drift, decay = measured.response.drift, measured.decay
    return {
        "clips": len(measured.clips),
        "missing": [one._asdict() for one in found.missing],
        "level_db": _number(measured.level_db),
        "direct_db": _number(measured.response.direct_db),
        "snr_db": _number(measured.snr_db),
        "background_dbfs": _number(measured.background_dbfs),
        "t60_s": _number(decay.t60_s),
        "decay_seen_db": _number(decay.range_db),
        "drift_ppm": _number(drift.ppm),
        "drift_error_ppm": _number(drift.error_ppm),
        "clipped": sum(one.clipped for one in measured.clips),
        "response_db": {str(band.hz): _number(band.level_db) for band in measured.response.bands},
    }


def _number(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None
