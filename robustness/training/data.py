"""Which clips there are to learn from, as tensors, and which speakers are held out.

Samples are mono, [clips time], int16. A speaker is in one split only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, NamedTuple

import soundfile
import torch
from torch import Tensor
from torch.nn import functional
from torchaudio.functional import resample

from robustness.audio.levels import QUIET_DBFS, Span, decibels, frame_powers, speech_span
from robustness.audio.resampling import WIDTH
from robustness.errors import RecordingError, UsageError
from robustness.seeds import seed_of
from robustness.training.folders import AUDIO_SUFFIXES, DIGITS, NOISE_FOLDER, find_clips, word_root

RATE_HZ: Final = 16_000
WINDOW_SAMPLES: Final = 16_000
FULL_SCALE: Final = 32_767
SPLITS: Final = ("training", "validation", "test")
VALIDATION_SHARE: Final = 0.1
TEST_SHARE: Final = 0.2
NO_WORD: Final = "_no_word_"
COMMANDS: Final = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
UNKNOWN: Final = "unknown"
VOCABULARIES: Final = {
    "digits": (*DIGITS, UNKNOWN),
    "commands": (*COMMANDS, UNKNOWN),
    "words": (*DIGITS, *COMMANDS, UNKNOWN),  # both, to begin the other two from
}


class TrainingClip(NamedTuple):
    """One clip: its path below the folder of its source, its word, who says it, and where it is from."""

    id: str
    word: str
    speaker: str
    source: str


@dataclass(frozen=True, eq=False)
class Corpus:
    """Clips of one folder, or of several joined, at one rate and length.

    Attributes:
        samples: [clips time], int16; a short clip is padded with zeros on its right.
        speech: [start, end) of the word, [clips 2].
        natural: whether the clip lies in its second as it was recorded, or is a word cut out, [clips].
        clips: what each is.
        notices: what was skipped or changed on reading.
        roots: the folder of each source.
    """

    samples: Tensor
    speech: Tensor
    natural: Tensor
    clips: tuple[TrainingClip, ...]
    notices: tuple[str, ...] = ()
    roots: tuple[tuple[str, Path], ...] = ()

    def __len__(self) -> int:
        return len(self.clips)

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The word of each clip."""
        return tuple(clip.word for clip in self.clips)

    @cached_property
    def sources(self) -> tuple[str, ...]:
        """The source of each clip."""
        return tuple(clip.source for clip in self.clips)

    @cached_property
    def splits(self) -> tuple[str, ...]:
        """The split of each clip, by its speaker within its source."""
        by_source = {source: split_speakers([clip.speaker for clip in self.clips if clip.source == source]) for source in set(self.sources)}
        return tuple(by_source[clip.source][clip.speaker] for clip in self.clips)

    def where(self, keep: Callable[[int], bool]) -> Corpus:
        """The clips whose index is kept."""
        rows = [row for row in range(len(self)) if keep(row)]
        index = torch.tensor(rows, dtype=torch.long)
        clips = tuple(self.clips[row] for row in rows)
        return Corpus(self.samples[index], self.speech[index], self.natural[index], clips, self.notices, self.roots)

    def split(self, name: str) -> Corpus:
        """The clips of the speakers of one split."""
        return self.where(lambda row: self.splits[row] == name)


def joined(corpora: Sequence[Corpus]) -> Corpus:
    """All clips of several folders."""
    return Corpus(
        torch.cat([corpus.samples for corpus in corpora]),
        torch.cat([corpus.speech for corpus in corpora]),
        torch.cat([corpus.natural for corpus in corpora]),
        tuple(clip for corpus in corpora for clip in corpus.clips),
        tuple(notice for corpus in corpora for notice in corpus.notices),
        tuple(root for corpus in corpora for root in corpus.roots),
    )


def split_speakers(speakers: Sequence[str]) -> dict[str, str]:
    """A split for each speaker: ordered by the hash of the name, a fifth to test, a tenth to validate, the others to train."""
    ordered = sorted(set(speakers), key=lambda speaker: seed_of("split", speaker))
    test = max(1, round(TEST_SHARE * len(ordered)))
    validation = max(1, round(VALIDATION_SHARE * len(ordered)))
    names = ["test"] * test + ["validation"] * validation + ["training"] * len(ordered)
    return dict(zip(ordered, names, strict=False))


