"""Where the words of a long take lie.

An energy detector in the manner of Rabiner & Sambur, "An algorithm for determining the endpoints of isolated utterances"
(Bell System Technical Journal, 1975): two thresholds between the take's own noise floor and its own peak. A word must reach
the upper one; it begins and ends where the lower one is crossed. Both are a share of the way from floor to peak in dB, so that
they follow the gain of the microphone and the noise of the room; the lower one also keeps clear of a noise that is not steady.

Samples are mono, [time], full scale ±1. Levels are dB relative to full scale (dBFS). Thresholds are percent of the way from
floor (0) to peak (100).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, signal

from robustness.audio.segment_settings import CutSettings, DetectorSettings
from robustness.errors import RecordingError, UsageError

SILENCE_DBFS: Final = -100.0  # digital silence; keeps the logarithm finite
FLOOR_PERCENTILE: Final = 10.0  # pauses fill more than a tenth of a take of words: this level is a pause's
SPREAD_PERCENTILE: Final = 30.0  # still a pause's; how far it lies above the floor says how unsteady the noise is
CLICK_FRAMES: Final = 5  # a peak must last more than half of these: a click is not the loudest word
WIDEST_RANGE_DB: Final = 40.0  # what lies further under the peak is no part of a word, however silent the pauses
LEAST_RANGE_DB: Final = 6.0  # with less between floor and peak, words cannot be told from noise by their energy

Samples = NDArray[np.float32]
LevelsDb = NDArray[np.float64]


class FoundWord(NamedTuple):
    """One word found: where it is and how loud its loudest frame."""

    start_ms: float
    end_ms: float
    level_dbfs: float

    @property
    def duration_ms(self) -> float:
        """How long it lasts."""
        return self.end_ms - self.start_ms


@dataclass(frozen=True, eq=False)
class Hearing:
    """What the detector measured on a take.

    Attributes:
        levels_dbfs: level of each frame, [frames].
        hop_ms: from one frame to the next.
        pause_dbfs: the level of the take's pauses.
        spread_db: how far that noise wanders.
        peak_dbfs: the level of its loudest sound that is no click.
        duration_ms: of the take.
    """

    levels_dbfs: LevelsDb
    hop_ms: float
    pause_dbfs: float
    spread_db: float
    peak_dbfs: float
    duration_ms: float

    @property
    def floor_dbfs(self) -> float:
        """The level of the pauses, or of silence as far as a word is concerned."""
        return max(self.pause_dbfs, self.peak_dbfs - WIDEST_RANGE_DB)

    def word_dbfs(self, settings: DetectorSettings) -> float:
        """What a word must reach."""
        return self.floor_dbfs + settings.word_percent / 100 * (self.peak_dbfs - self.floor_dbfs)

    def edge_dbfs(self, settings: DetectorSettings) -> float:
        """Where a word begins and ends."""
        share = self.floor_dbfs + settings.edge_percent / 100 * (self.peak_dbfs - self.floor_dbfs)
        clear = self.pause_dbfs + settings.noise_spreads * self.spread_db
        return min(max(share, clear), self.word_dbfs(settings))


def hear(samples: Samples, rate_hz: int, settings: DetectorSettings) -> Hearing:
    """Levels, floor and peak of a take, [time].

    Raises:
        RecordingError: where the take is too short, silent, or has nothing above its floor.
    """
    levels = frame_levels_dbfs(samples, rate_hz, settings)
    peak = float(ndimage.median_filter(levels, size=CLICK_FRAMES, mode="nearest").max())
    quiet, unsteady = (
        max(float(np.percentile(levels, percent)), peak - WIDEST_RANGE_DB) for percent in (FLOOR_PERCENTILE, SPREAD_PERCENTILE)
    )
    if peak <= SILENCE_DBFS:
        raise RecordingError("the take is digital silence; give one with words in it")
    if peak - quiet < LEAST_RANGE_DB:
        raise RecordingError(
            f"the take's loudest sound is {peak:.1f} dBFS and its background level {quiet:.1f} dBFS: with less than "
            f"{LEAST_RANGE_DB:g} dB between them, words cannot be told from noise by their energy; "
            "record nearer to the microphone, with pauses between the words"
        )
    return Hearing(levels, settings.hop_ms, quiet, unsteady - quiet, peak, len(samples) / rate_hz * 1000)


def frame_levels_dbfs(samples: Samples, rate_hz: int, settings: DetectorSettings) -> LevelsDb:
    """Level of each frame, [time] → [frames]; frame i is centered on i·hop, and shorter at the take's two ends."""
    if len(samples) < rate_hz * settings.min_word_ms / 1000:
        raise RecordingError(f"the take lasts {len(samples) / rate_hz * 1000:.0f} ms, less than one word; give a longer one")
    if not np.isfinite(samples).all():
        raise RecordingError("the take has samples that are not numbers (NaN or infinite); export it again")
    if settings.highpass_hz >= rate_hz / 2:
        raise UsageError(f"--highpass-hz is {settings.highpass_hz:g}; at {rate_hz} Hz it must be under {rate_hz / 2:g}")
    highpass = signal.butter(4, settings.highpass_hz, "highpass", fs=rate_hz, output="sos")
    heard = signal.sosfiltfilt(highpass, samples.astype(np.float64))
    total = np.concatenate([[0.0], np.cumsum(np.square(heard))])
    centers = np.arange(0, len(heard), settings.hop_ms * rate_hz / 1000)
    half = settings.frame_ms * rate_hz / 2000
    start = np.clip(np.rint(centers - half), 0, len(heard)).astype(int)
    end = np.clip(np.rint(centers + half), 0, len(heard)).astype(int)
    power = (total[end] - total[start]) / np.maximum(end - start, 1)
    levels: LevelsDb = 10 * np.log10(np.maximum(power, 10 ** (SILENCE_DBFS / 10)))
    return levels


