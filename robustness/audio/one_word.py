"""How recordings of one word each, longer than a model's window, become recordings that fit into it.

Each is cut to its speech with a margin on both sides, and keeps its place in the folder, its name and its word.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from robustness.audio.cutting import SPANS, Segmented, check_replaceable, spans_table, write_folder
from robustness.audio.files import AudioFile, counted, find_audio, some
from robustness.audio.labels import LabelSource, label_files
from robustness.audio.levels import decibels, speech_span, without_rumble
from robustness.audio.reading import read_audio
from robustness.audio.segment_settings import CutSettings
from robustness.audio.segmentation import Cut, FoundWord, Samples, cuts_around
from robustness.errors import RecordingError

KEPT_SUFFIX: Final = ".wav"


def segment_folder(folder: Path, out: Path, *, rate_hz: int, cutting: CutSettings) -> Segmented:
    """Cuts every recording of a folder to the one word in it, into the same place of another folder.

    Args:
        folder: of recordings; their words are found as for a report.
        out: the folder to write.
        rate_hz: the rate of what is written.
        cutting: the margins, and the longest that a file may be.

    Raises:
        RecordingError: a recording cannot be used, has no word, or its speech is longer than a file may be.
        OutputError: `out` holds something else or cannot be written.
    """
    check_replaceable(out)
    found = find_audio([folder])
    labelled = label_files(found.files, LabelSource())
    if labelled.bad:
        raise RecordingError(f"{some([bad.id for bad in labelled.bad])} {labelled.bad[0].reason}")
    names = [str(PurePosixPath(file.id).with_suffix(KEPT_SUFFIX)) for file in labelled.files]
    if len(set(names)) < len(names):
        raise RecordingError(f"two recordings in {folder} differ by their extension alone; rename one, for both become {KEPT_SUFFIX}")
    rows: list[tuple[str, str, FoundWord, Cut]] = []
    sounds: dict[str, Samples] = {}
    for name, (file, word, cut, samples) in zip(names, _cuts(labelled.files, rate_hz, cutting), strict=True):
        rows.append((name, labelled.labels[file.id].word, word, cut))
        sounds[name] = samples
    write_folder(out, {SPANS: spans_table(rows)}, sounds, rate_hz)
    notices = (*found.notices, *labelled.notices, f"{counted(len(names), 'recording')} cut to the speech in them")
    return Segmented(names, [cut.end_ms - cut.start_ms for _, _, _, cut in rows], notices)


def _cuts(files: list[AudioFile], rate_hz: int, cutting: CutSettings) -> Iterator[tuple[AudioFile, FoundWord, Cut, Samples]]:
    for file in files:
        samples = read_audio(file.path, rate_hz).samples
        start, end = speech_span(samples, rate_hz)
        ms = 1000 / rate_hz
        level = decibels(float(without_rumble(samples, rate_hz)[start:end].square().mean()))
        word = FoundWord(start * ms, end * ms, level)
        try:
            (cut,) = cuts_around([word], len(samples) * ms, cutting)
        except RecordingError as error:
            raise RecordingError(f"{file.id}: {error}", error.details) from error
        yield file, word, cut, samples[round(cut.start_ms / ms) : round(cut.end_ms / ms)].numpy().copy()