def read_corpus(folder: Path, source: str | None = None) -> Corpus:
    """Every clip of a folder, at 16 kHz and one second.

    A folder whose clips are mostly shorter than a second holds words cut out; those longer than one keep their loudest second.

    Args:
        folder: a folder of words.
        source: how the folder is called in tables; its name where not given.

    Raises:
        RecordingError: where a file cannot be read.
    """
    files = find_clips(folder)
    source = source or word_root(folder).name
    samples, spans, kept, resampled, full = [], [], [], 0, 0
    for file in files:
        read, rate_hz = read_mono(file.path)
        resampled += rate_hz != RATE_HZ
        if len(read) == 0 or decibels(float(frame_powers(read, RATE_HZ).max())) < QUIET_DBFS:
            continue
        full += len(read) >= WINDOW_SAMPLES
        span = speech_span(read, RATE_HZ)
        window, span = _one_second(read, span)
        samples.append((window * FULL_SCALE).round().clamp(-FULL_SCALE, FULL_SCALE).to(torch.int16))
        spans.append(span)
        kept.append(file)
    if not kept:
        raise RecordingError(f"every clip of {folder} is silent: none is louder than {QUIET_DBFS:.0f} dBFS")
    natural = torch.full((len(kept),), full * 2 > len(kept))
    clips = tuple(TrainingClip(file.id, file.word, file.speaker, source) for file in kept)
    notices = _notices(source, resampled, len(files) - len(kept))
    return Corpus(torch.stack(samples), torch.tensor(spans), natural, clips, notices, ((source, word_root(folder)),))


def read_mono(path: Path) -> tuple[Tensor, int]:
    """Samples at 16 kHz, [time], and the rate that the file had.

    Raises:
        RecordingError: where it is no sound, or holds NaN.
    """
    try:
        read, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    except (OSError, RuntimeError) as error:
        raise RecordingError(f"{path} cannot be read as sound: {error}; remove it from the folder or replace it") from error
    samples = torch.from_numpy(read).mean(1)
    if not bool(samples.isfinite().all()):
        raise RecordingError(f"{path} holds samples that are not numbers; remove it from the folder or replace it")
    if rate_hz != RATE_HZ:
        samples = resample(samples, rate_hz, RATE_HZ, lowpass_filter_width=WIDTH)
    return samples, rate_hz


def training_noises(folder: Path) -> list[Tensor]:
    """The noises of a folder of words, `_background_noise_/*`, each [time]; none where there is no such folder."""
    files = sorted((word_root(folder) / NOISE_FOLDER).glob("*"))
    return [read_mono(path)[0] for path in files if path.suffix.lower() in AUDIO_SUFFIXES]


def check_vocabulary(corpus: Corpus, vocabulary: str) -> tuple[str, ...]:
    """The labels of a vocabulary, once there is something to learn each from.

    Raises:
        UsageError: where there is no such vocabulary.
        RecordingError: where a word has no clip among the training speakers.
    """
    if vocabulary not in VOCABULARIES:
        raise UsageError(f"there is no vocabulary {vocabulary!r}; those that exist: {', '.join(sorted(VOCABULARIES))}")
    labels = VOCABULARIES[vocabulary]
    present = {word for word, split in zip(corpus.words, corpus.splits, strict=True) if split == "training"}
    missing = [word for word in labels if word != UNKNOWN and word not in present]
    if missing:
        folders = ", ".join(sorted(set(corpus.sources)))
        raise RecordingError(
            f"{folders}: no clip of {', '.join(missing)} by a training speaker, and --vocabulary {vocabulary} needs each of its words; "
            "give one more --data"
        )
    if present <= set(labels):
        raise RecordingError(
            f"every clip is a word of --vocabulary {vocabulary}; `{UNKNOWN}` needs folders of other words, give one more --data"
        )
    return labels


def targets(words: Sequence[str], labels: Sequence[str]) -> Tensor:
    """The class of each word, [clips]; words outside the labels are `unknown`."""
    known = {label: index for index, label in enumerate(labels)}
    return torch.tensor([known.get(word, known[UNKNOWN]) for word in words])


def _one_second(samples: Tensor, span: Span) -> tuple[Tensor, Span]:
    """The clip padded on its right to a second, or the second around the middle of its speech."""
    if len(samples) <= WINDOW_SAMPLES:
        return functional.pad(samples, (0, WINDOW_SAMPLES - len(samples))), span
    first = min(max(0, (span.start + span.end - WINDOW_SAMPLES) // 2), len(samples) - WINDOW_SAMPLES)
    return samples[first : first + WINDOW_SAMPLES], Span(max(0, span.start - first), min(WINDOW_SAMPLES, span.end - first))


def _notices(source: str, resampled: int, silent: int) -> tuple[str, ...]:
    told = []
    if resampled:
        told.append(f"{source}: {resampled} clips of another rate were resampled to {RATE_HZ} Hz")
    if silent:
        told.append(f"{source}: {silent} silent clips were skipped, none of their frames is louder than {QUIET_DBFS:.0f} dBFS")
    return tuple(told)
