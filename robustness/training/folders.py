"""Which files of a folder are clips, of which word, by whom.

A folder holds `<word>/<file>` (Speech Commands, ours or as torchaudio's SPEECHCOMMANDS lays it out), with an optional `index.csv`
(path, word, speaker), or files named `{digit}_{speaker}_{take}` (Free Spoken Digit Dataset).
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Final, NamedTuple

from robustness.audio.files import counted
from robustness.errors import RecordingError

LEAST_SPEAKERS: Final = 3  # one to train, one to validate, one to test
NOISE_FOLDER: Final = "_background_noise_"
AUDIO_SUFFIXES: Final = frozenset({".wav", ".flac", ".ogg", ".mp3"})
DIGITS: Final = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


class ClipFile(NamedTuple):
    """One file of a folder."""

    path: Path
    id: str
    word: str
    speaker: str


def find_clips(folder: Path) -> list[ClipFile]:
    """The files of a folder of words, sorted, without its noises.

    Raises:
        RecordingError: where the folder is missing, holds no clip, or has fewer than three speakers.
    """
    if not folder.is_dir():
        raise RecordingError(f"{folder} is not a folder; --data expects a folder of words, <word>/<file>")
    root = word_root(folder)
    clips = _indexed(root) if (root / "index.csv").is_file() else _named(root)
    if not clips:
        raise RecordingError(f"{folder} holds no clip; --data expects <word>/<file>, or {{digit}}_{{speaker}}_{{take}} files")
    speakers = sorted({clip.speaker for clip in clips})
    if len(speakers) < LEAST_SPEAKERS:
        raise RecordingError(
            f"{folder} has {counted(len(speakers), 'speaker')} ({', '.join(speakers)}) and at least {LEAST_SPEAKERS} are needed, "
            "one to train, one to validate and one to test; name them in index.csv (path, word, speaker) or as <speaker>_nohash_<take>"
        )
    return clips


def word_root(folder: Path) -> Path:
    """Where the words are: the folder, or the one that torchaudio's SPEECHCOMMANDS makes inside it."""
    return next(iter(sorted(folder.glob("SpeechCommands/speech_commands_v*/"))), folder)


def _indexed(root: Path) -> list[ClipFile]:
    with (root / "index.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    missing = {"path", "word", "speaker"} - set(rows[0] if rows else ())
    if missing:
        raise RecordingError(f"{root / 'index.csv'} lacks the column {', '.join(sorted(missing))}; it needs path, word and speaker")
    return sorted((ClipFile(root / row["path"], row["path"], row["word"], row["speaker"]) for row in rows), key=lambda clip: clip.id)


def _named(root: Path) -> list[ClipFile]:
    paths = sorted(path for path in root.glob("*/*") if path.suffix.lower() in AUDIO_SUFFIXES and path.parent.name != NOISE_FOLDER)
    if paths:
        return [ClipFile(path, path.relative_to(root).as_posix(), path.parent.name, path.stem.split("_nohash_")[0]) for path in paths]
    flat = sorted(path for path in root.glob("*_*_*") if path.suffix.lower() in AUDIO_SUFFIXES)
    parts = [(path, path.stem.split("_")) for path in flat]
    return [ClipFile(path, path.name, DIGITS[int(name[0])], name[1]) for path, name in parts if name[0] in list("0123456789")]