def find_words(hearing: Hearing, settings: DetectorSettings) -> list[FoundWord]:
    """The words of a take, in order.

    Stretches above the edge threshold are joined over gaps shorter than a pause; what then reaches the word threshold and
    lasts long enough is a word.
    """
    edge, word = hearing.edge_dbfs(settings), hearing.word_dbfs(settings)
    joined = _joined(_runs(hearing.levels_dbfs > edge), settings.min_pause_ms / hearing.hop_ms)
    words = []
    for start, end in joined:
        level = float(hearing.levels_dbfs[start:end].max())
        if level > word and (end - start) * hearing.hop_ms >= settings.min_word_ms:
            words.append(FoundWord(max(0.0, (start - 0.5) * hearing.hop_ms), min((end - 0.5) * hearing.hop_ms, hearing.duration_ms), level))
    return words


def _runs(above: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """The stretches of True, as [start, end) in frames."""
    steps = np.flatnonzero(np.diff(np.concatenate([[False], above, [False]]).astype(np.int8)))
    return [(int(start), int(end)) for start, end in steps.reshape(-1, 2)]


def _joined(runs: Sequence[tuple[int, int]], least_gap: float) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, end in runs:
        if joined and start - joined[-1][1] < least_gap:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


class Cut(NamedTuple):
    """The stretch of the take that goes with a word."""

    start_ms: float
    end_ms: float


@dataclass(frozen=True, eq=False)
class Segmentation:
    """A take with the words that were found in it.

    Attributes:
        name: the take's.
        samples: [time].
        rate_hz: sampling rate of `samples`.
        hearing: what the detector measured.
        detector: its settings.
        labels: the words given, in order.
        words: where each was found.
        cuts: what goes into each file.
    """

    name: str
    samples: Samples
    rate_hz: int
    hearing: Hearing
    detector: DetectorSettings
    labels: Sequence[str]
    words: Sequence[FoundWord]
    cuts: Sequence[Cut]


def cuts_around(words: Sequence[FoundWord], duration_ms: float, settings: CutSettings) -> list[Cut]:
    """A stretch around each word that reaches into no neighbour: a pause is shared at its middle.

    Raises:
        RecordingError: where a word alone is longer than the longest cut.
    """
    middles = [(one.end_ms + other.start_ms) / 2 for one, other in pairwise(words)]
    return [_cut(word, left, right, settings) for word, left, right in zip(words, [0.0, *middles], [*middles, duration_ms], strict=True)]


def _cut(word: FoundWord, left_ms: float, right_ms: float, settings: CutSettings) -> Cut:
    spare = settings.longest_ms - word.duration_ms
    if spare < 0:
        raise RecordingError(
            f"the word at {word.start_ms / 1000:.2f}–{word.end_ms / 1000:.2f} s lasts {word.duration_ms:.0f} ms and a cut may have "
            f"{settings.longest_ms:g} ms; raise --longest-ms where the model's window allows it, or lower --min-pause-ms if it is two words"
        )
    start = max(left_ms, word.start_ms - min(settings.before_ms, spare))
    return Cut(start, min(right_ms, word.end_ms + settings.after_ms, start + settings.longest_ms))
